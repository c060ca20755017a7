import CLinux
import Glibc

extension OwnedDescriptor {
    /// Copies up to `count` bytes between files from where they stand: copy_file_range(2).
    ///
    /// The kernel shares the blocks where the filesystem can. Stops early at the end of this file. EXDEV, EINVAL,
    /// EOPNOTSUPP and ENOSYS mean that the two have to be copied in another way.
    package borrowing func copyRange(to target: borrowing OwnedDescriptor, count: Int64) throws(SyscallError) {
        var done: Int64 = 0
        while done < count {
            let copied = clinux_syscall(
                Int64(SYS_copy_file_range),
                UInt64(rawValue),
                0,
                UInt64(target.rawValue),
                0,
                UInt64(min(count - done, 1 << 30)),
                0
            )
            if copied == 0 { return }
            done += Int64(try SyscallError.check(CInt(copied), "copy_file_range", "descriptor \(rawValue)"))
        }
    }
}
