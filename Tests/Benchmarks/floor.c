// The floor under every container runtime: only the system calls that make a container, from a program with nothing
// else in it. No cgroup, no seccomp filter, no capabilities dropped, no masked paths, no state on disk, no addresses.
//
//   floor [--phase NAME] [--runs N] [--processes P] [--net enter|new] [--lower DIR] [PROGRAM]
//       N containers, each from its directories to their removal; P processes share the work.
//   floor --hold N [--net enter|new] [--lower DIR] PROGRAM
//       starts N containers of a PROGRAM that stays, then ends them all.
//   floor --list
//       prints the names of the phases, in order; each includes those before it.
//
// Prints one line of `key=value` pairs; times are nanoseconds. Needs root.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum phase { CLONE, NAMESPACES, OVERLAY, PROC, DEV, SYS, NET, PHASES };
static const char *const phase_names[PHASES] = {"clone", "namespaces", "overlay", "proc", "dev", "sys", "net"};

struct options {
    enum phase phase;
    long runs, processes, hold;
    int new_net;      // a namespace of its own, or one that was prepared
    int prepared_net; // descriptor of the prepared one
    const char *lower, *program;
};

static void check(long result, const char *what) {
    if (result >= 0) return;
    dprintf(STDERR_FILENO, "floor: %s: %s\n", what, strerror(errno));
    _exit(127);
}

static uint64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static long number(const char *text) {
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (errno != 0 || *end || end == text || value < 1 || value > 1000000) {
        fprintf(stderr, "floor: '%s' is not a number from 1 to 1000000\n", text);
        exit(2);
    }
    return value;
}

// What happens in the container, in order.

static void enter_overlay(const char *lower, long id) {
    char layers[PATH_MAX + 100];
    snprintf(layers, sizeof layers, "lowerdir=%s,upperdir=%ld/upper,workdir=%ld/work", lower, id, id);
    check(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "make mounts private");
    check(mount("overlay", "root", "overlay", 0, layers), "mount overlay");
    check(chdir("root"), "enter the overlay");
    check(syscall(SYS_pivot_root, ".", "."), "pivot_root");
    check(umount2(".", MNT_DETACH), "detach the old root");
    check(chdir("/"), "chdir");
}

static void mount_dev(void) {
    static const struct { const char *path; int major, minor; } nodes[] = {
        {"/dev/null", 1, 3}, {"/dev/zero", 1, 5}, {"/dev/full", 1, 7},
        {"/dev/random", 1, 8}, {"/dev/urandom", 1, 9}, {"/dev/tty", 5, 0},
    };
    static const char *const links[][2] = {
        {"/proc/self/fd", "/dev/fd"}, {"/proc/self/fd/0", "/dev/stdin"}, {"/proc/self/fd/1", "/dev/stdout"},
        {"/proc/self/fd/2", "/dev/stderr"}, {"pts/ptmx", "/dev/ptmx"},
    };
    const unsigned long flags = MS_NOSUID | MS_NOEXEC;

    check(mount("tmpfs", "/dev", "tmpfs", MS_NOSUID | MS_STRICTATIME, "mode=755,size=64k"), "mount /dev");
    for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++)
        check(mknod(nodes[i].path, S_IFCHR | 0666, makedev(nodes[i].major, nodes[i].minor)), nodes[i].path);
    for (size_t i = 0; i < sizeof links / sizeof *links; i++) check(symlink(links[i][0], links[i][1]), links[i][1]);
    check(mkdir("/dev/pts", 0755), "mkdir /dev/pts");
    check(mkdir("/dev/shm", 01777), "mkdir /dev/shm");
    check(mkdir("/dev/mqueue", 0755), "mkdir /dev/mqueue");
    check(mount("devpts", "/dev/pts", "devpts", flags, "newinstance,ptmxmode=0666,mode=0620"), "mount /dev/pts");
    check(mount("shm", "/dev/shm", "tmpfs", flags | MS_NODEV, "mode=1777,size=64m"), "mount /dev/shm");
    check(mount("mqueue", "/dev/mqueue", "mqueue", flags | MS_NODEV, NULL), "mount /dev/mqueue");
}

static _Noreturn void contain(const struct options *o, long id) {
    const unsigned long flags = MS_NOSUID | MS_NOEXEC | MS_NODEV;
    umask(0);
    // Before /sys, which shows the interfaces of the namespace that mounts it.
    if (o->phase >= NET && !o->new_net) check(setns(o->prepared_net, CLONE_NEWNET), "enter the network namespace");
    if (o->phase >= OVERLAY) enter_overlay(o->lower, id);
    if (o->phase >= PROC) check(mount("proc", "/proc", "proc", flags, NULL), "mount /proc");
    if (o->phase >= DEV) mount_dev();
    if (o->phase >= SYS) check(mount("sysfs", "/sys", "sysfs", flags | MS_RDONLY, NULL), "mount /sys");
    check(execl(o->program, o->program, (char *)NULL), o->program);
    _exit(127);
}

// What happens around it.

static void make_directories(const struct options *o, long id) {
    char path[64];
    if (o->phase < OVERLAY) return;
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%ld%s", id, (const char *[]){"", "/upper", "/work"}[i]);
        check(mkdir(path, 0755), "make the layers' directories");
    }
}

static void remove_directories(const struct options *o, long id) {
    char path[64];
    if (o->phase < OVERLAY) return;
    // The kernel has made work/work; the programs measured write nothing, so the rest is empty.
    for (int i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "%ld%s", id, (const char *[]){"/work/work", "/work", "/upper", ""}[i]);
        check(rmdir(path), "remove the layers' directories");
    }
}

static pid_t start(const struct options *o, long id) {
    make_directories(o, id);
    struct clone_args args = {.exit_signal = SIGCHLD};
    if (o->phase >= NAMESPACES) args.flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
    if (o->phase >= NET && o->new_net) args.flags |= CLONE_NEWNET;
    long pid = syscall(SYS_clone3, &args, sizeof args);
    check(pid, "clone3");
    if (pid == 0) contain(o, id);
    return (pid_t)pid;
}

static int finish(pid_t pid) {
    int status;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR) check(-1, "waitpid");
    return status;
}

static int by_value(const void *a, const void *b) {
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void run(const struct options *o) {
    const size_t size = (size_t)o->runs * sizeof(uint64_t);
    uint64_t *times = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    check(times == MAP_FAILED ? -1 : 0, "mmap");
    const uint64_t begin = now();
    for (long worker = 0; worker < o->processes; worker++) {
        pid_t pid = o->processes > 1 ? fork() : 0;
        check(pid, "fork");
        if (pid > 0) continue;
        for (long i = worker; i < o->runs; i += o->processes) {
            const uint64_t t = now();
            if (finish(start(o, i)) != 0) {
                dprintf(STDERR_FILENO, "floor: the container failed\n");
                _exit(1);
            }
            remove_directories(o, i);
            times[i] = now() - t;
        }
        if (o->processes > 1) _exit(0);
    }
    for (long worker = 0; o->processes > 1 && worker < o->processes; worker++) {
        int status;
        check(wait(&status), "wait");
        if (status != 0) exit(1);
    }
    const uint64_t wall = now() - begin;
    qsort(times, (size_t)o->runs, sizeof *times, by_value);
    printf("phase=%s net=%s runs=%ld processes=%ld median=%llu minimum=%llu wall=%llu\n", phase_names[o->phase],
           o->new_net ? "new" : "enter", o->runs, o->processes, (unsigned long long)times[o->runs / 2],
           (unsigned long long)times[0], (unsigned long long)wall);
}

static void hold(const struct options *o) {
    pid_t *pids = calloc((size_t)o->hold, sizeof *pids);
    int running[2];
    char byte;
    check(pids ? 0 : -1, "calloc");
    check(pipe2(running, O_CLOEXEC), "pipe");
    uint64_t t = now();
    for (long i = 0; i < o->hold; i++) pids[i] = start(o, i);
    // The pipe ends when the last container has executed its program, or has failed.
    close(running[1]);
    check(read(running[0], &byte, 1), "read");
    const uint64_t up = now() - t;
    int failed = 0;
    t = now();
    for (long i = 0; i < o->hold; i++) kill(pids[i], SIGKILL);
    for (long i = 0; i < o->hold; i++) {
        const int status = finish(pids[i]);
        failed |= !(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        remove_directories(o, i);
    }
    const uint64_t down = now() - t;
    if (failed) {
        dprintf(STDERR_FILENO, "floor: a container ended by itself\n");
        exit(1);
    }
    printf("hold=%ld net=%s up=%llu down=%llu\n", o->hold, o->new_net ? "new" : "enter", (unsigned long long)up,
           (unsigned long long)down);
}

/// Returns a descriptor of a fresh network namespace, and leaves the caller in the one it was in.
static int prepare_net(void) {
    const int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    check(own, "open the network namespace");
    check(unshare(CLONE_NEWNET), "make a network namespace");
    const int fresh = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    check(fresh, "open the new network namespace");
    check(setns(own, CLONE_NEWNET), "return to the network namespace");
    close(own);
    return fresh;
}

/// Everything of ours lives on a tmpfs in a mount namespace of our own, so that nothing is left whatever happens.
static void prepare_scratch(void) {
    check(unshare(CLONE_NEWNS), "make a mount namespace");
    check(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "make mounts private");
    check(mount("floor", "/dev/shm", "tmpfs", MS_NOSUID, "mode=700"), "mount a tmpfs on /dev/shm");
    check(chdir("/dev/shm"), "enter /dev/shm");
    check(mkdir("root", 0755), "make the mount point");
}

static struct options parse(int argc, char **argv) {
    struct options o = {.phase = NET, .runs = 100, .processes = 1, .lower = "/", .program = "/bin/true"};
    for (int i = 1; i < argc; i++) {
        const char *name = argv[i];
        if (strcmp(name, "--list") == 0) {
            for (int p = 0; p < PHASES; p++) puts(phase_names[p]);
            exit(0);
        }
        if (name[0] != '-') { o.program = name; continue; }
        const char *value = i + 1 < argc ? argv[++i] : "";
        if (strcmp(name, "--runs") == 0) o.runs = number(value);
        else if (strcmp(name, "--processes") == 0) o.processes = number(value);
        else if (strcmp(name, "--hold") == 0) o.hold = number(value);
        else if (strcmp(name, "--lower") == 0 && *value) o.lower = value;
        else if (strcmp(name, "--net") == 0 && strcmp(value, "new") == 0) o.new_net = 1;
        else if (strcmp(name, "--net") == 0 && strcmp(value, "enter") == 0) o.new_net = 0;
        else if (strcmp(name, "--phase") == 0) {
            for (o.phase = CLONE; o.phase < PHASES && strcmp(phase_names[o.phase], value) != 0;) o.phase++;
            if (o.phase == PHASES) { fprintf(stderr, "floor: no phase '%s'; see --list\n", value); exit(2); }
        } else { fprintf(stderr, "floor: can't read '%s %s'\n", name, value); exit(2); }
    }
    return o;
}

int main(int argc, char **argv) {
    struct options o = parse(argc, argv);
    // By its full name, as the directory of the scratch files becomes the current one.
    o.lower = realpath(o.lower, NULL);
    check(o.lower ? 0 : -1, "find the lower directory");
    // Where nothing is mounted yet, the same program from outside.
    char outside[2 * PATH_MAX];
    if (o.phase < OVERLAY) {
        snprintf(outside, sizeof outside, "%s%s", o.lower, o.program);
        o.program = outside;
    }
    o.prepared_net = prepare_net();
    prepare_scratch();
    if (o.hold > 0) hold(&o);
    else run(&o);
    return 0;
}
