"""Pulling from a registry on the same machine: cold, and with nothing new."""

import glob
import gzip
import hashlib
import io
import json
import os
import random
import shutil
import socket
import subprocess
import tarfile
import time
import urllib.error
import urllib.request

from contenders import Unavailable, entry, succeeds
from observed import contents, pss

LAYERS, LAYER_BYTES = 5, 100 << 20


class Registry:
    """Debian's docker-registry with one image, in directories of the run."""

    def __init__(self, bench):
        program = shutil.which("docker-registry")
        if program is None:
            raise Unavailable("no docker-registry: samples/voting/packages.sh --tests installs it")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.host = "127.0.0.1:%d" % free.getsockname()[1]
        settings = os.path.join(bench.storage, "registry.yml")
        with open(settings, "w") as file:
            file.write("version: 0.1\nlog: { level: error, accesslog: { disabled: true } }\n"
                       "storage: { filesystem: { rootdirectory: %s/registry } }\nhttp: { addr: %s }\n"
                       % (bench.storage, self.host))
        process = subprocess.Popen([program, "serve", settings], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        bench.undo.append(process.wait)
        bench.undo.append(process.kill)
        deadline = time.monotonic() + 20
        while not self.answers():
            if time.monotonic() > deadline:
                raise Unavailable("docker-registry does not answer")
            time.sleep(0.05)
        self.fill()

    def answers(self):
        try:
            return self.ask("GET", "/v2/").status == 200
        except (urllib.error.URLError, OSError):
            return False

    def ask(self, method, path, body=None, kind="application/octet-stream"):
        url = path if path.startswith("http") else "http://%s%s" % (self.host, path)
        request = urllib.request.Request(url, data=body, method=method, headers={"Content-Type": kind})
        return urllib.request.urlopen(request)

    def put(self, data, kind):
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        place = self.ask("POST", "/v2/bench/blobs/uploads/", b"").headers["Location"]
        self.ask("PUT", place + ("&" if "?" in place else "?") + "digest=" + digest, data)
        return {"mediaType": "application/vnd.oci.image." + kind, "digest": digest, "size": len(data)}

    def fill(self):
        """Layers of files of many sizes, about as compressible as programs are; the same with every run."""
        chance, self.layers = random.Random(1), []
        words = [chance.randbytes(4096) for _ in range(64)]
        for number in range(LAYERS):
            plain = io.BytesIO()
            with tarfile.open(fileobj=plain, mode="w") as archive:
                left, count = LAYER_BYTES, 0
                while left > 0:
                    size = min(left, chance.choice([4096, 20_000, 200_000, 1_000_000]))
                    data = b"".join(chance.choice(words) if chance.random() < 0.4 else chance.randbytes(4096)
                                    for _ in range(size // 4096 + 1))[:size]
                    member = tarfile.TarInfo("data%d/%d/%d" % (number, count % 50, count))
                    member.size = size
                    archive.addfile(member, io.BytesIO(data))
                    left, count = left - size, count + 1
            self.layers.append((plain.getvalue(), gzip.compress(plain.getvalue(), 1, mtime=0)))

    def publish(self, tag):
        """An image of the layers, each behind a file that no other image has: all of it has to be fetched."""
        layers, ids = [], []
        for number, (plain, packed) in enumerate(self.layers):
            text = os.urandom(512)
            member = tarfile.TarInfo("own%d" % number)
            member.size = len(text)
            head = member.tobuf() + text
            whole = hashlib.sha256(head)
            whole.update(plain)
            ids.append("sha256:" + whole.hexdigest())
            # A layer may have several members of gzip.
            layers.append(self.put(gzip.compress(head, 1, mtime=0) + packed, "layer.v1.tar+gzip"))
        machine = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
        settings = {"os": "linux", "architecture": machine, "rootfs": {"type": "layers", "diff_ids": ids}}
        kind = "application/vnd.oci.image.manifest.v1+json"
        manifest = {"schemaVersion": 2, "mediaType": kind, "layers": layers,
                    "config": self.put(json.dumps(settings).encode(), "config.v1+json")}
        self.ask("PUT", "/v2/bench/manifests/%s" % tag, json.dumps(manifest).encode(), kind)
        return "%s/bench:%s" % (self.host, tag)


def contenders(bench, roost):
    """By name: the command that pulls, but for the image, and its environment."""
    wanted, found = bench.options.contenders, {}
    if (not wanted or "roost" in wanted) and os.access(roost, os.X_OK):
        store = os.path.join(bench.storage, "pulls")
        found["roost"] = ([roost, "image", "pull", "-q"], dict(os.environ, ROOST_ROOT=store, ROOST_RUNTIME=bench.runtime))
    if not wanted or "docker" in wanted:
        try:
            prefix = entry(bench.options)[0]
        except Unavailable:
            prefix = []
        docker = [*prefix, "docker"]
        if shutil.which(docker[0]) and succeeds([*docker, "version"]):
            found["docker"] = ([*docker, "pull", "-q"], None)
    return found


def measure(bench, roost):
    """Each contender pulls a new image and asks thrice for the same, in turn; the first round pays for caches.

    Nothing is deleted before the end: some file systems look for room a long time afterwards, for whoever is next.
    """
    try:
        registry = Registry(bench)
    except Unavailable as error:
        return bench.report.skip("pulls", str(error))
    ready = contenders(bench, os.path.abspath(roost))
    for round in range(bench.options.runs + 1):
        image = registry.publish("v%d" % round)
        if "docker" in ready:
            forget = [*ready["docker"][0][:-2], "image", "rm", "-f", image]
            bench.undo.append(lambda forget=forget: subprocess.run(forget, capture_output=True))
        for name, (command, environment) in ready.items():
            bench.say("pull %d of %d: %s" % (round, bench.options.runs, name))
            os.sync()
            samples = [("cold", bench.time([*command, image], environment))]
            os.sync()
            samples += [("nothing new", bench.time([*command, image], environment)) for _ in range(3)]
            for what, seconds in samples if round > 0 else []:
                bench.report.add(("pull", what, name), seconds)
    if "roost" in ready:
        # Apart from what is timed: looking costs processor time.
        command, environment = ready["roost"]
        for round in range(min(2, bench.options.runs)):
            image = registry.publish("w%d" % round)
            bench.report.add_peak(("pull", "roost"), watch([*command, image], environment))


def watch(command, environment):
    """The most memory (PSS) that a command and all it starts take together, looked at as often as possible."""
    process, most = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL), 0
    while process.poll() is None:
        # A child that has not executed its program yet is in its parent's memory, which is at the same addresses.
        memories = {contents("/proc/%d/smaps_rollup" % pid).split(b" ")[0]: pid for pid in family(process.pid)}
        most = max(most, sum(map(pss, memories.values())))
        time.sleep(0.005)
    if process.returncode != 0:
        raise Unavailable("%s ended with %d" % (" ".join(command), process.returncode))
    return most


def family(pid):
    """A process and what descends from it."""
    found = [pid]
    for parent in found:
        for task in glob.glob("/proc/%d/task/*/children" % parent):
            found += map(int, contents(task).split())
    return found
