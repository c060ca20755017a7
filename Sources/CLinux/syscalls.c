#include "clinux.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

int64_t clinux_syscall(int64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f) {
    long result = syscall(number, a, b, c, d, e, f);
    return result < 0 ? -errno : result;
}

const char *clinux_errno_name(int number) {
    return strerrorname_np(number);
}

const char *clinux_errno_text(int number) {
    return strerrordesc_np(number);
}
