import CLinux
import Glibc

/// Steps by which a process gives up what it does not need before it reads what it does not trust.
///
/// Every one of them throws when the kernel refuses, and a process that goes on nevertheless is not confined.
package enum Confinement {
    /// Makes a detached mount the root of this process's mount namespace, which must be its own, and lets go of
    /// everything else: move_mount(2), Linux 5.2, pivot_root(2).
    package static func pivot(into mount: borrowing OwnedDescriptor) throws(SyscallError) {
        let subject = "the directory to work in"
        let propagation = UInt64(MS_PRIVATE) | UInt64(MS_REC)
        _ = try check(SYS_mount, [0, string("/"), 0, propagation, 0], "mount(MS_PRIVATE)", "/")
        let here = UInt64(bitPattern: Int64(AT_FDCWD))
        // MOVE_MOUNT_F_EMPTY_PATH
        _ = try check(
            SYS_move_mount,
            [UInt64(mount.rawValue), string(""), here, string("/"), 4],
            "move_mount",
            subject
        )
        _ = try check(SYS_fchdir, [UInt64(mount.rawValue)], "fchdir", subject)
        _ = try check(SYS_pivot_root, [string("."), string(".")], "pivot_root", subject)
        // The old root now lies over the new one; what it covers appears when it goes.
        _ = try check(SYS_umount2, [string("."), UInt64(MNT_DETACH)], "umount2", "the host's root")
        _ = try check(SYS_chdir, [string("/")], "chdir", "/")
    }

    /// Keeps no capabilities but these, and none that could be passed on: capset(2).
    ///
    /// Of the calling thread and those that it starts.
    package static func limitCapabilities(to kept: CapabilitySet) throws(SyscallError) {
        var header: (UInt32, UInt32) = (UInt32(_LINUX_CAPABILITY_VERSION_3), 0)
        let (low, high) = (UInt32(truncatingIfNeeded: kept.rawValue), UInt32(truncatingIfNeeded: kept.rawValue >> 32))
        var sets: (UInt32, UInt32, UInt32, UInt32, UInt32, UInt32) = (low, low, 0, high, high, 0)
        let result = withUnsafePointer(to: &header) { header in
            withUnsafePointer(to: &sets) { sets in
                clinux_syscall(
                    Int64(SYS_capset),
                    UInt64(UInt(bitPattern: header)),
                    UInt64(UInt(bitPattern: sets)),
                    0,
                    0,
                    0,
                    0
                )
            }
        }
        _ = try SyscallError.check(CInt(result), "capset", "\(kept)")
    }

    /// Sets a resource limit of this process: prlimit(2).
    package static func setLimit(_ limit: ResourceLimit) throws(SyscallError) {
        var limits = (soft: limit.soft, hard: limit.hard)
        let result = withUnsafeMutablePointer(to: &limits) {
            clinux_syscall(
                Int64(SYS_prlimit64),
                0,
                UInt64(limit.resource.rawValue),
                UInt64(UInt(bitPattern: $0)),
                0,
                0,
                0
            )
        }
        _ = try SyscallError.check(CInt(result), "prlimit", "\(limit)")
    }

    /// Loads a filter for all threads of this process, which from then on gain no privileges: prctl(2), seccomp(2).
    package static func load(_ program: SeccompProgram) throws(SyscallError) {
        _ = try check(SYS_prctl, [UInt64(PR_SET_NO_NEW_PRIVS), 1, 0, 0, 0], "prctl(PR_SET_NO_NEW_PRIVS)", "1")
        let result = program.instructions.withUnsafeBytes { instructions -> Int64 in
            // struct sock_fprog
            var description = (UInt64(instructions.count / 8), UInt64(UInt(bitPattern: instructions.baseAddress)))
            return withUnsafePointer(to: &description) {
                clinux_syscall(
                    Int64(SYS_seccomp),
                    UInt64(SECCOMP_SET_MODE_FILTER),
                    UInt64(program.flags),
                    UInt64(UInt(bitPattern: $0)),
                    0,
                    0,
                    0
                )
            }
        }
        // With SECCOMP_FILTER_FLAG_TSYNC a positive answer is a thread that could not be brought along.
        guard result <= 0 else {
            throw SyscallError(call: "seccomp", subject: "a thread", errno: Errno(rawValue: EBUSY))
        }
        _ = try SyscallError.check(CInt(result), "seccomp", "\(program)")
    }

    private static func check(
        _ number: Int32,
        _ arguments: [UInt64],
        _ call: String,
        _ subject: String
    ) throws(SyscallError) -> CInt {
        func argument(_ index: Int) -> UInt64 { index < arguments.count ? arguments[index] : 0 }
        let result = clinux_syscall(
            Int64(number),
            argument(0),
            argument(1),
            argument(2),
            argument(3),
            argument(4),
            argument(5)
        )
        return try SyscallError.check(CInt(result), call, subject)
    }

    /// A word for the kernel, which lives as long as the program.
    private static func string(_ text: StaticString) -> UInt64 { UInt64(UInt(bitPattern: text.utf8Start)) }
}
