import CLinux
import Glibc

/// The two ends of a pipe(2), close-on-exec.
package struct Pipe: ~Copyable, Sendable {
    /// The end that read(2) takes from.
    package let reading: OwnedDescriptor
    /// The end that write(2) puts into.
    package let writing: OwnedDescriptor

    /// Makes a pipe: pipe2(2) with `O_CLOEXEC`.
    package init() throws(SyscallError) {
        var ends: (CInt, CInt) = (-1, -1)
        let result = withUnsafeMutablePointer(to: &ends) {
            clinux_syscall(Int64(SYS_pipe2), UInt64(UInt(bitPattern: $0)), UInt64(O_CLOEXEC), 0, 0, 0, 0)
        }
        _ = try SyscallError.check(CInt(result), "pipe2", "")
        reading = OwnedDescriptor(adopting: ends.0)
        writing = OwnedDescriptor(adopting: ends.1)
    }

    /// Closes the writing end and hands over the reading one.
    package consuming func takeReading() -> OwnedDescriptor { reading }
}
