#!/usr/bin/env python3
"""Measures Roost beside a bare C program, docker compose and other runtimes: see docs/benchmarks.md."""

import argparse
import json
import os
import select
import shutil
import signal
import sys
import tempfile
import time

sys.dont_write_bytecode = True  # The folder of the sources stays as it is.

import builds
import projects
import pulls
import runtimes
from contenders import Compose, Floor, Unavailable, find_docker, find_runtimes
from observed import Snapshot, memory_of_docker, memory_of_roost, of_roost, running, services
from report import Report

HERE = os.path.dirname(os.path.abspath(__file__))
GROUPS = ("floor", "run", "runtime", "config", "pull", "build", "up1", "up10", "up50")


class Failed(Exception):
    """A measured command failed; says which and what it printed last."""


class Bench:
    """One run: a scratch place, the contenders, and what was measured."""

    def __init__(self, options):
        self.options = options
        self.report = Report(options.runs)
        # What runs is on a tmpfs on most machines, and what lasts on a disk: the same here as in a real installation.
        self.storage = tempfile.mkdtemp(prefix="roost-bench-", dir="/var/tmp")
        self.runtime = tempfile.mkdtemp(prefix="roost-bench-", dir="/run")
        self.log = os.path.join(self.storage, "log")
        # The last argument of every service, which tells its processes from all others on the machine.
        self.marker = str(10**8 + os.getpid())
        self.project = "roostbench%d" % os.getpid()
        self.undo = [lambda: shutil.rmtree(self.runtime, ignore_errors=True),
                     lambda: shutil.rmtree(self.storage, ignore_errors=True),
                     self.end_strays]

    # Running commands

    def time(self, argv, env=None, timeout=120):
        """Runs a command and returns its seconds; raises Failed with the end of its output."""
        nothing, log = os.open("/dev/null", os.O_RDWR), os.open(self.log, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            files = [(os.POSIX_SPAWN_DUP2, nothing, 0), (os.POSIX_SPAWN_DUP2, log, 1), (os.POSIX_SPAWN_DUP2, log, 2)]
            begin = time.perf_counter_ns()
            # A group of its own, so that a command that hangs can be ended with its children.
            pid = os.posix_spawnp(argv[0], argv, env or os.environ, file_actions=files, setpgroup=0)
            ended = os.pidfd_open(pid)
            try:
                poll = select.poll()
                poll.register(ended, select.POLLIN)
                in_time = poll.poll(timeout * 1000)
                if not in_time:
                    os.killpg(pid, signal.SIGKILL)
                status = os.waitpid(pid, 0)[1]
                seconds = (time.perf_counter_ns() - begin) / 1e9
            except BaseException:
                os.killpg(pid, signal.SIGTERM)
                os.waitpid(pid, 0)
                raise
            finally:
                os.close(ended)
            if not in_time or status != 0:
                how = "took over %d s" % timeout if not in_time else "failed"
                raise Failed("%s %s: %s" % (" ".join(argv), how, self.output()[-300:].strip() or "(no output)"))
            return seconds
        finally:
            os.close(nothing)
            os.close(log)

    def output(self):
        with open(self.log, errors="replace") as file:
            return file.read()

    # Preparing

    def prepare(self):
        self.tree = os.path.join(self.storage, "tree")
        for folder in ("bin", "dev", "etc", "proc", "sys", "tmp"):
            os.makedirs(os.path.join(self.tree, folder))
        self.build("trivial.c", os.path.join(self.tree, "bin/true"), "-static", "-s")
        os.link(os.path.join(self.tree, "bin/true"), os.path.join(self.tree, "bin/roost-idle"))
        program = os.path.join(self.storage, "floor")
        self.build("floor.c", program)
        self.floor = Floor(self, program)

        self.compose, self.singles = [], []
        if self.options.only == ["floor"]:
            return
        roost = os.path.abspath(self.options.roost)
        if not os.access(roost, os.X_OK):
            self.report.skip("roost", "%s is not there: `make release` builds it" % roost)
        else:
            self.compose += [Compose.roost(self, roost, host_root=False), Compose.roost(self, roost, host_root=True)]
        for find in (find_docker, find_runtimes):
            compose, singles = find(self)
            self.compose += compose
            self.singles += singles
        wanted = self.options.contenders
        self.compose = [each for each in self.compose if not wanted or each.key in wanted]
        self.singles = [each for each in self.singles if not wanted or each.key in wanted]

    def build(self, source, program, *flags):
        compiler = shutil.which("cc") or shutil.which("clang")
        if compiler is None:
            raise Unavailable("no C compiler: install gcc and libc6-dev")
        self.time([compiler, "-std=gnu17", "-O2", *flags, "-o", program, os.path.join(HERE, source)])

    # Measuring

    def measure(self, groups):
        if "floor" in groups:
            self.say("floor")
            self.floor.measure_phases(self.options.runs)
        if "run" in groups:
            self.measure_runs()
        if "runtime" in groups:
            runtimes.measure(self, self.options.roost)
        if "config" in groups:
            self.measure_config()
        if "pull" in groups:
            pulls.measure(self, self.options.roost)
        if "build" in groups:
            builds.measure(self, self.options.roost)
        for count in (1, 10, 50):
            if "up%d" % count in groups:
                self.measure_cycles(count)

    def measure_runs(self):
        """One container that runs `true`: each contender once a round, so that drift hits all alike."""
        contenders = [single for each in self.compose for single in each.runs()] + self.singles
        ready = []
        for single in contenders:
            try:
                single.prepare()
                single.sample()  # Not counted: it pays for caches.
                ready.append(single)
            except (Failed, Unavailable) as error:
                self.report.skip(single.name, str(error))
        for round in range(self.options.runs * 4):
            self.say("run %d of %d" % (round + 1, self.options.runs * 4))
            self.floor.sample_run()
            for single in list(ready):
                try:
                    self.report.add(("run", single.name), single.sample())
                except Failed as error:
                    self.report.skip(single.name, str(error))
                    ready.remove(single)
        for single in contenders:
            try:
                single.finish()
            except Failed as error:
                self.report.skip(single.name, str(error))

    def measure_config(self):
        """`config` of files of some sizes; nothing is run, so the images need not be there."""
        files = [("10 lines", projects.SMALL), ("1,000 services", projects.large(1000)),
                 ("2,000 services", projects.large(2000))]
        ready = [each for each in self.compose if not each.host_root]
        for size, text in files:
            for each in ready:
                each.write_text(text)
            for round in range(self.options.runs * 2 + 1):
                self.say("config of %s, %d of %d" % (size, round, self.options.runs * 2))
                for each in list(ready):
                    try:
                        seconds = each.run("config")
                        if round > 0:
                            self.report.add(("file", size, each.name), seconds)
                    except Failed as error:
                        self.report.skip("%s, config of %s" % (each.name, size), str(error))
                        ready.remove(each)

    def measure_cycles(self, count):
        """The life of a project of `count` services, each contender once a round."""
        ready = list(self.compose)
        for each in self.compose:
            each.write(count)
        # The first cycle is not counted: it pays for caches.
        for round in range(self.options.runs + 1):
            self.say("%d services, cycle %d of %d" % (count, round, self.options.runs))
            self.floor.sample_hold(count, counted=round > 0)
            # Another order every time: what one leaves to the kernel to clean up should not always hit the same other.
            for each in ready[round % len(ready):] + ready[:round % len(ready)] if ready else []:
                try:
                    self.cycle(each, count, counted=round > 0)
                except Failed as error:
                    self.report.skip("%s, %d services" % (each.name, count), str(error))
                    ready.remove(each)

    def cycle(self, each, count, counted):
        before = Snapshot(self, each)
        idle = memory_of_docker(each.engine) if each.engine else {}
        samples = {}
        try:
            samples["up -d"] = each.run("up", "-d")
            if running(self.marker, count, deadline=2) != count:
                raise Failed("%s: `up -d` of %d services leaves %d running" % (each.name, count, running(self.marker)))
            samples["warm up -d"] = each.run("up", "-d")
            samples["ps"] = each.run("ps")
            samples["config"] = each.run("config")
            memory = {}
            if each.key == "roost":
                memory = memory_of_roost(self.runtime)
            elif each.engine:
                memory = memory_of_docker(each.engine)
            if idle:
                memory["of this before `up`"] = sum(idle.values())
        except Failed:
            # The first failure is the one to report; `close` tries again, and says so if that fails too.
            try:
                each.run("down")
            except Failed:
                pass
            raise
        samples["down"] = each.run("down")
        left = before.leftovers(deadline=2)
        if not counted:
            return
        for operation, seconds in samples.items():
            self.report.add((operation, count, each.name), seconds)
        if memory:
            self.report.add_memory(each.name, count, memory)
        self.report.add_leftovers(each.name, count, left)

    def end_strays(self):
        """Ends what a failed `down` left running; all of it bears this run's mark."""
        for pid in of_roost(self.runtime) + services(self.marker):
            print("bench: process %d was left running; ending it" % pid, file=sys.stderr)
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def say(self, what):
        if sys.stderr.isatty():
            print("\r\033[K" + what, end="", file=sys.stderr, flush=True)

    def close(self):
        self.say("")
        while self.undo:
            try:
                self.undo.pop()()
            except (Failed, OSError, RuntimeError) as error:
                print("bench: cleaning up: %s" % error, file=sys.stderr)


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--roost", default=".build/release/roost", metavar="PATH", help="the binary to measure")
    parser.add_argument("--runs", type=int, default=5, metavar="K", help="counted cycles of each project (default: 5)")
    parser.add_argument("--only", type=lambda text: text.split(","), default=list(GROUPS), metavar="GROUP,…",
                        help="of " + ", ".join(GROUPS))
    parser.add_argument("--contenders", type=lambda text: text.split(","), metavar="NAME,…",
                        help="of roost, docker, buildah, crun, runc, podman (default: all that are there)")
    parser.add_argument("--peers", metavar="DIR",
                        help="a root directory with a Docker engine of its own running in it (DIR/run/docker.pid)")
    parser.add_argument("--json", metavar="FILE", help="write every sample there too")
    options = parser.parse_args()
    unknown = set(options.only) - set(GROUPS)
    if unknown:
        parser.error("no group '%s': they are %s" % (sorted(unknown)[0], ", ".join(GROUPS)))
    if options.runs < 1:
        parser.error("--runs takes a number from 1")
    if os.geteuid() != 0:
        parser.error("needs root: it mounts, and reads the memory of other processes")
    return options


def interrupt(*_):
    raise KeyboardInterrupt


def main():
    options = parse()
    signal.signal(signal.SIGTERM, interrupt)
    bench = Bench(options)
    try:
        bench.prepare()
        bench.measure(options.only)
    except (Failed, Unavailable) as error:
        print("bench: %s" % error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("bench: interrupted", file=sys.stderr)
        return 130
    finally:
        bench.close()
    print(bench.report.text())
    if options.json:
        with open(options.json, "w") as file:
            json.dump(bench.report.everything(), file, indent=1)
            file.write("\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
