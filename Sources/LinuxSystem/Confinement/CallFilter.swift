import CLinux
import Glibc

/// A filter that lets nothing but a few system calls through: seccomp(2), in classic BPF.
///
/// Everything else is answered with ENOSYS, as an older kernel would. So the C library takes another way where it has
/// one, and a program that is made to do something else can't.
package struct CallFilter: Hashable, Sendable {
    /// What a call may be made with.
    private enum Condition: Hashable, Sendable {
        /// Bits that an argument must not have.
        case without(UInt32, argument: Int)
    }

    private struct Rule: Hashable, Sendable {
        var number: UInt32
        var condition: Condition?
    }

    private var rules: [Rule] = []

    /// A filter that allows nothing.
    package init() {}

    /// Allows calls by their numbers, `SYS_…`; what is made most often is looked for first.
    package mutating func allow(_ numbers: [Int32]) {
        rules += numbers.map { Rule(number: UInt32(bitPattern: $0), condition: nil) }
    }

    /// Allows a call unless an argument, counted from 0, has one of these bits among its lower 32.
    package mutating func allow(_ number: Int32, unlessBits bits: UInt32, ofArgument argument: Int) {
        rules.append(Rule(number: UInt32(bitPattern: number), condition: .without(bits, argument: argument)))
    }

    /// The filter as the kernel loads it, for all threads of a process: `SECCOMP_FILTER_FLAG_TSYNC`.
    package var program: SeccompProgram {
        var code: [UInt8] = []
        func add(_ operation: UInt16, _ value: UInt32, then: UInt8 = 0, else otherwise: UInt8 = 0) {
            withUnsafeBytes(of: operation) { code += $0 }
            code += [then, otherwise]
            withUnsafeBytes(of: value) { code += $0 }
        }
        add(Self.load, 4)
        // Calls of another architecture have other numbers.
        add(Self.jumpIfEqual, Self.architecture, then: 1)
        add(Self.answer, Self.killProcess)
        add(Self.load, 0)
        for rule in rules {
            switch rule.condition {
            case nil:
                add(Self.jumpIfEqual, rule.number, else: 1)
            case .without(let bits, let argument):
                add(Self.jumpIfEqual, rule.number, else: 4)
                add(Self.load, UInt32(16 + 8 * argument))
                add(Self.jumpIfAnyBit, bits, else: 1)
                add(Self.answer, Self.fail | UInt32(ENOSYS))
            }
            add(Self.answer, Self.allow)
        }
        add(Self.answer, Self.fail | UInt32(ENOSYS))
        return SeccompProgram(instructions: code, flags: 1)
    }

    /// `BPF_LD | BPF_W | BPF_ABS`.
    private static let load: UInt16 = 0x20
    /// `BPF_JMP | BPF_JEQ | BPF_K`.
    private static let jumpIfEqual: UInt16 = 0x15
    /// `BPF_JMP | BPF_JSET | BPF_K`.
    private static let jumpIfAnyBit: UInt16 = 0x45
    /// `BPF_RET | BPF_K`.
    private static let answer: UInt16 = 0x06
    /// `SECCOMP_RET_ALLOW`.
    private static let allow: UInt32 = 0x7fff_0000
    /// `SECCOMP_RET_ERRNO`, to which the number is added.
    private static let fail: UInt32 = 0x0005_0000
    /// `SECCOMP_RET_KILL_PROCESS`.
    private static let killProcess: UInt32 = 0x8000_0000
    /// `AUDIT_ARCH_X86_64` or `AUDIT_ARCH_AARCH64`.
    #if arch(x86_64)
    private static let architecture: UInt32 = 0xc000_003e
    #else
    private static let architecture: UInt32 = 0xc000_00b7
    #endif
}

extension CallFilter {
    /// What a program needs that computes, reads what it has open, and makes files where it is; it can start no process,
    /// no connection, and no code that it did not begin with.
    package static var fileMaker: CallFilter {
        var filter = CallFilter()
        filter.allow([
            SYS_read, SYS_write, SYS_pwrite64, SYS_close, SYS_openat, SYS_openat2,
            SYS_fchown, SYS_fchmod, SYS_utimensat, SYS_futex, SYS_mkdirat, SYS_fchownat,
            SYS_symlinkat, SYS_linkat, SYS_fsetxattr, SYS_ftruncate, SYS_newfstatat,
            SYS_fstat, SYS_statx, SYS_unlinkat, SYS_renameat, SYS_fchmodat, SYS_mknodat,
            SYS_getdents64, SYS_lseek, SYS_pread64, SYS_readv, SYS_writev, SYS_fcntl,
            SYS_ppoll, SYS_brk, SYS_munmap, SYS_mremap, SYS_madvise,
            SYS_rt_sigprocmask, SYS_rt_sigaction, SYS_rt_sigreturn, SYS_sched_yield,
            SYS_getrandom, SYS_clock_gettime, SYS_gettid, SYS_getpid, SYS_tgkill,
            SYS_exit, SYS_exit_group, SYS_fallocate, SYS_fadvise64, SYS_sched_getaffinity, SYS_sigaltstack,
            // A thread that was just started makes these first, and ends the process when they fail.
            SYS_set_robust_list, SYS_rseq,
        ])
        #if arch(x86_64)
        filter.allow([SYS_poll])
        #endif
        // PROT_EXEC: no library is loaded from where hostile files lie, whoever asks for it.
        filter.allow(SYS_mmap, unlessBits: UInt32(PROT_EXEC), ofArgument: 2)
        filter.allow(SYS_mprotect, unlessBits: UInt32(PROT_EXEC), ofArgument: 2)
        return filter
    }
}
