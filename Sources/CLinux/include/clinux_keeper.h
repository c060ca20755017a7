/// The keeper of a project: one thread, no memory of its own to speak of, nothing that can fail for long.
///
/// It is the parent of the project's containers. It reaps them, writes down how they ended, keeps descriptors that must
/// outlive a supervisor, and starts the supervisor anew when that dies.
#ifndef CLINUX_KEEPER_H
#define CLINUX_KEEPER_H

#include <stdint.h>
#include <sys/types.h>

/// How a child ended; what the keeper sends to its supervisor, and what it writes to `exits/<pid>.<start>`.
struct clinux_exit {
    int64_t time;   ///< nanoseconds since 1970
    uint64_t start; ///< when the process started, in clock ticks since boot: field 22 of proc_pid_stat(5)
    int32_t pid;    ///< its process id
    int32_t status; ///< its exit status, or 128 and the number of the signal that killed it
};
_Static_assert(sizeof(struct clinux_exit) == 24, "the record is sent and read as one block");

enum {
    CLINUX_KEEPER_NAME = 64,  ///< bytes of a kept descriptor's name, the ending 0 among them
    CLINUX_KEEPER_KEPT = 512, ///< how many descriptors a keeper keeps
};

/// What a supervisor sends to its keeper: keep the one descriptor that comes along (SCM_RIGHTS), or, without one,
/// forget it.
struct clinux_keep {
    char name[CLINUX_KEEPER_NAME];
};

/// Becomes the keeper, and returns only in the supervisors that it forks: prctl(2) `PR_SET_CHILD_SUBREAPER`.
///
/// `directory` is the project's directory, where exits are written; `ready` is closed in the keeper as soon as the first
/// supervisor exists. Both stay open in the supervisor. `handover` is a socket in which lie the packets of a supervisor
/// whose keeper has gone, or a number that nobody has opened. `restarts` becomes the number of supervisors before this one.
/// Returns the supervisor's end of a SOCK_SEQPACKET pair, or a negated errno when there is no keeper at all. Ends the
/// process when a supervisor ends with status 0.
int clinux_keeper_run(int directory, int ready, int handover, uint32_t *_Nonnull restarts);

/// Lets go of the pages of the program's code that are in memory, which come back by themselves when they are used, and
/// of free memory.
///
/// Starting a program, and every burst of work, brings in much more of it than a process needs that waits for years:
/// madvise(2) `MADV_DONTNEED`, malloc_trim(3). Where it fails, they only take more room.
void clinux_release_memory(void);

/// The descriptor kept under place `index`, in a supervisor; -1 for an empty place.
/// The descriptor is the supervisor's; `name` becomes a static string.
int clinux_keeper_kept(uint32_t index, const char *_Nullable *_Nonnull name);

#endif
