"""What is measured: the floor, Roost, docker compose, and runtimes that start one container."""

import json
import os
import shutil
import signal
import subprocess
import tempfile


class Unavailable(Exception):
    """Something is not there to be measured; says why."""


class Floor:
    """The bare C program."""

    def __init__(self, bench, program):
        self.bench, self.program = bench, program

    def ask(self, *arguments):
        program = "/bin/roost-idle" if "--hold" in arguments else "/bin/true"
        self.bench.time([self.program, *arguments, "--lower", self.bench.tree, program])
        answer = dict(word.split("=") for word in self.bench.output().split())
        return {key: int(value) / 1e9 for key, value in answer.items()
                if key in ("median", "minimum", "up", "down", "wall")}

    def measure_phases(self, rounds):
        """Each phase once a round, so that drift hits all alike."""
        self.bench.time([self.program, "--list"])
        phases, runs = self.bench.output().split(), 20
        for _ in range(rounds):
            for phase in phases:
                self.sample(("floor", phase), "--phase", phase, "--runs", str(runs))
            self.sample(("floor", "new network"), "--net", "new", "--runs", str(runs))
            for processes in (2, 4):
                wall = self.ask("--processes", str(processes), "--runs", str(runs))["wall"]
                self.bench.report.add(("floor", "net, by %d processes" % processes), wall / runs)

    def sample(self, key, *arguments):
        answer = self.ask(*arguments)
        self.bench.report.add(key, answer["median"], answer["minimum"])

    def sample_run(self):
        """One container, without the start of the program that makes it."""
        self.sample(("run", "floor"), "--runs", "5")
        self.sample(("run", "floor, new network"), "--runs", "5", "--net", "new")

    def sample_hold(self, count, counted):
        answer = self.ask("--hold", str(count), "--net", "new")
        if counted:
            self.bench.report.add(("up -d", count, "floor"), answer["up"])
            self.bench.report.add(("down", count, "floor"), answer["down"])


class SingleRun:
    """A command that runs `true` in one container."""

    def __init__(self, bench, key, name, argv, env=None, prepare=None, finish=None):
        self.bench, self.key, self.name, self.argv, self.env = bench, key, name, argv, env
        self.prepare = prepare or (lambda: None)
        self.finish = finish or (lambda: None)

    def sample(self):
        return self.bench.time(self.argv, self.env)


class Compose:
    """A program that takes `up`, `down`, `ps` and `config` for a Compose project."""

    def __init__(self, bench, key, name, argv, image, folder, inside=None, env=None, engine=None, host_root=False):
        self.bench, self.key, self.name, self.argv, self.image = bench, key, name, argv, image
        self.folder, self.inside = folder, inside or folder
        self.env, self.engine, self.host_root = env, engine, host_root
        self.project = bench.project + ("host" if host_root else "")
        self.word = key
        self.is_up = False
        bench.undo.append(self.close)

    @staticmethod
    def roost(bench, program, host_root):
        folder = os.path.join(bench.storage, "host" if host_root else "tiny")
        env = dict(os.environ, ROOST_ROOT=os.path.join(bench.storage, "roost"), ROOST_RUNTIME=bench.runtime)
        return Compose(bench, "roost", "roost, rootfs:/" if host_root else "roost", [program],
                       "rootfs:/" if host_root else "rootfs:" + bench.tree, folder, env=env, host_root=host_root)

    def write(self, count):
        """Writes the project of `count` services that do nothing until they are asked to end."""
        # sleep(1) doesn't handle SIGTERM, which the first process of a container has to; so there an init stands first.
        program = "sleep" if self.host_root else "/bin/roost-idle"
        service = {"image": self.image, "command": [program, self.bench.marker]}
        if self.host_root:
            service["init"] = True
        # JSON is YAML.
        self.write_text(json.dumps({"services": {"s%02d" % n: service for n in range(1, count + 1)}}, indent=1))

    def write_text(self, text):
        """Writes the project's file."""
        os.makedirs(self.folder, exist_ok=True)
        with open(os.path.join(self.folder, "compose.yaml"), "w") as file:
            file.write(text)

    def command(self, *arguments):
        return [*self.argv, "-f", os.path.join(self.inside, "compose.yaml"), "-p", self.project, *arguments]

    def run(self, *arguments):
        if arguments[0] == "up":
            self.is_up = True
        seconds = self.bench.time(self.command(*arguments), self.env)
        if arguments[0] == "down":
            self.is_up = False
        return seconds

    def runs(self):
        """`run --rm` of a service, in the project's network, which the first run makes."""
        def prepare():
            self.write(1)
            self.is_up = True
        program = "true" if self.host_root else "/bin/true"
        return [SingleRun(self.bench, self.key, self.name + (" compose" if self.name == "docker" else "") + " run --rm",
                          self.command("run", "--rm", "-T", "s01", program), self.env, prepare, self.close)]

    def close(self):
        if self.is_up:
            self.run("down")

    def directories(self):
        projects = os.path.join(self.bench.runtime, "projects")
        return os.listdir(projects) if os.path.isdir(projects) else []


def entry(options):
    """How to run a command where the engine's files are, and where files for it go: on the host and inside."""
    if not options.peers:
        return [], "/var/tmp", "/var/tmp", None
    try:
        with open(os.path.join(options.peers, "run/docker.pid")) as file:
            engine = int(file.read())
        os.kill(engine, 0)
    except (OSError, ValueError) as error:
        raise Unavailable("no Docker engine runs in %s: %s" % (options.peers, error)) from error
    argv = ["nsenter", "-t", str(engine), "-m", "-r", "-w", "env", "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
            "PODMAN_IGNORE_CGROUPSV1_WARNING=1"]
    return argv, os.path.join(options.peers, "var/tmp"), "/var/tmp", engine


def quiet(argv, **options):
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60, **options)


def succeeds(argv):
    try:
        return quiet(argv).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def make_folder(bench, outside, inside):
    """A folder that the peers see too: its name on the host, and inside."""
    os.makedirs(outside, exist_ok=True)
    folder = tempfile.mkdtemp(prefix="roost-bench-", dir=outside)
    bench.undo.append(lambda: shutil.rmtree(folder, ignore_errors=True))
    return folder, os.path.join(inside, os.path.basename(folder))


def find_docker(bench):
    """docker compose and docker run, if an engine answers and knows compose."""
    try:
        prefix, outside, inside, engine = entry(bench.options)
    except Unavailable as error:
        bench.report.skip("docker", str(error))
        return [], []
    docker = [*prefix, "docker"]
    if bench.options.contenders and "docker" not in bench.options.contenders:
        return [], []
    if not succeeds([*docker, "version"]):
        bench.report.skip("docker", "no Docker engine answers (--peers names one in a root directory of its own)")
        return [], []
    if not succeeds([*docker, "compose", "version"]):
        bench.report.skip("docker compose", "docker has no compose plugin")
        return [], []
    bench.report.version("docker", quiet([*docker, "version", "--format", "{{.Server.Version}}"]).stdout)
    bench.report.version("docker compose", quiet([*docker, "compose", "version", "--short"]).stdout)
    if engine is None:
        engine = next((int(pid) for pid in os.listdir("/proc") if pid.isdigit()
                       and os.path.basename(os.path.realpath("/proc/%s/exe" % pid)) == "dockerd"), None)
    folder, seen = make_folder(bench, outside, inside)
    subprocess.run(["tar", "-C", bench.tree, "-cf", os.path.join(folder, "image.tar"), "."], check=True)
    image = bench.project + ":latest"
    bench.undo.append(lambda: quiet([*docker, "image", "rm", image]))
    bench.time([*docker, "import", os.path.join(seen, "image.tar"), image])
    compose = Compose(bench, "docker", "docker compose", [*docker, "compose"], image, folder, seen, engine=engine)
    singles = [SingleRun(bench, "docker", "docker run --rm", [*docker, "run", "--rm", image, "/bin/true"])]
    if prefix:
        # No container: how much of the others' figures is the way into their root directory.
        singles.append(SingleRun(bench, "docker", "(entering the peers' root)", [*prefix, "true"]))
    return [compose], singles


def unified(bench, prefix):
    """A place that shows only cgroup v2, for crun, which refuses hybrid hosts."""
    if os.path.exists("/sys/fs/cgroup/cgroup.controllers"):
        return prefix
    ready, tell = os.pipe()
    script = "mount -t cgroup2 none /sys/fs/cgroup && echo ready >&%d && exec sleep infinity" % tell
    holder = subprocess.Popen([*prefix, "unshare", "-m", "sh", "-c", script], pass_fds=[tell],
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(tell)
    bench.undo.append(lambda: (holder.send_signal(signal.SIGKILL), holder.wait()))
    with open(ready) as file:
        if not file.readline():
            raise Unavailable("can't mount cgroup v2 for it")
    place = ["nsenter", "-t", str(holder.pid), "-m"]
    return place + ["-r", "-w", *prefix[prefix.index("env"):]] if prefix else place


def find_runtimes(bench):
    """The runtimes that need no engine, each with its own default configuration and the benchmark's tree as root."""
    try:
        prefix, outside, inside, _ = entry(bench.options)
    except Unavailable:
        prefix, outside, inside = [], "/var/tmp", "/var/tmp"
    singles = []
    for name in ("crun", "runc", "podman"):
        if bench.options.contenders and name not in bench.options.contenders:
            continue
        if not succeeds([*prefix, name, "--version"]):
            bench.report.skip(name, "is not installed")
            continue
        bench.report.version(name, quiet([*prefix, name, "--version"]).stdout.splitlines()[0].split()[-1])
        folder, seen = make_folder(bench, outside, inside)
        shutil.copytree(bench.tree, os.path.join(folder, "rootfs"))
        if name == "podman":
            singles.append(SingleRun(bench, name, "podman run --rm", [
                *prefix, name, "run", "--rm", "--rootfs", os.path.join(seen, "rootfs") + ":O", "/bin/true"]))
            continue
        try:
            place = unified(bench, prefix) if name == "crun" else prefix
            write_bundle(prefix, name, folder, seen)
        except (Unavailable, OSError) as error:
            bench.report.skip(name, str(error))
            continue
        singles.append(SingleRun(bench, name, name + " run", [
            *place, name, "run", "--bundle", seen, "%s-%s" % (bench.project, name)]))
    return [], singles


def write_bundle(prefix, name, folder, seen):
    done = quiet([*prefix, name, "spec", "--bundle", seen])
    if done.returncode != 0:
        raise Unavailable("`%s spec` failed: %s" % (name, done.stderr.strip()))
    path = os.path.join(folder, "config.json")
    with open(path) as file:
        spec = json.load(file)
    spec["process"].update(terminal=False, args=["/bin/true"])
    with open(path, "w") as file:
        json.dump(spec, file)
