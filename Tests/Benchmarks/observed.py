"""What can be seen of the machine: processes, their memory, and what a `down` leaves behind."""

import os
import shutil
import subprocess
import time


def processes():
    """All process numbers; any of them may be gone by the time it is looked at."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def contents(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


def link(path):
    try:
        return os.readlink(path)
    except OSError:
        return ""


def services(marker):
    """The services' own processes: neither what starts them nor an init in front of them."""
    found = []
    for pid in processes():
        words = contents("/proc/%d/cmdline" % pid).split(b"\0")[:-1]
        if len(words) == 2 and words[1] == marker.encode() and os.path.basename(words[0]) in (b"roost-idle", b"sleep"):
            found.append(pid)
    return found


def running(marker, expected=None, deadline=0):
    """How many services run; waits until it is the expected number, or the deadline in seconds passes."""
    end = time.monotonic() + deadline
    while True:
        count = len(services(marker))
        if expected is None or count == expected or time.monotonic() > end:
            return count
        time.sleep(0.01)


def pss(pid):
    """Bytes of resident memory, with shared pages split between their users: proc_pid_smaps(5)."""
    for line in contents("/proc/%d/smaps_rollup" % pid).splitlines():
        if line.startswith(b"Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def of_roost(runtime):
    """Roost's own processes for a runtime directory, by name; those in containers have another environment."""
    setting = ("ROOST_RUNTIME=" + runtime).encode()
    return [pid for pid in processes() if setting in contents("/proc/%d/environ" % pid).split(b"\0")]


def memory_of_roost(runtime):
    return by_name(of_roost(runtime))


def memory_of_docker(engine):
    """The engine, containerd and the shims: what runs in the engine's mount namespace under these names."""
    place = link("/proc/%d/ns/mnt" % engine)
    names = (b"dockerd", b"containerd", b"containerd-shim", b"docker-proxy")
    return by_name([pid for pid in processes() if contents("/proc/%d/comm" % pid).strip() in names
                    and link("/proc/%d/ns/mnt" % pid) == place])


def by_name(pids):
    sums = {}
    for pid in pids:
        name = contents("/proc/%d/comm" % pid).decode(errors="replace").strip()
        sums[name] = sums.get(name, 0) + pss(pid)
    return sums


class Snapshot:
    """What a project could leave behind, before it was there."""

    def __init__(self, bench, contender):
        self.bench, self.contender = bench, contender
        self.before = self.look()

    def look(self):
        mounts = contents("/proc/self/mountinfo").decode(errors="replace").splitlines()
        seen = {
            "link": set(os.listdir("/sys/class/net")),
            "mount": {line.split()[4] for line in mounts},
            "cgroup": self.cgroups(mounts),
            "process": {"%d" % pid for pid in services(self.bench.marker)},
            "table": self.tables(),
        }
        if self.contender.key == "roost":
            seen["process"] |= {"%d" % pid for pid in of_roost(self.bench.runtime)}
            seen["directory"] = set(self.contender.directories())
        return seen

    def cgroups(self, mounts):
        """Groups of the contender's; other users of the machine make and remove groups too."""
        found = set()
        for line in mounts:
            left, right = line.split(" - ", 1)
            if right.split()[0] not in ("cgroup", "cgroup2"):
                continue
            for folder, _, _ in os.walk(left.split()[4]):
                if self.contender.word in folder or self.bench.project in folder:
                    found.add(folder)
        return found

    @staticmethod
    def tables():
        """Tables of nftables, where its command is installed."""
        if shutil.which("nft") is None:
            return set()
        done = subprocess.run(["nft", "list", "tables"], capture_output=True, text=True, check=False)
        return set(done.stdout.splitlines())

    def leftovers(self, deadline):
        """Names what is still there; the kernel gets a moment, as it removes network namespaces in the background."""
        end = time.monotonic() + deadline
        while True:
            now = self.look()
            left = ["%s %s" % (kind, name) for kind in now for name in sorted(now[kind] - self.before[kind])]
            if not left or time.monotonic() > end:
                return left
            time.sleep(0.05)
