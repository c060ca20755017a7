#include "clinux.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/// The kernel's answer as a value or a negated errno.
static int answer(long result) {
    return result < 0 ? -errno : (int)result;
}

int clinux_pidfd_open(pid_t pid) {
    return answer(syscall(SYS_pidfd_open, pid, 0));
}

const char *clinux_errno_name(int number) {
    return strerrorname_np(number);
}

const char *clinux_errno_text(int number) {
    return strerrordesc_np(number);
}
