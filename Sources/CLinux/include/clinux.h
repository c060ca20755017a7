/// System calls and kernel structures that Swift cannot reach through Glibc.
///
/// Every function returns a value or a negated errno, so that nothing on the way back to Swift can overwrite it.
/// Nothing here allocates, prints or decides.
#ifndef CLINUX_H
#define CLINUX_H

#include <stdint.h>
#include <sys/types.h>

#include "clinux_network.h"

/// Opens a descriptor that refers to `pid`: pidfd_open(2), Linux 5.3.
/// Returns the close-on-exec descriptor, owned by the caller, or a negated errno.
int clinux_pidfd_open(pid_t pid);

/// The symbolic name of an errno value, as in "ENOENT": strerrorname_np(3), glibc 2.32.
/// Returns a static string, or null for a number that is no errno.
const char *_Nullable clinux_errno_name(int number);

/// The meaning of an errno value in English, whatever the locale: strerrordesc_np(3), glibc 2.32.
/// Returns a static string, or null for a number that is no errno.
const char *_Nullable clinux_errno_text(int number);

#endif
