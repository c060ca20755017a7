"""OCI runtimes beside each other: `run` and `exec` of `true` in the same bundle, time and peak memory."""

import ctypes
import json
import os
import shutil
import subprocess
import tempfile

VIEWS = ("cgroup v2", "hybrid")
CLONE_NEWNS = 0x20000


class Runtime:
    """A runtime's program, and what it takes to have it run the bundle."""

    def __init__(self, bench, name, argv, folder, root="/"):
        self.bench, self.name, self.argv, self.folder, self.root = bench, name, argv, folder, root
        self.number = 0

    def command(self, *arguments):
        state = os.path.join(self.folder, "state-" + self.name)
        return [*self.argv, "--root", state, *arguments]

    def container(self):
        self.number += 1
        return "%s-%s-%d" % (self.bench.project, self.name, self.number)


class View:
    """A mount namespace with one view of control groups."""

    def __init__(self, bench, name):
        self.name = name
        script = "set -e; mount --make-rprivate /; "
        if name == "cgroup v2":
            script += "mount -t cgroup2 none /sys/fs/cgroup; "
        if bench.options.peers:
            # Programs that are only there see the same bundles and the same view.
            script += "mount --bind {0} {0}; ".format(bench.options.peers)
            for path in ("/proc", "/sys", "/dev", "/run", bench.storage):
                script += "mkdir -p {0}{1}; mount --rbind {1} {0}{1}; ".format(bench.options.peers, path)
        ready, tell = os.pipe()
        self.holder = subprocess.Popen(["unshare", "-m", "sh", "-c", script + "echo ready >&%d; exec sleep infinity" % tell],
                                       pass_fds=[tell], stdin=subprocess.DEVNULL)
        os.close(tell)
        bench.undo.append(lambda: (self.holder.kill(), self.holder.wait()))
        with open(ready) as file:
            if not file.readline():
                raise OSError("can't make a mount namespace with %s" % name)


def spent(bench, view, argv, root="/"):
    """Runs a command in a view, and in a root directory; returns its seconds, without the entering, and its peak memory in bytes."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            namespace = os.open("/proc/%d/ns/mnt" % view.holder.pid, os.O_RDONLY)
            if ctypes.CDLL(None).setns(namespace, CLONE_NEWNS) != 0:
                os._exit(1)
            nothing = os.open("/dev/null", os.O_RDWR)
            log = os.open(bench.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            for number, file in enumerate((nothing, log, log)):
                os.dup2(file, number)
            os.dup2(write, 3)
            os.closerange(4, 256)
            os.set_inheritable(3, True)
            os.chroot(root)
            os.chdir("/")
            os.execv(bench.spent, [bench.spent, *argv])
        finally:
            os._exit(1)
    os.close(write)
    with open(read) as file:
        answer = file.read().split()
    os.waitpid(pid, 0)
    status, nanoseconds, memory = map(int, answer or (1, 0, 0))
    if status != 0:
        raise RuntimeError("%s: %s" % (" ".join(argv), bench.output()[-300:].strip()))
    return nanoseconds / 1e9, memory


def find(bench, roost):
    """The runtimes that are there, in a bundle that all of them get."""
    folder = tempfile.mkdtemp(prefix="runtimes-", dir=bench.runtime)
    shutil.copytree(bench.tree, os.path.join(folder, "rootfs"))
    found = []
    programs = [("roost", os.path.abspath(roost), "/")]
    for name in ("crun", "runc"):
        peers = bench.options.peers
        there = peers and shutil.which(name, path=":".join(peers + path for path in ("/usr/bin", "/usr/sbin")))
        programs.append((name, there[len(peers):], peers) if there else (name, shutil.which(name), "/"))
    for name, program, root in programs:
        if bench.options.contenders and name not in bench.options.contenders:
            continue
        if not program or not os.access(root + program, os.X_OK):
            bench.report.skip("%s as a runtime" % name, "is not installed")
            continue
        found.append(Runtime(bench, name, [program] + (["runtime"] if name == "roost" else []), folder, root))
    if not found:
        return []
    subprocess.run([*found[0].argv, "spec", "--bundle", folder], check=True)
    path = os.path.join(folder, "config.json")
    with open(path) as file:
        spec = json.load(file)
    spec["ociVersion"] = "1.0.2"
    spec["process"].update(terminal=False, args=["/bin/true"])
    with open(path, "w") as file:
        json.dump(spec, file)
    spec["process"]["args"] = ["/bin/roost-idle", bench.marker]
    spec["root"]["path"] = os.path.join(folder, "rootfs")
    os.makedirs(os.path.join(folder, "idle"))
    with open(os.path.join(folder, "idle/config.json"), "w") as file:
        json.dump(spec, file)
    return found


def measure(bench, roost):
    """Each runtime once a round, in both views; what can't be had in one is said."""
    bench.spent = os.path.join(bench.storage, "spent")
    bench.build("spent.c", bench.spent, "-static")
    runtimes = find(bench, roost)
    views = [View(bench, name) for name in VIEWS]
    for view in views:
        ready, idle = [], []
        for each in runtimes:
            try:
                spent(bench, view, each.command("run", "--bundle", each.folder, each.container()), each.root)
                ready.append(each)
            except RuntimeError as error:
                bench.report.skip("%s on %s" % (each.name, view.name), str(error))
                continue
            name = each.container()
            try:
                spent(bench, view, each.command("run", "--detach", "--bundle", os.path.join(each.folder, "idle"), name),
                      each.root)
                bench.undo.append(lambda each=each, name=name, view=view:
                                  spent(bench, view, each.command("delete", "--force", name), each.root))
                idle.append((each, name))
            except RuntimeError as error:
                bench.report.skip("%s exec on %s" % (each.name, view.name), str(error))
        for round in range(bench.options.runs * 8):
            bench.say("runtimes on %s, %d of %d" % (view.name, round + 1, bench.options.runs * 8))
            bench.floor.sample(("runtime", view.name, "floor"), "--runs", "5", "--net", "new")
            for each in ready:
                command = each.command("--version")
                bench.report.add(("runtime", view.name, each.name + " --version"), spent(bench, view, command, each.root)[0])
                command = each.command("run", "--bundle", each.folder, each.container())
                seconds, memory = spent(bench, view, command, each.root)
                bench.report.add(("runtime", view.name, each.name + " run"), seconds)
                bench.report.add_peak((view.name, each.name + " run"), memory)
            for each, name in idle:
                seconds, memory = spent(bench, view, each.command("exec", name, "/bin/true"), each.root)
                bench.report.add(("runtime", view.name, each.name + " exec"), seconds)
                bench.report.add_peak((view.name, each.name + " exec"), memory)
        # Their programs would be taken for those of services.
        for each, name in idle:
            spent(bench, view, each.command("delete", "--force", name), each.root)
