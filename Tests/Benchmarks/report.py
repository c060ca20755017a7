"""What was measured, as tables and as JSON."""

import os
import statistics

COMPOSE_OPERATIONS = ("up -d", "warm up -d", "ps", "config", "down")


class Report:
    """Samples in seconds and bytes, and what could not be measured."""

    def __init__(self, runs):
        self.runs, self.samples, self.least, self.memory, self.left, self.peaks = runs, {}, {}, {}, {}, {}
        self.skipped, self.versions = [], {}
        self.load = [os.getloadavg()[0]]

    def add(self, key, seconds, least=None):
        """Adds a sample; `least` is given where the sample is itself the median of several."""
        self.samples.setdefault(key, []).append(seconds)
        self.least[key] = min(self.least.get(key, seconds), seconds if least is None else least)

    def add_memory(self, name, count, sums):
        self.memory.setdefault((name, count), []).append(sums)

    def add_peak(self, key, amount):
        self.peaks.setdefault(key, []).append(amount)

    def add_leftovers(self, name, count, left):
        self.left.setdefault((name, count), set()).update(left)

    def skip(self, name, reason):
        self.skipped.append((name, " ".join(reason.split())))

    def version(self, name, text):
        self.versions[name] = text.strip()

    def median(self, *key):
        return statistics.median(self.samples[key]) if key in self.samples else None

    # As text

    def text(self):
        tables = [self.machine(), self.floors(), self.single_runs(), self.runtimes(), self.configs(), self.pulls(), self.builds(), self.cycles(), self.memories(), self.aims(),
                  self.leftovers(), self.skips()]
        return "\n\n".join(table for table in tables if table)

    def machine(self):
        self.load[1:] = [os.getloadavg()[0]]
        versions = ", ".join("%s %s" % item for item in self.versions.items())
        return "%d processors, kernel %s, load %.1f before and %.1f after%s; medians of %d cycle%s." % (
            os.cpu_count(), os.uname().release, *self.load, "; " + versions if versions else "", self.runs,
            "" if self.runs == 1 else "s")

    def floors(self):
        rows = [[key[1], milliseconds(self.median(*key)), milliseconds(self.least.get(key))]
                for key in self.samples if key[0] == "floor"]
        return table(["floor up to", "ms", "least"], rows)

    def single_runs(self):
        floor = self.median("run", "floor")
        least = self.least.get(("run", "floor"))
        rows = [[key[1], milliseconds(self.median(*key)), ratio(self.median(*key), floor),
                 milliseconds(self.least.get(key)), ratio(self.least.get(key), least)]
                for key in self.samples if key[0] == "run"]
        return table(["one container, `true`", "ms", "of the floor", "least", "of the floor's"], rows)

    def runtimes(self):
        rows = []
        for key in sorted((key for key in self.samples if key[0] == "runtime"), key=lambda key: (key[1], key[2].split()[-1])):
            _, view, name = key
            crun = ("runtime", view, "crun " + name.split()[-1])
            peak = self.peaks.get((view, name))
            rows.append([view, name, milliseconds(self.median(*key)), milliseconds(self.least.get(key)),
                         hundredths(self.median(*key), self.median(*crun)),
                         hundredths(self.least.get(key), self.least.get(crun)),
                         megabytes(statistics.median(peak)) if peak else ""])
        return table(["control groups", "", "ms", "least", "of crun's", "least of crun's", "peak MB"], rows, words=(0, 1))

    def configs(self):
        rows = []
        for size in dict.fromkeys(key[1] for key in self.samples if key[0] == "file"):
            roost, docker = (self.median("file", size, name) for name in ("roost", "docker compose"))
            rows.append([size, milliseconds(roost), milliseconds(docker), ratio(docker, roost)])
        return table(["`config` of a file of", "roost, ms", "docker compose, ms", "docker : roost"], rows)

    def pulls(self):
        rows = []
        for what in dict.fromkeys(key[1] for key in self.samples if key[0] == "pull"):
            roost, docker = (self.median("pull", what, name) for name in ("roost", "docker"))
            rows.append([what, milliseconds(roost), milliseconds(docker), ratio(docker, roost)])
        peak = self.peaks.get(("pull", "roost"))
        if peak:
            rows.append(["peak memory (PSS), MB", megabytes(max(peak)), "", ""])
        return table(["pull of 5 layers, 500 MB", "roost, ms", "docker, ms", "docker : roost"], rows)

    def builds(self):
        rows = []
        for what in dict.fromkeys(key[1] for key in self.samples if key[0] == "build"):
            roost, docker, buildah = (self.median("build", what, name) for name in ("roost", "docker", "buildah"))
            rows.append([what, milliseconds(roost), milliseconds(docker), milliseconds(buildah), ratio(docker, roost),
                         ratio(buildah, roost)])
        return table(["build of 20 steps", "roost, ms", "docker, ms", "buildah, ms", "docker : roost", "buildah : roost"],
                     rows)

    def cycles(self):
        names = ("floor", "roost", "roost, rootfs:/", "docker compose")
        counts = sorted({key[1] for key in self.samples if key[0] in COMPOSE_OPERATIONS})
        rows = []
        for operation in COMPOSE_OPERATIONS:
            for count in counts:
                times = [self.median(operation, count, name) for name in names]
                if any(times):
                    rows.append(["`%s`, %d" % (operation, count), *map(milliseconds, times),
                                 ratio(times[1], times[0]), ratio(times[3], times[1])])
        return table(["operation, services", *("%s, ms" % name for name in names), "roost : floor", "docker : roost"],
                     rows)

    def memories(self):
        rows = []
        for (name, count), cycles in self.memory.items():
            parts = {part for sums in cycles for part in sums}
            medians = {part: statistics.median(sums.get(part, 0) for sums in cycles) for part in parts}
            before = medians.pop("of this before `up`", None)
            detail = ", ".join("%s %s" % (part, megabytes(medians[part])) for part in sorted(medians))
            if before is not None:
                detail += "; before `up` %s" % megabytes(before)
            rows.append(["%s, %d" % (name, count), megabytes(sum(medians.values())), detail])
        return table(["memory (PSS), services", "MB", "of which"], rows, words=(0, 2))

    def aims(self):
        """What Roost is to reach, beside what this run found."""
        def times(operation, count):
            docker, roost = self.median(operation, count, "docker compose"), self.median(operation, count, "roost")
            return docker / roost if docker and roost else None
        found = [("`up -d` of 50: at least 20 times docker compose", times("up -d", 50), lambda x: x >= 20, "%.1f"),
                 ("`up -d` of 1: at least 8 times", times("up -d", 1), lambda x: x >= 8, "%.1f")]
        found += [("`down` of %d: at least 10 times" % count, times("down", count), lambda x: x >= 10, "%.1f")
                  for count in (1, 10, 50)]
        ps = self.median("ps", 50, "roost")
        found.append(("`ps` of 50: under 10 ms", ps and ps * 1000, lambda x: x < 10, "%.1f ms"))
        small, half, whole = (self.median("file", size, "roost")
                              for size in ("10 lines", "1,000 services", "2,000 services"))
        docker = self.median("file", "2,000 services", "docker compose")
        found += [("`config` of 10 lines: under 8 ms", small and small * 1000, lambda x: x < 8, "%.1f ms"),
                  ("`config` of 2,000 services: at most 2.5 times that of 1,000", half and whole and whole / half,
                   lambda x: x <= 2.5, "%.2f"),
                  ("`config` of 2,000 services: at least 5 times docker compose", docker and whole and docker / whole,
                   lambda x: x >= 5, "%.1f")]
        cold, engine = self.median("pull", "cold", "roost"), self.median("pull", "cold", "docker")
        again = self.median("pull", "nothing new", "roost")
        found += [("a cold pull: at least 2 times docker", cold and engine and engine / cold, lambda x: x >= 2, "%.1f"),
                  ("a pull with nothing new: under 30 ms", again and again * 1000, lambda x: x < 30, "%.1f ms")]
        peak = self.peaks.get(("pull", "roost"))
        found.append(("memory of a cold pull: at most 64 MB", peak and max(peak) / 1e6, lambda x: x <= 64, "%.1f MB"))
        cold, engine, buildah = (self.median("build", "cold", name) for name in ("roost", "docker", "buildah"))
        cached = self.median("build", "fully cached", "roost")
        found += [("a cold build of 20 steps: at least 1.5 times docker", cold and engine and engine / cold,
                   lambda x: x >= 1.5, "%.1f"),
                  ("a cold build: at least 3 times buildah", cold and buildah and buildah / cold, lambda x: x >= 3, "%.1f"),
                  ("a fully cached build: under 100 ms", cached and cached * 1000, lambda x: x < 100, "%.1f ms")]
        memory = self.memory.get(("roost", 50))
        total = memory and statistics.median(sum(sums.values()) for sums in memory) / 1e6
        found.append(("memory for 50: at most 24 MB", total, lambda x: x <= 24, "%.1f MB"))
        floor, run = self.median("run", "floor"), self.median("run", "roost run --rm")
        found.append(("`run --rm`: within twice the floor", run / floor if run and floor else None,
                      lambda x: x <= 2, "%.1f"))
        def runtime(view, name):
            return self.median("runtime", view, name)
        for view in dict.fromkeys(view for view, _ in self.peaks if view != "pull"):
            for command, most in (("run", 0.8), ("exec", 1)):
                ours, crun = (runtime(view, "%s %s" % (name, command)) for name in ("roost", "crun"))
                found.append(("`runtime %s` on %s: at most %g of crun's time" % (command, view, most),
                              ours / crun if ours and crun else None, lambda x, most=most: x <= most, "%.2f"))
            run, floor, start = (runtime(view, name) for name in ("roost run", "floor", "roost --version"))
            found.append(("`runtime run` on %s: at most twice the floor and the program's start" % view,
                          run / (2 * floor + start) if run and floor and start else None, lambda x: x <= 1, "%.2f of that"))
            ours, crun = (self.peaks.get((view, name + " run")) for name in ("roost", "crun"))
            more = ours and crun and (statistics.median(ours) - statistics.median(crun)) / 1e6
            found.append(("peak memory of `runtime run` on %s: at most crun's and 8 MB" % view, more,
                          lambda x: x <= 8, "%+.1f MB"))
        return table(["aim", "found", ""], [[aim, form % value, "reached" if good(value) else "**missed**"]
                                            for aim, value, good, form in found if value is not None])

    def leftovers(self):
        if not self.left:
            return ""
        lines = ["Left after `down` of so many services:"]
        for (name, count), left in self.left.items():
            lines.append("- %s, %d: %s" % (name, count, ", ".join(sorted(left)) or "nothing"))
        return "\n".join(lines)

    def skips(self):
        return "\n".join(["Not measured:", *("- %s: %s" % skipped for skipped in self.skipped)]) if self.skipped else ""

    # As data

    def everything(self):
        return {
            "processors": os.cpu_count(), "kernel": os.uname().release, "load": self.load, "versions": self.versions,
            "samples": [{"of": list(key), "seconds": values, "least": self.least[key]}
                        for key, values in self.samples.items()],
            "memory": [{"of": list(key), "bytes": values} for key, values in self.memory.items()],
            "peaks": [{"of": list(key), "bytes": values} for key, values in self.peaks.items()],
            "left": [{"of": list(key), "names": sorted(left)} for key, left in self.left.items()],
            "skipped": [{"name": name, "reason": reason} for name, reason in self.skipped],
        }


def milliseconds(seconds):
    return "" if seconds is None else "%.2f" % (seconds * 1e3) if seconds < 0.1 else "%.0f" % (seconds * 1e3)


def megabytes(amount):
    return "%.1f" % (amount / 1e6)


def hundredths(value, base):
    return "%.2f" % (value / base) if value and base else ""


def ratio(value, base):
    return "%.1f" % (value / base) if value and base else ""


def table(head, rows, words=(0,)):
    """A Markdown table with aligned columns, or nothing where nothing was measured; numbers are set to the right."""
    if not rows:
        return ""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]

    def line(cells):
        fit = [cell.ljust(width) if i in words else cell.rjust(width)
               for i, (cell, width) in enumerate(zip(cells, widths))]
        return "| " + " | ".join(fit) + " |"

    rule = "|".join("-" * (width + 2) if i in words else "-" * (width + 1) + ":" for i, width in enumerate(widths))
    return "\n".join([line(head), "|" + rule + "|", *map(line, rows)])
