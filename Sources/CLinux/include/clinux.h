/// System calls and kernel structures that Swift cannot reach through Glibc.
///
/// Every function returns a value or a negated errno, so that nothing on the way back to Swift can overwrite it.
/// Nothing here allocates, prints or decides.
#ifndef CLINUX_H
#define CLINUX_H

#include <linux/capability.h>
#include <linux/openat2.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/types.h>

#include "clinux_init.h"
#include "clinux_keeper.h"
#include "clinux_launch.h"
#include "clinux_network.h"

/// Makes any system call: syscall(2). Returns the kernel's value or a negated errno.
int64_t clinux_syscall(int64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f);

/// Sends bytes over a socket, and with them copies of at most 8 descriptors: sendmsg(2), unix(7) SCM_RIGHTS.
/// Returns 0 or a negated errno; never raises SIGPIPE.
int clinux_send_descriptors(int socket, const void *_Nonnull bytes, uint32_t count, const int *_Nonnull descriptors,
                            uint32_t descriptor_count);

/// Receives bytes over a socket, and the descriptors that come with them: recvmsg(2), unix(7) SCM_RIGHTS.
/// At most `*descriptor_count` descriptors, at most 8, go into `descriptors`, close-on-exec and the caller's; then it is
/// their number. Returns the number of bytes or a negated errno; blocks unless the socket does not.
int64_t clinux_receive_descriptors(int socket, void *_Nonnull bytes, uint32_t count, int *_Nonnull descriptors,
                                   uint32_t *_Nonnull descriptor_count);

/// Makes a close-on-exec descriptor that does not block and gives the signals of `set`: signalfd(2), Linux 2.6.27.
/// Returns the descriptor, the caller's, or a negated errno.
int clinux_signalfd(const sigset_t *_Nonnull set);

/// The symbolic name of an errno value, as in "ENOENT": strerrorname_np(3), glibc 2.32.
/// Returns a static string, or null for a number that is no errno.
const char *_Nullable clinux_errno_name(int number);

/// The meaning of an errno value in English, whatever the locale: strerrordesc_np(3), glibc 2.32.
/// Returns a static string, or null for a number that is no errno.
const char *_Nullable clinux_errno_text(int number);

#endif
