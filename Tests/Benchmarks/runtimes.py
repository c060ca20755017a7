"""OCI runtimes beside each other: `run` and `exec` of `true` in the same bundle, time and peak memory."""

import json
import os
import shutil
import subprocess
import tempfile
import time

VIEWS = ("cgroup v2", "hybrid")


class Runtime:
    """A runtime's program, and what it takes to have it run the bundle."""

    def __init__(self, bench, name, argv, folder):
        self.bench, self.name, self.argv, self.folder = bench, name, argv, folder
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
        script = "mount --make-rprivate / && "
        if name == "cgroup v2":
            script += "mount -t cgroup2 none /sys/fs/cgroup && "
        ready, tell = os.pipe()
        self.holder = subprocess.Popen(["unshare", "-m", "sh", "-c", script + "echo ready >&%d && exec sleep infinity" % tell],
                                       pass_fds=[tell], stdin=subprocess.DEVNULL)
        os.close(tell)
        bench.undo.append(lambda: (self.holder.kill(), self.holder.wait()))
        with open(ready) as file:
            if not file.readline():
                raise OSError("can't make a mount namespace with %s" % name)


def spent(bench, view, argv):
    """Runs a command in a view; returns its seconds, without the entering, and its peak memory in bytes."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            # The way in is not counted: the clock starts when the command is executed.
            os.setns(os.open("/proc/%d/ns/mnt" % view.holder.pid, os.O_RDONLY), os.CLONE_NEWNS)
            nothing = os.open("/dev/null", os.O_RDWR)
            log = os.open(bench.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            begin = time.perf_counter_ns()
            os.set_inheritable(write, False)
            child = os.posix_spawn(argv[0], argv, os.environ, file_actions=[
                (os.POSIX_SPAWN_DUP2, nothing, 0), (os.POSIX_SPAWN_DUP2, log, 1), (os.POSIX_SPAWN_DUP2, log, 2)])
            _, status, usage = os.wait4(child, 0)
            seconds = (time.perf_counter_ns() - begin) / 1e9
            os.write(write, json.dumps([status, seconds, usage.ru_maxrss * 1024]).encode())
        finally:
            os._exit(0)
    os.close(write)
    with open(read) as file:
        answer = file.read()
    os.waitpid(pid, 0)
    status, seconds, memory = json.loads(answer or "[1, 0, 0]")
    if status != 0:
        raise RuntimeError("%s: %s" % (" ".join(argv), bench.output()[-300:].strip()))
    return seconds, memory


def find(bench, roost):
    """The runtimes that are there, in a bundle that all of them get."""
    folder = tempfile.mkdtemp(prefix="runtimes-", dir=bench.runtime)
    shutil.copytree(bench.tree, os.path.join(folder, "rootfs"))
    found = []
    for name, program in (("roost", os.path.abspath(roost)), ("crun", shutil.which("crun")), ("runc", shutil.which("runc"))):
        if bench.options.contenders and name not in bench.options.contenders:
            continue
        if not program or not os.access(program, os.X_OK):
            bench.report.skip("%s as a runtime" % name, "is not installed")
            continue
        found.append(Runtime(bench, name, [program] + (["runtime"] if name == "roost" else []), folder))
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
    runtimes = find(bench, roost)
    views = [View(bench, name) for name in VIEWS]
    for view in views:
        ready, idle = [], []
        for each in runtimes:
            try:
                spent(bench, view, each.command("run", "--bundle", each.folder, each.container()))
                ready.append(each)
            except RuntimeError as error:
                bench.report.skip("%s on %s" % (each.name, view.name), str(error))
                continue
            name = each.container()
            try:
                spent(bench, view, each.command("run", "--detach", "--bundle", os.path.join(each.folder, "idle"), name))
                bench.undo.append(lambda each=each, name=name, view=view:
                                  spent(bench, view, each.command("delete", "--force", name)))
                idle.append((each, name))
            except RuntimeError as error:
                bench.report.skip("%s exec on %s" % (each.name, view.name), str(error))
        for round in range(bench.options.runs * 8):
            bench.say("runtimes on %s, %d of %d" % (view.name, round + 1, bench.options.runs * 8))
            bench.floor.sample(("runtime", view.name, "floor"), "--runs", "5", "--net", "new")
            for each in ready:
                command = each.command("--version")
                bench.report.add(("runtime", view.name, each.name + " --version"), spent(bench, view, command)[0])
                command = each.command("run", "--bundle", each.folder, each.container())
                seconds, memory = spent(bench, view, command)
                bench.report.add(("runtime", view.name, each.name + " run"), seconds)
                bench.report.add_peak((view.name, each.name + " run"), memory)
            for each, name in idle:
                seconds, memory = spent(bench, view, each.command("exec", name, "/bin/true"))
                bench.report.add(("runtime", view.name, each.name + " exec"), seconds)
                bench.report.add_peak((view.name, each.name + " exec"), memory)
