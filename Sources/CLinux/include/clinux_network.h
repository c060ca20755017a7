/// Network namespaces of single threads.
#ifndef CLINUX_NETWORK_H
#define CLINUX_NETWORK_H

/// Puts the calling thread, and no other, into a new network namespace: unshare(2) CLONE_NEWNET, Linux 2.6.24.
/// Returns 0 or a negated errno.
int clinux_network_unshare(void);

/// Puts the calling thread, and no other, into the network namespace that `descriptor` refers to: setns(2), Linux 3.0.
/// The descriptor stays the caller's. Returns 0 or a negated errno.
int clinux_network_enter(int descriptor);

#endif
