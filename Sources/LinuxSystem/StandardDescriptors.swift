import CLinux
import Glibc

/// Opens the null device in the place of standard input, output and error where they are closed.
///
/// Otherwise the next file that is opened would be taken for one of them.
package func fillStandardDescriptors() {
    while true {
        // Inherited by every program that is started, as standard descriptors are.
        let opened = open("/dev/null", O_RDWR)
        guard opened > 2 else {
            guard opened < 0 else { continue }
            return
        }
        _ = close(opened)
        return
    }
}

/// Closes every descriptor from a number on, for a process that has opened none itself yet: close_range(2), Linux 5.9.
package func closeInheritedDescriptors(from first: Int32) throws(SyscallError) {
    let result = clinux_syscall(Int64(SYS_close_range), UInt64(first), UInt64(UInt32.max), 0, 0, 0, 0)
    _ = try SyscallError.check(CInt(result), "close_range", "descriptors from \(first)")
}

/// Whether a descriptor is open: fcntl(2) `F_GETFD`.
package func isOpenDescriptor(_ number: Int32) -> Bool { fcntl(number, F_GETFD) >= 0 }
