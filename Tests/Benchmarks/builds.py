"""Building from a Dockerfile of 20 steps: with nothing in the cache, and with everything."""

import os
import resource
import shutil
import subprocess
import time

from contenders import Unavailable, entry, make_folder, quiet, succeeds

STEPS = 20


def applets(bench, folder, prefix):
    """An archive of a root filesystem with a static shell."""
    busybox = shutil.which("busybox")
    if bench.options.peers:
        busybox = os.path.join(bench.options.peers, "usr/bin/busybox")
    if busybox is None or b"statically linked" not in subprocess.run(["file", "-L", busybox], capture_output=True).stdout:
        raise Unavailable("no static busybox: install busybox-static")
    root = os.path.join(folder, "base")
    for name in ("bin", "etc", "tmp", "dev", "proc", "sys", "root"):
        os.makedirs(os.path.join(root, name))
    shutil.copy2(busybox, os.path.join(root, "bin/busybox"))
    for name in ("sh", "cat", "mkdir", "cp", "rm", "ls", "true"):
        os.symlink("busybox", os.path.join(root, "bin", name))
    with open(os.path.join(root, "etc/passwd"), "w") as file:
        file.write("root:x:0:0:root:/root:/bin/sh\n")
    subprocess.run(["tar", "-C", root, "-cf", os.path.join(folder, "base.tar"), "."], check=True)
    shutil.rmtree(root)


def write(folder, image):
    """Twelve commands and eight copies, each on top of the one before; the first copy makes all others new."""
    context = os.path.join(folder, "context")
    os.makedirs(os.path.join(context, "many"))
    for number in range(500):
        with open(os.path.join(context, "many/%03d" % number), "wb") as file:
            file.write(os.urandom(2000))
    for number in range(6):
        with open(os.path.join(context, "file%d" % number), "wb") as file:
            file.write(os.urandom(20_000))
    lines = ["FROM %s" % image, "COPY salt /salt", "COPY many /many"]
    for number in range(6):
        lines += ["RUN mkdir -p /work%d && cat /salt > /work%d/salt" % (number, number),
                  "COPY file%d /work%d/" % (number, number),
                  "RUN cp /work%d/file%d /work%d/copy && rm /work%d/salt" % (number, number, number, number)]
    assert len(lines) == STEPS + 1
    with open(os.path.join(context, "Dockerfile"), "w") as file:
        file.write("\n".join(lines) + "\n")
    return context


def salt(context):
    with open(os.path.join(context, "salt"), "wb") as file:
        file.write(os.urandom(32).hex().encode())


def contenders(bench, roost):
    """By name: the command that builds, its environment, and its context on the host."""
    wanted, found = bench.options.contenders, {}
    image = "roost-bench-base%d:latest" % os.getpid()
    result = "roost-bench-built%d:latest" % os.getpid()
    if (not wanted or "roost" in wanted) and os.access(roost, os.X_OK):
        folder = os.path.join(bench.storage, "builds")
        os.makedirs(folder)
        applets(bench, folder, [])
        context = write(folder, image)
        environment = dict(os.environ, ROOST_ROOT=os.path.join(folder, "store"), ROOST_RUNTIME=bench.runtime)
        subprocess.run([roost, "image", "import", os.path.join(folder, "base.tar"), image], env=environment, check=True,
                       stdout=subprocess.DEVNULL)
        with open(os.path.join(folder, "compose.yaml"), "w") as file:
            file.write("services: { web: { build: ./context, image: '%s' } }\n" % result)
        found["roost"] = ([roost, "-f", os.path.join(folder, "compose.yaml"), "build", "-q"], environment, context)
    try:
        prefix, outside, inside, _ = entry(bench.options)
    except Unavailable as error:
        bench.report.skip("docker build", str(error))
        return found
    folder, seen = make_folder(bench, outside, inside)
    applets(bench, folder, prefix)
    context = write(folder, image)
    at = os.path.join(seen, "context")
    docker, buildah = [*prefix, "docker"], [*prefix, "buildah"]
    if not wanted or "docker" in wanted:
        if succeeds([*docker, "buildx", "version"]) and succeeds([*docker, "version"]):
            bench.time([*docker, "import", os.path.join(seen, "base.tar"), image])
            bench.undo.append(lambda: quiet([*docker, "image", "rm", "-f", image, result]))
            found["docker"] = ([*docker, "buildx", "build", "-q", "-t", result, at], None, context)
        else:
            bench.report.skip("docker build", "no Docker engine with buildx answers")
    if not wanted or "buildah" in wanted:
        if succeeds([*buildah, "--version"]):
            bench.report.version("buildah", quiet([*buildah, "--version"]).stdout.split()[2])
            bench.time([*prefix, "sh", "-c", "c=$(buildah from scratch) && buildah add -q $c %s/base.tar / && "
                        "buildah commit -q $c %s && buildah rm $c" % (seen, image)])
            bench.undo.append(lambda: quiet([*buildah, "rmi", "-f", image, result]))
            # It would raise limits beyond what whoever runs this may have.
            limits = [word for name, number in (("nofile", resource.RLIMIT_NOFILE), ("nproc", resource.RLIMIT_NPROC))
                      for word in ("--ulimit", "%s=%d:%d" % (name, *resource.getrlimit(number)))]
            found["buildah"] = ([*buildah, "build", "-q", "--layers", "--network", "none", *limits, "-t", result, at], None,
                                context)
        else:
            bench.report.skip("buildah build", "is not installed")
    return found


def measure(bench, roost):
    """Each contender builds once with a new first file and thrice with nothing new, in turn; the first round pays for caches."""
    try:
        ready = contenders(bench, os.path.abspath(roost))
    except (Unavailable, OSError, subprocess.CalledProcessError) as error:
        return bench.report.skip("builds", str(error))
    for round in range(bench.options.runs + 1):
        for name, (command, environment, context) in ready.items():
            bench.say("build %d of %d: %s" % (round, bench.options.runs, name))
            salt(context)
            os.sync()
            samples = [("cold", bench.time(command, environment))]
            # What is written to the disk of the one before is nobody's fault now.
            time.sleep(0.2)
            samples += [("fully cached", bench.time(command, environment)) for _ in range(3)]
            for what, seconds in samples if round > 0 else []:
                bench.report.add(("build", what, name), seconds)
