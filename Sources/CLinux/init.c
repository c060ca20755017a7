/// A program of our own that containers run: it stands between us and the image, and may be their first process.
///
/// It lies in a section of its own, is copied into a sealed file in memory behind an ELF header, and executed from
/// there. So it must be whole in itself: raw system calls, no data, no calls out of the section, and nothing that a
/// compiler makes into either (string literals, switches, structures that are set or copied at once).
#include "clinux_init.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define SECTION __attribute__((section("roost_init"), used, retain, no_stack_protector, visibility("hidden")))
#define INLINE static inline __attribute__((always_inline, no_stack_protector))

INLINE long call(long number, long a, long b, long c, long d, long e) {
#if defined(__x86_64__)
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
                     : "rcx", "r11", "memory");
    return result;
#elif defined(__aarch64__)
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
    return x0;
#else
#error "no system calls for this machine"
#endif
}

INLINE _Noreturn void end(long status) {
    for (;;)
        call(SYS_exit_group, status, 0, 0, 0, 0);
}

/// Executes the first candidate that exists, or tells why not: the errors that mean "look further" are execvp(3)'s.
INLINE _Noreturn void execute(char **candidate, long teller, long step, char **arguments, char **environment) {
    long error = -ENOENT;
    for (; **candidate; candidate++) {
        error = call(SYS_execve, (long)*candidate, (long)arguments, (long)environment, 0, 0);
        if (error != -ENOENT && error != -ENOTDIR)
            break;
    }
    // struct clinux_report
    volatile unsigned report[2];
    report[0] = (unsigned)step;
    report[1] = (unsigned)-error;
    call(SYS_write, teller, (long)report, sizeof report, 0, 0);
    end(127);
}

/// Collects every child that has ended; ends as the program does when that is among them.
INLINE void reap(long program) {
    volatile int status = 0;
    for (;;) {
        long pid = call(SYS_wait4, -1, (long)&status, WNOHANG, 0, 0);
        if (pid == -EINTR)
            continue;
        if (pid <= 0)
            return;
        if (pid == program)
            end((status & 0x7f) == 0 ? status >> 8 & 0xff : 128 + (status & 0x7f));
    }
}

/// The stack as the kernel leaves it: count, arguments, null, environment, null.
///
/// The arguments are a name, a letter with the number of the descriptor that a failure is told on, the number of the
/// launch's step, the candidates, an empty string, and the program's own. The letters: `i` for a first process; `f` for one
/// that goes on in another process, the first of ours in a PID namespace that was joined for it, `t` with a terminal at
/// descriptor 0 that becomes its own; `x` for neither.
SECTION _Noreturn void clinux_init_main(char **stack) {
    // Before the image's code is among us: nobody is to look at the pipe we hold.
    call(SYS_prctl, PR_SET_DUMPABLE, 0, 0, 0, 0);
    // An image can execute us too, with any arguments; what we then do is done with its own rights.
    if ((size_t)stack[0] < 5)
        end(126);
    long teller = 0;
    for (char *digit = stack[2] + (*stack[2] != 0); *digit; digit++)
        teller = teller * 10 + (*digit - '0');
    call(SYS_fcntl, teller, F_SETFD, FD_CLOEXEC, 0, 0);
    char **environment = stack + 1 + (size_t)stack[0] + 1;
    char **candidates = stack + 4;
    char **arguments = candidates;
    while (*arguments && **arguments)
        arguments++;
    if (!*arguments)
        end(126);
    arguments++;
    long step = 0;
    for (char *digit = stack[3]; *digit; digit++)
        step = step * 10 + (*digit - '0');
    if (*stack[2] == 'f' || *stack[2] == 't') {
        long successor = call(SYS_clone, CLONE_PARENT, 0, 0, 0, 0);
        if (successor != 0) {
            // struct clinux_report
            volatile unsigned report[2];
            report[0] = (unsigned)step;
            report[1] = (unsigned)-successor;
            call(SYS_write, teller, (long)report, sizeof report, 0, 0);
            end(0);
        }
        call(SYS_setsid, 0, 0, 0, 0, 0);
        if (*stack[2] == 't')
            call(SYS_ioctl, 0, TIOCSCTTY, 0, 0, 0);
    }
    if (*stack[2] != 'i')
        execute(candidates, teller, step, arguments, environment);

    // A blocked signal is kept for us, even one that a first process would otherwise never see.
    volatile unsigned long every = ~0ul, none = 0;
    call(SYS_rt_sigprocmask, SIG_SETMASK, (long)&every, 0, sizeof every, 0);
    long program = call(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (program == 0) {
        call(SYS_setpgid, 0, 0, 0, 0, 0);
        volatile int group = (int)call(SYS_getpid, 0, 0, 0, 0, 0);
        // In the terminal's foreground, where there is one. SIGTTOU is still blocked.
        call(SYS_ioctl, 0, TIOCSPGRP, (long)&group, 0, 0);
        call(SYS_rt_sigprocmask, SIG_SETMASK, (long)&none, 0, sizeof none, 0);
        execute(candidates, teller, step, arguments, environment);
    }
    call(SYS_close, teller, 0, 0, 0, 0);
    // What ps(1) shows; executed by descriptor we would be called by its number.
    volatile char name[5];
    name[0] = name[2] = 'i';
    name[1] = 'n';
    name[3] = 't';
    name[4] = 0;
    call(SYS_prctl, PR_SET_NAME, (long)name, 0, 0, 0);
    if (program < 0)
        end(126);
    for (;;) {
        long number = call(SYS_rt_sigtimedwait, (long)&every, 0, 0, sizeof every, 0);
        if (number == SIGCHLD)
            reap(program);
        else if (number > 0 && number != SIGTTIN && number != SIGTTOU)
            call(SYS_kill, program, number, 0, 0, 0);
    }
}

SECTION __attribute__((naked)) void clinux_init_entry(void) {
#if defined(__x86_64__)
    __asm__("xor %ebp, %ebp\n\tmov %rsp, %rdi\n\tand $-16, %rsp\n\tcall clinux_init_main");
#elif defined(__aarch64__)
    __asm__("mov x29, #0\n\tmov x0, sp\n\tbl clinux_init_main");
#endif
}

extern const unsigned char __start_roost_init[] __attribute__((visibility("hidden")));
extern const unsigned char __stop_roost_init[] __attribute__((visibility("hidden")));

struct clinux_init_code clinux_init_code(void) {
    struct clinux_init_code code = {
        .start = __start_roost_init,
        .size = (uint64_t)(__stop_roost_init - __start_roost_init),
        .entry = (uint64_t)((uintptr_t)clinux_init_entry - (uintptr_t)__start_roost_init),
#if defined(__x86_64__)
        .machine = 62,
#elif defined(__aarch64__)
        .machine = 183,
#endif
    };
    return code;
}
