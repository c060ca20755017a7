import CLinux
import Glibc

/// Turns the steps of a plan into system calls, and remembers which call belongs to which step.
struct LaunchEncoder {
    var list: CallList
    /// The index of the step that each call is part of.
    private(set) var stepOfCall: [Int] = []
    /// The first step with a NUL in its text: it would do something else than it says.
    private(set) var brokenStep: Int?
    /// The slot of the pipe that failures are told on.
    let reportSlot: Int
    /// The number that the helper finds the pipe at, after those that the program keeps.
    private let reportNumber: Int

    init(_ plan: LaunchPlan) {
        reportSlot = plan.slots.count
        reportNumber = 3 + plan.keptDescriptors
        list = CallList(slotCount: plan.slots.count + 1)
        for (index, entry) in plan.entries.enumerated() {
            encode(entry.step)
            if list.hasBrokenString && brokenStep == nil { brokenStep = index }
            while stepOfCall.count < list.calls.count { stepOfCall.append(index) }
        }
    }

    private mutating func encode(_ step: LaunchStep) {
        switch step {
        case .join(let slot, let kinds): list.call(SYS_setns, [.slot(slot.index), .number(kinds.rawValue)])
        case .unshare(let kinds): list.call(SYS_unshare, [.number(kinds.rawValue)])
        case .setHostname(let name): list.call(SYS_sethostname, [list.string(name), .flags(name.utf8.count)])
        case .setDomainname(let name): list.call(SYS_setdomainname, [list.string(name), .flags(name.utf8.count)])
        case .fork, .makeTime, .hide, .joinKeyring: encodeNamespace(step)
        case .setPropagation, .copyMount, .pivot, .coverRoot, .makeFilesystem, .attachAt, .mask, .remount,
            .setAttributes:
            encodeMount(step)
        case .enter, .leave, .changeRoot, .copyTree, .change, .detach: encodeTree(step)
        case .makeDirectory, .makeWorkingDirectory, .makeFile, .makeSymlink, .makeDevice, .setOwner, .write,
            .setOOMScore, .openOwn, .writeValue:
            encodeFile(step)
        case .exit: list.call(SYS_exit_group, [.null])
        case .openTerminal, .controlTerminal, .attachConsole, .sendDescriptor: encodeTerminal(step)
        case .setCredentials, .limitBoundingSet, .setCapabilities, .raiseAmbient, .setNoNewPrivileges, .loadSeccomp:
            encodePrivilege(step)
        case .makeSession: list.call(SYS_setsid, [])
        case .endWithStarter:
            list.call(SYS_prctl, [.flags(PR_SET_PDEATHSIG), .flags(SIGKILL), .null, .null, .null])
        case .duplicate(let slot, let number):
            // dup3(2) refuses equal numbers, which need nothing but the loss of close-on-exec.
            list.call(
                SYS_dup3,
                [.slot(slot.index), .flags(number), .null],
                .init(ignoring: [EINVAL], skipOnSuccess: 1)
            )
            list.call(SYS_fcntl, [.slot(slot.index), .flags(F_SETFD), .null])
        case .setLimit(let limit):
            list.call(
                SYS_prlimit64,
                [.null, .flags(limit.resource.rawValue), list.words([limit.soft, limit.hard]), .null]
            )
        case .setScheduler, .setAffinity, .setIOPriority, .setPersonality, .setMemoryPolicy: encodeScheduling(step)
        case .raiseLoopback: raiseLoopback()
        case .setUmask(let mask): list.call(SYS_umask, [.flags(mask)])
        case .changeDirectory(let path):
            let directory = open(path, flags: O_PATH | O_DIRECTORY, resolve: UInt64(RESOLVE_NO_MAGICLINKS))
            list.call(SYS_fchdir, [.slot(directory)])
            close(directory)
        case .closeDescriptors(let first):
            list.call(SYS_close_range, [.flags(first), .flags(UInt32.max), .flags(closeRangeCloseOnExec)])
        case .close(let slot): close(slot.index)
        case .awaitByte(let slot):
            list.call(SYS_read, [.slot(slot.index), list.bytes([0]), .flags(1)], .init(exactly: 1))
        case .awaitGate(let slot):
            // struct clinux_report: this step, and no error
            let report = list.halfWords([UInt32(list.calls.count), 0])
            list.call(SYS_write, [.slot(reportSlot), report, .flags(8)], .init(exactly: 8))
            list.call(SYS_read, [.slot(slot.index), list.bytes([0]), .flags(1)], .init(exactly: 1))
        case .checkProgram(let candidates, _):
            for (index, path) in candidates.enumerated() {
                let rest = candidates.count - 1 - index
                list.call(
                    SYS_faccessat,
                    [.currentDirectory, list.string(path), .flags(X_OK)],
                    .init(ignoring: rest == 0 ? [] : [ENOENT, ENOTDIR], skipOnSuccess: Int32(rest))
                )
            }
        case .execute(let candidates, let arguments, let environment):
            encodeExecution(candidates, arguments, environment)
        case .executeThrough(let helper, let role, let candidates, let arguments, let environment):
            executeThrough(helper.index, "\(role.letter)\(reportNumber)", candidates, arguments, environment)
        case .executeDescriptor(let slot, let arguments, let environment):
            list.call(
                SYS_execveat,
                [
                    .slot(slot.index), list.string(""), list.stringArray(arguments), list.stringArray(environment),
                    .flags(AT_EMPTY_PATH),
                ]
            )
        }
    }

    /// Tries each path; the errors of a search through PATH that mean "look further" are those of execvp(3).
    private mutating func encodeExecution(_ candidates: [String], _ arguments: [String], _ environment: [String]) {
        let (argv, envp) = (list.stringArray(arguments), list.stringArray(environment))
        for (index, path) in candidates.enumerated() {
            let isLast = index == candidates.count - 1
            list.call(
                SYS_execve,
                [list.string(path), argv, envp],
                .init(ignoring: isLast ? [] : [ENOENT, ENOTDIR])
            )
        }
    }

    /// The helper's own arguments stand before the program's; it tells a failure as if it were this step.
    private mutating func executeThrough(
        _ helper: Int,
        _ mode: String,
        _ candidates: [String],
        _ arguments: [String],
        _ environment: [String]
    ) {
        let moved = list.scratchSlot()
        // Out of the way of the number where the helper looks for the pipe.
        list.call(
            SYS_fcntl,
            [.slot(helper), .flags(fcntlDuplicateCloseOnExec), .flags(reportNumber + 1)],
            .init(into: moved)
        )
        list.call(
            SYS_dup3,
            [.slot(reportSlot), .flags(reportNumber), .null],
            .init(ignoring: [EINVAL], skipOnSuccess: 1)
        )
        list.call(SYS_fcntl, [.slot(reportSlot), .flags(F_SETFD), .null])
        let words = ["init", mode, "\(list.calls.count)"] + candidates + [""] + arguments
        list.call(
            SYS_execveat,
            [
                .slot(moved), list.string(""), list.stringArray(words), list.stringArray(environment),
                .flags(AT_EMPTY_PATH),
            ]
        )
    }

    // MARK: Files

    private mutating func encodeFile(_ step: LaunchStep) {
        switch step {
        case .makeDirectory(let path, let mode):
            list.call(SYS_mkdirat, [.currentDirectory, list.string(path), .flags(mode)], .init(ignoring: [EEXIST]))
        case .makeWorkingDirectory(let path):
            list.call(
                SYS_mkdirat,
                [.currentDirectory, list.string(path), .flags(0o755)],
                .init(ignoringAll: true)
            )
        case .setOwner(let path, let uid, let gid):
            list.call(
                SYS_fchownat,
                [.currentDirectory, list.string(path), .flags(uid), .flags(gid), .flags(AT_SYMLINK_NOFOLLOW)]
            )
        case .openOwn(let path, let procfs, let slot):
            open(
                "self/" + path,
                beneath: .slot(procfs.index),
                flags: O_WRONLY,
                resolve: UInt64(RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV),
                into: slot.index,
                outcome: .init(into: slot.index)
            )
        case .writeValue(let value, let slot):
            writeValue(value, to: slot.index)
        case .setOOMScore(let score):
            let file = open("/proc/self/oom_score_adj", flags: O_WRONLY, resolve: 0)
            writeValue("\(score)", to: file)
        case .makeFile(let path, let mode):
            let file = list.scratchSlot()
            list.call(
                SYS_openat,
                [.currentDirectory, list.string(path), .flags(O_CREAT | O_EXCL | O_CLOEXEC | O_WRONLY), .flags(mode)],
                .init(into: file, ignoring: [EEXIST], skipOnError: 1)
            )
            close(file)
        case .makeSymlink(let path, let target):
            list.call(
                SYS_symlinkat,
                [list.string(target), .currentDirectory, list.string(path)],
                .init(ignoring: [EEXIST])
            )
        case .makeDevice(let node, let mayExist):
            list.call(
                SYS_mknodat,
                [.currentDirectory, list.string(node.path), .flags(node.fileMode), .number(node.device)],
                .init(ignoring: mayExist ? [EEXIST] : [])
            )
        case .write(let value, let slot, let path):
            let file = open(
                path,
                beneath: .slot(slot.index),
                flags: O_WRONLY,
                resolve: UInt64(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV)
            )
            writeValue(value, to: file)
        default: break
        }
    }

    /// In one write(2), as the kernel's control files want it; closes the file.
    mutating func writeValue(_ value: String, to file: Int) {
        let count = value.utf8.count
        list.call(SYS_write, [.slot(file), list.string(value), .flags(count)], .init(exactly: Int32(count)))
        close(file)
    }

    func resolution(_ symlinks: SymlinkPolicy) -> UInt64 {
        switch symlinks {
        case .follow: UInt64(RESOLVE_NO_MAGICLINKS)
        case .refuse: UInt64(RESOLVE_NO_SYMLINKS)
        }
    }

    mutating func open(
        _ path: String,
        beneath directory: CallArgument = .currentDirectory,
        flags: CInt,
        resolve: UInt64
    ) -> Int {
        let slot = list.scratchSlot()
        open(path, beneath: directory, flags: flags, resolve: resolve, into: slot, outcome: .init(into: slot))
        return slot
    }

    mutating func open(
        _ path: String,
        beneath directory: CallArgument = .currentDirectory,
        flags: CInt,
        resolve: UInt64,
        into slot: Int,
        outcome: CallList.Outcome
    ) {
        // struct open_how: flags, mode, resolve
        let how = list.words([UInt64(flags | O_CLOEXEC), 0, resolve])
        list.call(SYS_openat2, [directory, list.string(path), how, .flags(24)], outcome)
    }

    mutating func close(_ slot: Int) { list.call(SYS_close, [.slot(slot)]) }

    // MARK: Privilege

    private mutating func encodePrivilege(_ step: LaunchStep) {
        switch step {
        case .setCredentials(let credentials):
            switch credentials.change {
            case .set:
                list.call(SYS_setgroups, [.flags(credentials.groups.count), list.halfWords(credentials.groups)])
            case .dropIfPossible: list.call(SYS_setgroups, [.null, .null], .init(ignoring: [EPERM]))
            case .keep: break
            }
            let (gid, uid) = (CallArgument.flags(credentials.gid), CallArgument.flags(credentials.uid))
            list.call(SYS_setresgid, [gid, gid, gid])
            list.call(SYS_prctl, [.flags(PR_SET_KEEPCAPS), .flags(1), .null, .null, .null])
            list.call(SYS_setresuid, [uid, uid, uid])
            // Again: a change of identity makes the memory what fs.suid_dumpable says, and with 1 or 2 a process of the
            // host that has the same user id could look at it, or have it written to a file by a signal.
            if !credentials.staysVisible {
                list.call(SYS_prctl, [.flags(PR_SET_DUMPABLE), .null, .null, .null, .null])
            }
        case .limitBoundingSet(let kept):
            for number in 0..<CapabilitySet.knownCount where !kept.contains(number: number) {
                // EINVAL: the kernel is older than the capability.
                list.call(
                    SYS_prctl,
                    [.flags(PR_CAPBSET_DROP), .flags(number), .null, .null, .null],
                    .init(ignoring: [EINVAL])
                )
            }
        case .setCapabilities(let effective, let permitted, let inheritable):
            let header = list.halfWords([UInt32(_LINUX_CAPABILITY_VERSION_3), 0])
            let sets = [effective.rawValue, permitted.rawValue, inheritable.rawValue]
            let data = list.halfWords(
                sets.map { UInt32(truncatingIfNeeded: $0) } + sets.map { UInt32(truncatingIfNeeded: $0 >> 32) }
            )
            list.call(SYS_capset, [header, data])
        case .raiseAmbient(let set):
            for number in 0..<CapabilitySet.knownCount where set.contains(number: number) {
                list.call(
                    SYS_prctl,
                    [.flags(PR_CAP_AMBIENT), .flags(PR_CAP_AMBIENT_RAISE), .flags(number), .null, .null]
                )
            }
        case .setNoNewPrivileges:
            list.call(SYS_prctl, [.flags(PR_SET_NO_NEW_PRIVS), .flags(1), .null, .null, .null])
        case .loadSeccomp(let program):
            list.call(
                SYS_seccomp,
                [.flags(SECCOMP_SET_MODE_FILTER), .flags(program.flags), list.filterProgram(program.instructions)]
            )
        default: break
        }
    }
}
