#!/usr/bin/env python3
"""Runs the public suites of OCI runtimes on Roost and on its peers, and prints the results side by side.

    sudo python3 Tests/Suites/suites.py DIR [options]

DIR holds the suites, which are not part of this project, built as their own documents say:

    DIR/crun/tests/            crun's tests in Python, and their `init`, linked statically
    DIR/runtime-tools/         the validation of opencontainers/runtime-tools: `runtimetest`, `validation/*/*.t`

What is not there is left out. Every runtime runs in a PID and a mount namespace of its own, with a pure view of control
groups version 2, or with those of the host. The status is 1 when a test that crun passes fails on Roost, or is skipped, and
is not one of `crun-only.txt`, which says of each why it tests crun and not a runtime.
"""
import argparse
import ctypes
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
# Options that crun's tests give and only crun has.
ADAPTER = """#!/bin/sh
n=$#
while [ $n -gt 0 ]; do
  case $1 in
    --cgroup-manager=systemd) set -- "$@" --systemd-cgroup;;
    --cgroup-manager=*) ;;
    --cgroup-manager) [ "$2" != systemd ] || set -- "$@" --systemd-cgroup; shift; n=$((n - 1));;
    --config) shift; n=$((n - 1));;
    *) set -- "$@" "$1";;
  esac
  shift; n=$((n - 1))
done
exec %s "$@"
"""
LINE = re.compile(r"^(\s*)(ok|not ok)\b\s*(\d*)\s*-?\s*(.*)$")


def parsed(text):
    """The results in TAP by their names: ok, skip or FAIL."""
    results = {}
    for line in text.splitlines():
        match = LINE.match(line)
        if not match or match.group(1):
            continue
        words, _, remark = match.group(4).partition("#")
        name = words.strip() or match.group(3)
        state = "FAIL" if match.group(2) == "not ok" else "skip" if "SKIP" in remark.upper() else "ok"
        # Of equal names the worst counts.
        if results.get(name) != "FAIL":
            results[name] = state
    return results


def captured(command, directory, environment, seconds):
    """What a command prints, and whether it ended in time."""
    process = subprocess.Popen(command, cwd=directory, env=environment, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        output, _ = process.communicate(timeout=seconds)
        return output.decode(errors="replace"), True
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        # What a container of the test holds open is not waited for.
        try:
            output, _ = process.communicate(timeout=5)
        except subprocess.TimeoutExpired:
            output = b""
        return output.decode(errors="replace"), False


def crun_suite(options, runtime, scratch, note):
    tests = os.path.join(options.directory, "crun/tests")
    environment = dict(os.environ, INIT=os.path.join(tests, "init"), OCI_RUNTIME=runtime, PYTHONDONTWRITEBYTECODE="1")
    names = sorted(n for n in os.listdir(tests) if n.startswith("test_") and n.endswith(".py"))
    for name in names:
        if options.tests and not any(t in name for t in options.tests):
            continue
        text, ended = captured([sys.executable, os.path.join(tests, name)], scratch, environment, options.seconds)
        results = parsed(text)
        if not ended or not results:
            results["(all of it)"] = "FAIL" if not ended else "none"
        note("crun", name[5:-3], results, text)


def validation(options, runtime, scratch, note):
    root = os.path.join(options.directory, "runtime-tools")
    environment = dict(os.environ, RUNTIME=runtime, TMPDIR=scratch)
    for group in sorted(os.listdir(os.path.join(root, "validation"))):
        folder = os.path.join(root, "validation", group)
        for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
            if not name.endswith(".t") or options.tests and not any(t in name for t in options.tests):
                continue
            text, ended = captured([os.path.join(folder, name)], root, environment, options.seconds)
            results = parsed(text)
            failed = [n for n, r in results.items() if r == "FAIL"]
            state = "FAIL" if failed or not ended or not results else "ok"
            if state == "ok" and all(r == "skip" for r in results.values()):
                state = "skip"
            note("validation", group, {name[:-2]: state}, text)


def isolate(options):
    """A PID namespace that takes along what tests leave behind, and a view of control groups."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(0x00020000 | 0x20000000) != 0:  # CLONE_NEWNS, CLONE_NEWPID
        raise OSError(ctypes.get_errno(), "unshare: this needs root")
    child = os.fork()
    if child:
        sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    child = os.fork()
    if child:
        # The first process of the namespace collects those whose parents are gone: a container waits for that.
        while True:
            pid, status = os.wait()
            if pid == child:
                os._exit(os.waitstatus_to_exitcode(status) & 0xff)
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    subprocess.run(["mount", "-t", "proc", "proc", "/proc"], check=True)
    if not options.hybrid:
        subprocess.run(["mount", "-t", "cgroup2", "cgroup2", "/sys/fs/cgroup"], check=True)


def groups():
    return {path for path, _, _ in os.walk("/sys/fs/cgroup")}


def run(options, name, path, results):
    """All suites on one runtime; everything it prints goes to a file, with --keep."""
    scratch = tempfile.mkdtemp(prefix="suites-", dir="/var/tmp")
    os.chmod(scratch, 0o755)
    runtime = path
    if name != "crun":
        runtime = os.path.join(scratch, "runtime")
        with open(runtime, "w") as file:
            file.write((ADAPTER if name == "runc" else '#!/bin/sh\nexec %s "$@"\n') % path)
        os.chmod(runtime, 0o755)
    log = open(os.path.join(options.keep, f"{name}.log"), "w") if options.keep else None

    def note(suite, file, found, text):
        print(f"{name}: {suite} {file}: {sum(r == 'ok' for r in found.values())} of {len(found)}", file=sys.stderr)
        for test, state in found.items():
            results.setdefault((suite, file, test), {})[name] = state
        if log:
            log.write(f"==== {suite} {file}\n{text}\n")
            log.flush()

    try:
        if "crun" in options.only and os.path.isfile(os.path.join(options.directory, "crun/tests/init")):
            crun_suite(options, runtime, scratch, note)
        if "validation" in options.only and os.path.isdir(os.path.join(options.directory, "runtime-tools/validation")):
            validation(options, runtime, scratch, note)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def report(options, names, results):
    """Prints the tables; returns the tests that crun passes and Roost does not, and that are no matter of crun's own."""
    own = {}
    with open(os.path.join(HERE, "crun-only.txt")) as file:
        for line in file:
            if line.strip() and not line.startswith("#"):
                test, _, reason = line.partition(":")
                own[test.strip()] = reason.strip()
    for suite in options.only:
        rows = {k: v for k, v in results.items() if k[0] == suite}
        if not rows:
            continue
        print(f"\n{suite}: {len(rows)} tests\n\n| | " + " | ".join(names) + " |\n|---|" + "---:|" * len(names))
        for state in ("ok", "skip", "FAIL"):
            counts = [sum(v.get(n) == state for v in rows.values()) for n in names]
            print(f"| {state} | " + " | ".join(map(str, counts)) + " |")
        differing = {k: v for k, v in rows.items() if len({v.get(n) for n in names}) > 1 or options.all}
        if differing:
            print(f"\n| {suite}: where they differ | " + " | ".join(names) + " | |\n|---|" + "---|" * len(names) + "---|")
        for (_, file, test), v in sorted(differing.items()):
            reason = own.get(f"{suite}/{file}/{test}", "")
            print(f"| {file}/{test} | " + " | ".join(v.get(n, "") for n in names) + f" | {reason} |")
    return ["/".join(k) for k, v in sorted(results.items())
            if v.get("crun") == "ok" and v.get("roost", "ok") != "ok" and "/".join(k) not in own]


def main():
    parser = argparse.ArgumentParser(description="Public suites of OCI runtimes, side by side.")
    parser.add_argument("directory", help="where the suites are")
    parser.add_argument("--roost", default=os.path.join(HERE, "../../.build/release/roost"))
    parser.add_argument("--crun", default=shutil.which("crun"))
    parser.add_argument("--runc", default=shutil.which("runc"))
    parser.add_argument("--contenders", default="roost,crun,runc", help="those that are to run")
    parser.add_argument("--only", default="crun,validation", help="crun, validation")
    parser.add_argument("--tests", default="", help="parts of names of test files")
    parser.add_argument("--hybrid", action="store_true", help="the host's control groups as they are")
    parser.add_argument("--seconds", type=int, default=240, help="the most that one test file may take")
    parser.add_argument("--keep", help="a directory for what the tests print, and results.json")
    parser.add_argument("--all", action="store_true", help="show all tests, not only where the runtimes differ")
    options = parser.parse_args()
    options.directory = os.path.abspath(options.directory)
    options.only = options.only.split(",")
    options.tests = [t for t in options.tests.split(",") if t]
    paths = {"roost": options.roost and os.path.abspath(options.roost) + " runtime", "crun": options.crun,
             "runc": options.runc}
    names = [n for n in options.contenders.split(",") if paths.get(n)]
    isolate(options)
    before, results = groups(), {}
    try:
        for name in names:
            run(options, name, paths[name], results)
    finally:
        # Nobody is in them any more once the processes of this namespace are gone; those of others are not empty.
        for path in sorted(groups() - before, key=len, reverse=True):
            try:
                os.rmdir(path)
            except OSError:
                pass
    if options.keep:
        flat = {"/".join(k): v for k, v in results.items()}
        with open(os.path.join(options.keep, "results.json"), "w") as file:
            json.dump(flat, file, indent=1, sort_keys=True)
    failed = report(options, names, results)
    if failed:
        print("\ncrun passes and roost does not: " + ", ".join(failed))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
