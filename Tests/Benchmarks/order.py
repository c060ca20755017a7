#!/usr/bin/env python3
"""Writes the names of the functions that short commands execute, in their order, for the linker.

The linker puts them next to each other, so that a command maps few pages of a large program: `make order`.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
COMPOSE = """services:
  one: {image: "rootfs:%s", command: [/bin/roost-idle], healthcheck: {test: [CMD, /bin/true], interval: 1s}}
  two: {image: "rootfs:%s", command: [/bin/roost-idle], ports: ["127.0.0.1:0:80"], depends_on: [one]}
"""


def main(program, output):
    folder = tempfile.mkdtemp(prefix="roost-order-", dir="/var/tmp")
    hot, tree, project = (os.path.join(folder, name) for name in ("hot", "rootfs", "project"))
    environment = dict(os.environ, ROOST_ROOT=folder + "/storage", ROOST_RUNTIME=folder + "/run")
    os.makedirs(tree + "/bin")
    os.makedirs(project)
    names = {}

    def build(source, target, *options):
        subprocess.run(["cc", "-O2", "-o", target, *options, os.path.join(HERE, source)], check=True)

    def trace(*arguments, directory=project):
        read, write = os.pipe()
        # From 3 on, where the tracer writes.
        command = ["sh", "-c", 'exec "$@" 3>&%d' % write, "sh", hot, program, *arguments]
        with subprocess.Popen(command, cwd=directory, env=environment, pass_fds=[write], stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL) as process:
            os.close(write)
            with open(read) as file:
                for line in file:
                    names.setdefault(line.strip())
        if process.returncode != 0:
            raise SystemExit("%s: status %d" % (" ".join(arguments), process.returncode))

    try:
        build("hot.c", hot)
        build("trivial.c", tree + "/bin/true", "-static")
        shutil.copy(tree + "/bin/true", tree + "/bin/roost-idle")
        with open(project + "/compose.yaml", "w") as file:
            file.write(COMPOSE % (tree, tree))
        subprocess.run([program, "runtime", "spec", "--bundle", folder], check=True)
        with open(folder + "/config.json") as file:
            spec = json.load(file)
        spec["process"].update(terminal=False, args=["/bin/true"])
        with open(folder + "/config.json", "w") as file:
            json.dump(spec, file)
        spec["process"]["args"] = ["/bin/roost-idle"]
        with open(folder + "/idle.json", "w") as file:
            json.dump(spec, file)
        runtime = ("runtime", "--root", folder + "/oci")
        trace(*runtime, "run", "--bundle", folder, "one")
        trace(*runtime, "run", "--detach", "--bundle", folder, "--config", folder + "/idle.json", "two")
        trace(*runtime, "exec", "two", "/bin/true")
        for command in (["state", "two"], ["kill", "two", "KILL"], ["delete", "--force", "two"]):
            trace(*runtime, *command)
        trace("config", "-q")
        trace("up", "-d")
        for command in (["up", "-d"], ["ps"], ["exec", "-T", "one", "/bin/true"], ["run", "--rm", "one", "/bin/true"],
                        ["logs"], ["down"]):
            trace(*command)
    finally:
        subprocess.run([program, "down"], cwd=project, env=environment, stderr=subprocess.DEVNULL, check=False)
        shutil.rmtree(folder)
    with open(output, "w") as file:
        file.writelines(name + "\n" for name in names)
    print("%d functions" % len(names))


if __name__ == "__main__":
    main(os.path.abspath(sys.argv[1]), sys.argv[2])
