#include "clinux_keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct {
    char name[CLINUX_KEEPER_NAME];
    int descriptor;
} kept[CLINUX_KEEPER_KEPT];

int clinux_keeper_kept(uint32_t index, const char **name) {
    if (index >= CLINUX_KEEPER_KEPT || !kept[index].name[0])
        return -1;
    *name = kept[index].name;
    return kept[index].descriptor;
}

static void forget(const char *name) {
    for (int i = 0; i < CLINUX_KEEPER_KEPT; i++)
        if (strcmp(kept[i].name, name) == 0) {
            close(kept[i].descriptor);
            kept[i].name[0] = 0;
        }
}

static void keep(const char *name, int descriptor) {
    forget(name);
    for (int i = 0; i < CLINUX_KEEPER_KEPT; i++)
        if (!kept[i].name[0]) {
            memcpy(kept[i].name, name, CLINUX_KEEPER_NAME);
            kept[i].descriptor = descriptor;
            return;
        }
    close(descriptor);
}

/// Takes one packet of the supervisor; false when it has closed its end.
static bool receive(int socket) {
    struct clinux_keep packet;
    union {
        char space[CMSG_SPACE(sizeof(int))];
        struct cmsghdr alignment;
    } control;
    struct iovec part = {&packet, sizeof packet};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t count = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (count <= 0)
        return count < 0 && (errno == EAGAIN || errno == EINTR);
    int descriptor = -1;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS)
        memcpy(&descriptor, CMSG_DATA(header), sizeof descriptor);
    if (count != sizeof packet || !packet.name[0] || packet.name[CLINUX_KEEPER_NAME - 1]) {
        if (descriptor >= 0)
            close(descriptor);
    } else if (descriptor >= 0) {
        keep(packet.name, descriptor);
    } else {
        forget(packet.name);
    }
    return true;
}

/// When a process that has ended, and is not reaped yet, was started; 0 when procfs does not tell.
static uint64_t start_time(pid_t pid) {
    char path[32], text[512];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return 0;
    ssize_t count = read(file, text, sizeof text - 1);
    close(file);
    if (count <= 0)
        return 0;
    text[count] = 0;
    // The second field is the program's name in parentheses, which may hold blanks and parentheses itself.
    char *field = strrchr(text, ')');
    for (int i = 2; field && i < 22; i++)
        field = strchr(field + 1, ' ');
    return field ? strtoull(field + 1, NULL, 10) : 0;
}

/// Leaves the record where the next supervisor finds it, whether or not there is one now.
static void write_exit(int directory, const struct clinux_exit *ended) {
    char name[64];
    snprintf(name, sizeof name, "exits/%d.%llu", ended->pid, (unsigned long long)ended->start);
    char temporary[80];
    snprintf(temporary, sizeof temporary, "%s.new", name);
    int file = openat(directory, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0)
        return;
    bool written = write(file, ended, sizeof *ended) == sizeof *ended;
    close(file);
    if (!written || renameat(directory, temporary, directory, name) != 0)
        unlinkat(directory, temporary, 0);
}

/// Reaps whoever has ended; returns whether the supervisor has, and its status in `status`.
static bool reap(int directory, int socket, pid_t supervisor, int *status) {
    bool ended = false;
    for (;;) {
        siginfo_t information = {0};
        if (waitid(P_ALL, 0, &information, WEXITED | WNOHANG | WNOWAIT) != 0 || !information.si_pid)
            return ended;
        int code = information.si_code == CLD_EXITED ? information.si_status : 128 + information.si_status;
        if (information.si_pid == supervisor) {
            ended = true;
            *status = code;
        } else {
            struct timespec now;
            clock_gettime(CLOCK_REALTIME, &now);
            struct clinux_exit record = {
                .time = now.tv_sec * 1000000000LL + now.tv_nsec,
                .start = start_time(information.si_pid),
                .pid = information.si_pid,
                .status = code,
            };
            // First what lasts, then the word of it.
            write_exit(directory, &record);
            send(socket, &record, sizeof record, MSG_DONTWAIT | MSG_NOSIGNAL);
        }
        waitid(P_PID, (id_t)information.si_pid, &information, WEXITED | WNOHANG);
    }
}

static int64_t milliseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

void clinux_release_memory(void) {
    extern const char __executable_start, etext;
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE) - 1;
    uintptr_t start = ((uintptr_t)&__executable_start + page) & ~page, end = (uintptr_t)&etext & ~page;
    madvise((void *)start, end - start, MADV_DONTNEED);
    malloc_trim(0);
}

int clinux_keeper_run(int directory, int ready, int handover, uint32_t *restarts) {
    // What a supervisor without a keeper hands over lies in the socket already; without a socket there is nothing.
    while (handover >= 0 && recv(handover, &(char){0}, 1, MSG_PEEK | MSG_DONTWAIT) > 0)
        receive(handover);
    if (handover >= 0)
        close(handover);
    sigset_t watched, old;
    sigemptyset(&watched);
    sigaddset(&watched, SIGCHLD);
    sigaddset(&watched, SIGTERM);
    if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0 || sigprocmask(SIG_BLOCK, &watched, &old) != 0)
        return -errno;
    int signals = signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK);
    if (signals < 0)
        return -errno;
    prctl(PR_SET_NAME, "roost-keeper", 0, 0, 0);
    // A terminal that goes away, or an interrupt meant for another program in it, is nothing to us.
    signal(SIGHUP, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    clinux_release_memory();
    int64_t rest = 0;
    for (uint32_t count = 0;; count++) {
        int pair[2];
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
            return -errno;
        pid_t supervisor = fork();
        if (supervisor == 0) {
            close(pair[0]);
            close(signals);
            signal(SIGHUP, SIG_DFL);
            signal(SIGINT, SIG_DFL);
            sigprocmask(SIG_SETMASK, &old, NULL);
            prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0);
            prctl(PR_SET_NAME, "roost", 0, 0, 0);
            *restarts = count;
            return pair[1];
        }
        close(pair[1]);
        if (ready >= 0)
            close(ready);
        ready = -1;
        int64_t began = milliseconds();
        int status = supervisor < 0 ? 1 : -1;
        bool is_open = true;
        while (status < 0) {
            struct pollfd polled[2] = {{signals, POLLIN, 0}, {is_open ? pair[0] : -1, POLLIN, 0}};
            poll(polled, 2, -1);
            if (polled[1].revents)
                is_open = receive(pair[0]);
            struct signalfd_siginfo information;
            while (read(signals, &information, sizeof information) == sizeof information)
                if (information.ssi_signo == SIGTERM)
                    kill(supervisor, SIGTERM);
            reap(directory, pair[0], supervisor, &status);
        }
        // What it still sent before its end.
        while (is_open && recv(pair[0], &(char){0}, 1, MSG_PEEK | MSG_DONTWAIT) > 0)
            is_open = receive(pair[0]);
        close(pair[0]);
        if (status == 0)
            _exit(0);
        // One that dies at once is given ever more time, but no more than containers can do without it.
        rest = milliseconds() - began > 2000 ? 0 : rest ? (rest * 2 > 500 ? 500 : rest * 2) : 10;
        struct timespec pause = {rest / 1000, rest % 1000 * 1000000};
        nanosleep(&pause, NULL);
    }
}
