import CLinux
import Glibc

/// How far a path may lead: the `resolve` flags of openat2(2), Linux 5.6.
package struct PathResolution: OptionSet, Hashable, Sendable {
    package var rawValue: UInt64

    package init(rawValue: UInt64) { self.rawValue = rawValue }

    /// Into no other mount: `RESOLVE_NO_XDEV`.
    package static let sameMount = PathResolution(rawValue: 0x01)
    /// Through no link of procfs: `RESOLVE_NO_MAGICLINKS`.
    package static let noMagicLinks = PathResolution(rawValue: 0x02)
    /// Through no symbolic link at all: `RESOLVE_NO_SYMLINKS`.
    package static let noLinks = PathResolution(rawValue: 0x04)
    /// Never out of the directory, which is an error: `RESOLVE_BENEATH`.
    package static let beneath = PathResolution(rawValue: 0x08)
    /// As if the directory were the root: `RESOLVE_IN_ROOT`.
    package static let inRoot = PathResolution(rawValue: 0x10)
}

extension OwnedDescriptor {
    /// Opens `path` from this directory: openat2(2).
    ///
    /// The result is close-on-exec, and the caller's. `path` ends with a zero byte; `flags` and `mode` are those of
    /// open(2).
    package borrowing func openAt(
        path: UnsafePointer<CChar>,
        _ flags: CInt,
        mode: UInt32 = 0,
        _ resolution: PathResolution
    ) throws(SyscallError) -> OwnedDescriptor {
        var how = open_how()
        how.flags = UInt64(UInt32(bitPattern: flags | O_CLOEXEC))
        how.mode = UInt64(mode)
        how.resolve = resolution.rawValue
        var result: Int64
        repeat {
            result = withUnsafePointer(to: &how) { how in
                clinux_syscall(
                    Int64(SYS_openat2),
                    UInt64(bitPattern: Int64(rawValue)),
                    UInt64(UInt(bitPattern: path)),
                    UInt64(UInt(bitPattern: how)),
                    UInt64(MemoryLayout<open_how>.size),
                    0,
                    0
                )
            }
            // EAGAIN: a rename elsewhere made the kernel unsure; it asks to try again.
        } while result == -Int64(EAGAIN) || result == -Int64(EINTR)
        return OwnedDescriptor(adopting: try SyscallError.check(CInt(result), "openat2", String(cString: path)))
    }
}
