package import LinuxSystem
package import OCISpec

extension SeccompSpec {
    /// The filter a service gets when its file says nothing: what Docker's default profile allows, as of 2026-06.
    ///
    /// What a capability unlocks is allowed with that capability only. AF_ALG and AF_VSOCK sockets and io_uring are
    /// refused. Unlike Docker's profile this one has no `socketcall`, whose argument a filter can't look at: 32-bit
    /// programs make sockets by the direct calls, as C libraries do since Linux 4.3.
    package static func standard(capabilities: CapabilitySet) -> SeccompSpec {
        var rules = [Rule(names: alwaysAllowed, action: allow)]
        rules += sockets + personalities
        for (name, calls) in byCapability {
            if let capability = CapabilitySet(named: name), capabilities.isSuperset(of: capability) {
                rules.append(Rule(names: words(calls), action: allow))
            }
        }
        if let admin = CapabilitySet(named: "SYS_ADMIN"), !capabilities.isSuperset(of: admin) {
            // New namespaces need SYS_ADMIN. clone3 hides its flags behind a pointer: ENOSYS makes libraries use clone.
            rules.append(Rule(names: ["clone"], action: allow, args: [flags(without: namespaceFlags)]))
            rules.append(Rule(names: ["clone3"], action: refuse, errnoRet: noSuchCall))
        }
        rules.append(Rule(names: ["socketcall"], action: refuse, errnoRet: noSuchCall))
        var spec = SeccompSpec(defaultAction: refuse, defaultErrnoRet: 1, syscalls: rules)
        spec.architectures = nativeArchitectures
        return spec
    }

    private static let allow = "SCMP_ACT_ALLOW"
    private static let refuse = "SCMP_ACT_ERRNO"
    /// `ENOSYS`.
    private static let noSuchCall: UInt32 = 38
    /// `CLONE_NEWNS`, `NEWCGROUP`, `NEWUTS`, `NEWIPC`, `NEWUSER`, `NEWPID`, `NEWNET`.
    private static let namespaceFlags: UInt64 = 0x7e02_0000

    private static let alwaysAllowed = words(always)

    private static func words(_ text: String) -> [String] {
        // By bytes: asking every character whether it is white space takes longer than compiling the filter.
        text.utf8.split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\n") }.map { String(Substring($0)) }
    }

    private static func flags(without mask: UInt64) -> Argument {
        Argument(index: 0, value: mask, valueTwo: 0, op: "SCMP_CMP_MASKED_EQ")
    }

    /// Every address family but `AF_ALG` (38) and `AF_VSOCK` (40).
    private static let sockets: [Rule] = [
        Rule(names: ["socket"], action: allow, args: [Argument(index: 0, value: 38, op: "SCMP_CMP_LT")]),
        Rule(names: ["socket"], action: allow, args: [Argument(index: 0, value: 39, op: "SCMP_CMP_EQ")]),
        Rule(names: ["socket"], action: allow, args: [Argument(index: 0, value: 40, op: "SCMP_CMP_GT")]),
    ]

    /// `PER_LINUX`, `PER_LINUX32`, both with `UNAME26`, and the question what it is.
    private static let personalities: [Rule] = [0, 0x8, 0x2_0000, 0x2_0008, 0xffff_ffff].map {
        Rule(names: ["personality"], action: allow, args: [Argument(index: 0, value: $0, op: "SCMP_CMP_EQ")])
    }

    #if arch(x86_64)
    private static let nativeArchitectures = ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]
    #elseif arch(arm64)
    private static let nativeArchitectures = ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"]
    #else
    private static let nativeArchitectures: [String] = []
    #endif

    /// What some machines have and others don't; names unknown here are passed over.
    private static let byCapability: [(capability: String, calls: String)] = [
        ("DAC_READ_SEARCH", "open_by_handle_at"),
        (
            "SYS_ADMIN",
            """
            bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie lsm_get_self_attr \
            lsm_list_modules lsm_set_self_attr mount mount_setattr move_mount open_tree perf_event_open quotactl \
            quotactl_fd setdomainname sethostname setns syslog umount umount2 unshare
            """
        ),
        ("SYS_BOOT", "reboot"),
        ("SYS_CHROOT", "chroot"),
        ("SYS_MODULE", "delete_module init_module finit_module"),
        ("SYS_PACCT", "acct"),
        ("SYS_PTRACE", "kcmp pidfd_getfd process_madvise process_vm_readv process_vm_writev ptrace"),
        ("SYS_RAWIO", "iopl ioperm"),
        ("SYS_TIME", "settimeofday stime clock_settime clock_settime64"),
        ("SYS_TTY_CONFIG", "vhangup"),
        ("SYS_NICE", "get_mempolicy mbind set_mempolicy set_mempolicy_home_node"),
        ("SYSLOG", "syslog"),
        ("BPF", "bpf"),
        ("PERFMON", "perf_event_open"),
    ]

    private static let always = """
        accept accept4 access adjtimex alarm bind brk cachestat capget capset chdir chmod chown chown32
        clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64 clock_nanosleep
        clock_nanosleep_time64 close close_range connect copy_file_range creat dup dup2 dup3 epoll_create
        epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd eventfd2
        execve execveat exit exit_group faccessat faccessat2 fadvise64 fadvise64_64 fallocate fanotify_mark fchdir
        fchmod fchmodat fchmodat2 fchown fchown32 fchownat fcntl fcntl64 fdatasync fgetxattr flistxattr flock fork
        fremovexattr fsetxattr fstat fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 futex
        futex_requeue futex_time64 futex_wait futex_waitv futex_wake futimesat get_robust_list get_thread_area
        getcpu getcwd getdents getdents64 getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32
        getitimer getpeername getpgid getpgrp getpid getppid getpriority getrandom getresgid getresgid32 getresuid
        getresuid32 getrlimit getrusage getsid getsockname getsockopt gettid gettimeofday getuid getuid32 getxattr
        getxattrat inotify_add_watch inotify_init inotify_init1 inotify_rm_watch io_cancel io_destroy io_getevents
        io_pgetevents io_pgetevents_time64 io_setup io_submit ioctl ioprio_get ioprio_set ipc kill landlock_add_rule
        landlock_create_ruleset landlock_restrict_self lchown lchown32 lgetxattr link linkat listen listmount
        listxattr listxattrat llistxattr _llseek lremovexattr lseek lsetxattr lstat lstat64 madvise map_shadow_stack
        membarrier memfd_create memfd_secret mincore mkdir mkdirat mknod mknodat mlock mlock2 mlockall mmap mmap2
        mprotect mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend
        mq_timedsend_time64 mq_unlink mremap mseal msgctl msgget msgrcv msgsnd msync munlock munlockall munmap
        name_to_handle_at nanosleep newfstatat _newselect open openat openat2 pause pidfd_open pidfd_send_signal
        pipe pipe2 pkey_alloc pkey_free pkey_mprotect poll ppoll ppoll_time64 prctl pread64 preadv preadv2 prlimit64
        process_mrelease process_vm_readv process_vm_writev pselect6 pselect6_time64 ptrace pwrite64 pwritev
        pwritev2 read readahead readlink readlinkat readv recv recvfrom recvmmsg recvmmsg_time64 recvmsg
        remap_file_pages removexattr removexattrat rename renameat renameat2 restart_syscall rmdir rseq rt_sigaction
        rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait
        rt_sigtimedwait_time64 rt_tgsigqueueinfo sched_get_priority_max sched_get_priority_min sched_getaffinity
        sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64
        sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield seccomp select semctl semget
        semop semtimedop semtimedop_time64 send sendfile sendfile64 sendmmsg sendmsg sendto set_robust_list
        set_thread_area set_tid_address setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups
        setgroups32 setitimer setpgid setpriority setregid setregid32 setresgid setresgid32 setresuid setresuid32
        setreuid setreuid32 setrlimit setsid setsockopt setuid setuid32 setxattr setxattrat shmat shmctl shmdt
        shmget shutdown sigaltstack signalfd signalfd4 sigprocmask sigreturn socketpair splice stat stat64 statfs
        statfs64 statmount statx symlink symlinkat sync sync_file_range syncfs sysinfo tee tgkill time timer_create
        timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64 timerfd_create
        timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64 times tkill truncate truncate64
        ugetrlimit umask uname unlink unlinkat uretprobe utime utimensat utimensat_time64 utimes vfork vmsplice
        wait4 waitid waitpid write writev riscv_hwprobe
        arch_prctl modify_ldt arm_fadvise64_64 arm_sync_file_range sync_file_range2 breakpoint cacheflush set_tls
        riscv_flush_icache
        """
}
