import CLinux
import Glibc

/// Short stays of the calling thread in another network namespace.
///
/// No other thread notices, and no task can run on this thread in between, as everything here is synchronous.
package enum NamespaceVisit {
    /// The calling thread's own network namespace.
    package static func current() throws(SyscallError) -> OwnedDescriptor { try .reading("/proc/thread-self/ns/net") }

    /// Runs `body` in the namespace that `descriptor` refers to, which is lent: setns(2).
    package static func within<Value: ~Copyable>(
        _ descriptor: CInt,
        _ body: () throws(SyscallError) -> Value
    ) throws(SyscallError) -> Value {
        let home = try current()
        _ = try SyscallError.check(clinux_network_enter(descriptor), "setns(CLONE_NEWNET)", "network namespace")
        defer { goBack(to: home) }
        return try body()
    }

    /// Runs `body` in a new namespace, which ends with the last descriptor or process that refers to it.
    package static func withinNew<Value: ~Copyable>(
        _ body: () throws(SyscallError) -> Value
    ) throws(SyscallError) -> Value {
        let home = try current()
        _ = try SyscallError.check(clinux_network_unshare(), "unshare(CLONE_NEWNET)", "network namespace")
        defer { goBack(to: home) }
        return try body()
    }

    /// A thread that stayed would from then on change a container's network for the host's.
    private static func goBack(to home: borrowing OwnedDescriptor) {
        let result = clinux_network_enter(home.rawValue)
        precondition(result == 0, "setns(2) back to the host's network namespace: \(Errno(rawValue: -result))")
    }
}
