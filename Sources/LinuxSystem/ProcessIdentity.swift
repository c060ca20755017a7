import CLinux
import Glibc

/// A process, told apart from a later one with the same number.
package struct ProcessIdentity: Hashable, Codable, Sendable {
    /// Its id in our own PID namespace.
    package var pid: Int32
    /// When it was started, in clock ticks since boot: field 22 of proc_pid_stat(5).
    package var start: UInt64

    /// The process `pid` that was started at `start`.
    package init(pid: Int32, start: UInt64) {
        self.pid = pid
        self.start = start
    }

    /// The process that has this id now; nil when there is none.
    ///
    /// A process that has ended and waits to be reaped counts.
    package init?(of pid: Int32) {
        // The program's name may hold anything, blanks and parentheses too, so fields are counted from its end.
        guard let text = try? readFile("/proc/\(pid)/stat"), let name = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: name)...].split(separator: " ")
        guard fields.count > 19, let start = UInt64(fields[19]) else { return nil }
        self.init(pid: pid, start: start)
    }

    /// A pidfd for exactly this process, or nil when it is gone: pidfd_open(2), Linux 5.3.
    package func open() throws(SyscallError) -> OwnedDescriptor? {
        let result = clinux_syscall(Int64(SYS_pidfd_open), UInt64(bitPattern: Int64(pid)), 0, 0, 0, 0, 0)
        if result == -Int64(ESRCH) || result == -Int64(EINVAL) { return nil }
        let descriptor = OwnedDescriptor(adopting: try SyscallError.check(CInt(result), "pidfd_open", "process \(pid)"))
        // Only now can the number not pass on to another process unnoticed.
        guard ProcessIdentity(of: pid) == self else { return nil }
        return descriptor
    }
}
