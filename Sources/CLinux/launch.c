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

/// Whether a call reads and writes no slots but those that there are. A list that does is a mistake of its author; where
/// memory is shared, it would be the parent that is damaged.
static bool is_sound(const struct clinux_launch *launch, const struct clinux_call *call) {
    for (int i = 0; i < 6; i++) {
        if ((call->kinds >> (2 * i) & 3) == CLINUX_SLOT && call->argument[i] >= launch->slot_count)
            return false;
    }
    return call->skip >= 0 && (call->result < 0 || (uint32_t)call->result < launch->slot_count);
}

static bool is_ignored(const struct clinux_call *call, int error) {
    return call->flags & CLINUX_CALL_IGNORE_ALL || call->ignored[0] == error || call->ignored[1] == error;
}

static _Noreturn void give_up(const struct clinux_launch *launch, struct clinux_report failure) {
    ssize_t written = write(launch->report, &failure, sizeof failure);
    _exit(written == sizeof failure ? 127 : 126);
}

/// Runs the list in the child. Only async-signal-safe calls: other threads of the parent may have held any lock.
static _Noreturn void obey(const struct clinux_launch *launch) {
    sigset_t none;
    sigemptyset(&none);
    // The child sees its parent's memory, or a copy of it, at which nobody in the container may look.
    if ((!launch->stays_visible && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) || sigprocmask(SIG_SETMASK, &none, 0) != 0)
        give_up(launch, (struct clinux_report){0, errno});
    struct clinux_report failure = {0, 0};
    for (uint32_t i = 0; i < launch->count; i++) {
        const struct clinux_call *call = &launch->calls[i];
        if (!is_sound(launch, call))
            give_up(launch, (struct clinux_report){i, EINVAL});
        long result = syscall(call->number, value(launch, call, 0), value(launch, call, 1), value(launch, call, 2),
                              value(launch, call, 3), value(launch, call, 4), value(launch, call, 5));
        int error = result < 0 ? errno : 0;
        if (!error && call->flags & CLINUX_CALL_EXACT && result != call->expected)
            error = EPROTO;
        if (error && !is_ignored(call, error)) {
            failure = (struct clinux_report){i, error};
            break;
        }
        if (call->flags & CLINUX_CALL_FORK && result > 0) {
            failure = (struct clinux_report){i, (int32_t)-result};
            _exit(write(launch->report, &failure, sizeof failure) == sizeof failure ? 0 : 126);
        }
        if (call->result >= 0)
            launch->slots[call->result] = error ? -1 : (int32_t)result;
        if (call->flags & (error ? CLINUX_CALL_SKIP_ON_ERROR : CLINUX_CALL_SKIP_ON_SUCCESS)) {
            if ((uint32_t)call->skip >= launch->count - i)
                break;
            i += (uint32_t)call->skip;
        }
    }
    // A list that ends without execve(2) is a mistake of its author and reported as call 0, errno 0.
    give_up(launch, failure);
}

#if defined __x86_64__ || defined __aarch64__
#define CAN_SHARE_MEMORY 1

/// clone3(2) with a stack for the child, on which it calls `obey` and nothing else.
static long clone_on_stack(struct clone_args *arguments, const struct clinux_launch *launch) {
#if defined __x86_64__
    long result = SYS_clone3;
    register const struct clinux_launch *order __asm__("r12") = launch;
    __asm__ volatile("syscall\n\t"
                     "test %%rax, %%rax\n\t"
                     "jnz 1f\n\t"
                     "xor %%ebp, %%ebp\n\t"
                     "mov %%r12, %%rdi\n\t"
                     "call *%[obey]\n\t"
                     "1:"
                     : "+a"(result)
                     : "D"(arguments), "S"(sizeof *arguments), "r"(order), [obey] "r"(obey)
                     : "rcx", "r11", "memory");
    return result;
#else
    register long result __asm__("x0") = (long)arguments;
    register long size __asm__("x1") = sizeof *arguments;
    register long number __asm__("x8") = SYS_clone3;
    register const struct clinux_launch *order __asm__("x19") = launch;
    register void (*run)(const struct clinux_launch *) __asm__("x20") = obey;
    __asm__ volatile("svc #0\n\t"
                     "cbnz x0, 1f\n\t"
                     "mov x29, xzr\n\t"
                     "mov x0, x19\n\t"
                     "blr x20\n\t"
                     "1:"
                     : "+r"(result)
                     : "r"(size), "r"(number), "r"(order), "r"(run)
                     : "memory");
    return result;
#endif
}
#endif

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
#ifdef CAN_SHARE_MEMORY
    if (launch->shares_memory) {
        // The caller's thread waits until the child executes or ends, and lends it this part of its own stack.
        _Alignas(16) char stack[16384];
        arguments.flags |= CLONE_VM | CLONE_VFORK;
        arguments.stack = (uint64_t)(uintptr_t)stack;
        arguments.stack_size = sizeof stack;
        return (pid_t)clone_on_stack(&arguments, launch);
    }
#endif
    long pid = syscall(SYS_clone3, &arguments, sizeof arguments);
    if (pid == 0)
        obey(launch);
    return pid < 0 ? -errno : (pid_t)pid;
}
