#include "clinux_launch.h"

#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static uint64_t value(const struct clinux_launch *launch, const struct clinux_call *call, int i) {
    uint64_t raw = call->argument[i];
    return (call->kinds >> (2 * i) & 3) == CLINUX_SLOT ? (uint64_t)(int64_t)launch->slots[raw] : raw;
}

static bool is_ignored(const struct clinux_call *call, int error) {
    return call->flags & CLINUX_CALL_IGNORE_ALL || call->ignored[0] == error || call->ignored[1] == error;
}

/// Runs the list in the child. Only async-signal-safe calls: other threads of the parent may have held any lock.
static _Noreturn void obey(const struct clinux_launch *launch) {
    struct clinux_report failure = {0, 0};
    for (uint32_t i = 0; i < launch->count; i++) {
        const struct clinux_call *call = &launch->calls[i];
        long result = syscall(call->number, value(launch, call, 0), value(launch, call, 1), value(launch, call, 2),
                              value(launch, call, 3), value(launch, call, 4), value(launch, call, 5));
        int error = result < 0 ? errno : 0;
        if (!error && call->flags & CLINUX_CALL_EXACT && result != call->expected)
            error = EPROTO;
        if (error && !is_ignored(call, error)) {
            failure = (struct clinux_report){i, error};
            break;
        }
        if (call->result >= 0)
            launch->slots[call->result] = error ? -1 : (int32_t)result;
        if (call->flags & (error ? CLINUX_CALL_SKIP_ON_ERROR : CLINUX_CALL_SKIP_ON_SUCCESS))
            i += (uint32_t)call->skip;
    }
    // A list that ends without execve(2) is a mistake of its author and reported as call 0, errno 0.
    ssize_t written = write(launch->report, &failure, sizeof failure);
    _exit(written == sizeof failure ? 127 : 126);
}

pid_t clinux_launch(const struct clinux_launch *launch, int32_t *pidfd) {
    struct clone_args arguments = {
        .flags = launch->clone_flags | CLONE_PIDFD | CLONE_CLEAR_SIGHAND,
        .pidfd = (uint64_t)(uintptr_t)pidfd,
        // With CLONE_PARENT the signal is that of the caller's own parent, and clone3(2) insists on 0 here.
        .exit_signal = launch->clone_flags & CLONE_PARENT ? 0 : SIGCHLD,
    };
    if (launch->cgroup >= 0) {
        arguments.flags |= CLONE_INTO_CGROUP;
        arguments.cgroup = (uint64_t)launch->cgroup;
    }
    long pid = syscall(SYS_clone3, &arguments, sizeof arguments);
    if (pid < 0)
        return -errno;
    if (pid > 0)
        return (pid_t)pid;
    sigset_t none;
    sigemptyset(&none);
    // The child still holds a copy of its parent's memory, which nobody in the container may look at.
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || sigprocmask(SIG_SETMASK, &none, 0) != 0) {
        struct clinux_report failure = {0, errno};
        ssize_t written = write(launch->report, &failure, sizeof failure);
        _exit(written == sizeof failure ? 127 : 126);
    }
    obey(launch);
}
