/// The window between clone3 and execve: a list of system calls, prepared by Swift and carried out here one by one.
#ifndef CLINUX_LAUNCH_H
#define CLINUX_LAUNCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/// How `clinux_call.argument[i]` is read; two bits for each argument in `clinux_call.kinds`, the first one lowest.
enum {
    CLINUX_VALUE = 0,  ///< the number or address itself
    CLINUX_SLOT = 1,   ///< the index of a slot; its value is passed
};

enum {
    CLINUX_CALL_IGNORE_ALL = 1 << 0,  ///< go on whatever the kernel answers
    CLINUX_CALL_EXACT = 1 << 1,       ///< the result must be `expected`, anything else is EPROTO
    CLINUX_CALL_SKIP_ON_ERROR = 1 << 2, ///< when an ignored errno is the answer, skip the next `skip` calls
    CLINUX_CALL_SKIP_ON_SUCCESS = 1 << 3, ///< when the call succeeds, skip the next `skip` calls
    /// The call is a clone3(2) without CLONE_VM: the new process goes on with the list, and the old one reports the new
    /// one's id, negated, as the call's error and ends with status 0.
    CLINUX_CALL_FORK = 1 << 4,
};

/// One system call, as syscall(2) takes it.
struct clinux_call {
    int64_t number;       ///< the call's number, `SYS_…`
    uint64_t argument[6]; ///< read as `kinds` says
    uint16_t kinds;       ///< two bits an argument: CLINUX_VALUE or CLINUX_SLOT
    uint16_t flags;       ///< CLINUX_CALL_…
    int16_t result;       ///< the slot that takes the result, or -1
    uint8_t ignored[2];   ///< errno values after which the list goes on; 0 stands for none
    int32_t skip;         ///< see CLINUX_CALL_SKIP_…; not negative
    int32_t expected;     ///< see CLINUX_CALL_EXACT
};

/// A process to start. All memory it points to belongs to the caller; the child reads it and writes the slots.
struct clinux_launch {
    uint64_t clone_flags;                   ///< CLONE_…; CLONE_PIDFD and CLONE_CLEAR_SIGHAND are added
    int32_t cgroup;                         ///< a cgroup v2 directory to be born in, or -1: CLONE_INTO_CGROUP, Linux 5.7
    /// Whether the child uses its parent's memory until it executes, and the caller's thread waits for that: `CLONE_VM`
    /// and `CLONE_VFORK`. Nothing of the parent is copied then. Ignored on machines that this is not written for.
    bool shares_memory;
    /// Whether the child stays as dumpable as its parent until a call of the list changes that, so that a parent without
    /// privilege can write to its files below /proc.
    bool stays_visible;
    int32_t report;                         ///< a close-on-exec pipe's writing end, for a `clinux_report` on failure
    const struct clinux_call *_Nonnull calls; ///< the last one is an execve(2) or an exit(2)
    uint32_t count;
    uint32_t slot_count;                    ///< a call that names a slot beyond fails with EINVAL
    int32_t *_Nonnull slots;                ///< descriptors the calls refer to, some of them set by the caller
};

/// What a child says about the call that failed, before it ends with status 127.
struct clinux_report {
    uint32_t index;   ///< of the call in the list
    int32_t error;    ///< its errno, or the negated id of the process that CLINUX_CALL_FORK has made
};
_Static_assert(sizeof(struct clinux_report) == 8, "the report is written and read as one block");

/// Starts the process: clone3(2), Linux 5.3 (CLONE_CLEAR_SIGHAND 5.5).
///
/// Returns its process id and puts a close-on-exec pidfd, owned by the caller, into `pidfd`; or returns a negated
/// errno. The child has an empty signal mask and default dispositions, and is not dumpable until it executes, unless
/// `stays_visible` says otherwise.
pid_t clinux_launch(const struct clinux_launch *_Nonnull launch, int32_t *_Nonnull pidfd);

#endif
