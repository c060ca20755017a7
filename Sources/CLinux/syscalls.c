#include "clinux.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

/// The kernel's answer as a value or a negated errno.
static int answer(long result) {
    return result < 0 ? -errno : (int)result;
}

int clinux_pidfd_open(pid_t pid) {
    return answer(syscall(SYS_pidfd_open, pid, 0));
}
