import CLinux
import Glibc

/// How a process ended.
package enum ProcessStatus: Hashable, Sendable {
    /// It ended by itself with a status of 0 to 255.
    case exited(Int32)
    /// A signal ended it.
    case signaled(Int32)

    /// The status a shell shows: 128 and the signal's number after a signal.
    package var shellStatus: Int32 {
        switch self {
        case .exited(let status): status
        case .signaled(let signal): 128 + signal
        }
    }
}

extension LaunchedProcess {
    /// Waits until the process has ended and takes its status: waitid(2) `P_PIDFD`, Linux 5.4.
    ///
    /// Only for our own children; the status of a sibling goes to our parent. Blocks the thread.
    package borrowing func waitForExit() throws(SyscallError) -> ProcessStatus {
        var information = siginfo_t()
        var result: Int64
        repeat {
            result = withUnsafeMutablePointer(to: &information) {
                clinux_syscall(
                    Int64(SYS_waitid),
                    UInt64(pidfdIDType),
                    UInt64(descriptor.rawValue),
                    UInt64(UInt(bitPattern: $0)),
                    UInt64(WEXITED),
                    0,
                    0
                )
            }
        } while result == -Int64(EINTR)
        _ = try SyscallError.check(CInt(result), "waitid", "process \(pid)")
        let status = information._sifields._sigchld.si_status
        return information.si_code == CLD_EXITED_CODE ? .exited(status) : .signaled(status)
    }
}

/// Sends a signal to the process that a pidfd names, and never to another: pidfd_send_signal(2), Linux 5.1.
package func sendSignal(_ signal: Int32, to pidfd: Int32) throws(SyscallError) {
    let result = clinux_syscall(Int64(SYS_pidfd_send_signal), UInt64(pidfd), UInt64(signal), 0, 0, 0, 0)
    _ = try SyscallError.check(CInt(result), "pidfd_send_signal", "signal \(signal)")
}

/// `P_PIDFD`.
private let pidfdIDType = 3
/// `CLD_EXITED`.
private let CLD_EXITED_CODE: CInt = 1
