#include "clinux_network.h"

#include <errno.h>
#include <sched.h>

int clinux_network_unshare(void) {
    return unshare(CLONE_NEWNET) < 0 ? -errno : 0;
}

int clinux_network_enter(int descriptor) {
    return setns(descriptor, CLONE_NEWNET) < 0 ? -errno : 0;
}
