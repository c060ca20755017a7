import CLinux
import Glibc

/// Why a launch failed: the step that the kernel refused, or the start itself.
package struct LaunchError: Error, Sendable, CustomStringConvertible {
    /// The step and what asked for it; nil when the process could not be made at all.
    package var entry: LaunchPlan.Entry?
    /// The kernel's answer.
    package var errno: Errno

    /// What was refused and why, and what asked for it.
    package var description: String {
        guard let entry else { return "clone3: \(errno)" }
        switch (entry.step, errno.rawValue) {
        case (.execute(_, let arguments, _), ENOENT), (.executeThrough(_, _, _, let arguments, _), ENOENT):
            // So says the kernel too when the program is there and what interprets or loads it is not.
            return
                "there is no program \"\(arguments.first ?? "")\" in the container's PATH, or not what it needs to run"
        case (.execute(_, let arguments, _), EACCES), (.executeThrough(_, _, _, let arguments, _), EACCES):
            return "the program \"\(arguments.first ?? "")\" may not be executed: \(errno)"
        default: break
        }
        return entry.origin.isEmpty ? "\(entry.step): \(errno)" : "\(entry.origin): \(entry.step): \(errno)"
    }
}

/// A process whose launch plan is on its way or done.
package struct LaunchedProcess: ~Copyable, Sendable {
    /// Its id in our own PID namespace.
    package let pid: Int32
    /// A pidfd: readable when the process has ended, and never about another process.
    package let descriptor: OwnedDescriptor
    private let report: OwnedDescriptor
    private let entries: [LaunchPlan.Entry]
    private let stepOfCall: [Int]
    /// What the process executes before its program, where others can look at it meanwhile.
    private let exposedHelper: ExecutableIdentity?

    /// How a process comes into being beside its plan.
    package struct Options: Sendable {
        /// A cgroup v2 directory to be born in: `CLONE_INTO_CGROUP`, Linux 5.7.
        package var cgroup: CInt?
        /// Become a child of our parent, which then learns of the end: `CLONE_PARENT`.
        package var isSibling = false
        /// A PID namespace to be born into, or a pidfd of a process in it: setns(2), with a pidfd Linux 5.8.
        package var pidNamespace: CInt?

        /// Neither.
        package init() {}
    }

    /// Starts a process that carries out `plan`, with descriptors for the slots that the plan does not open itself.
    ///
    /// Returns as soon as the process exists, or when it has executed its program where the plan shares memory;
    /// `awaitExecution` tells how it went. The descriptors are lent for the
    /// time of the call.
    package static func start(
        _ plan: LaunchPlan,
        descriptors: [LaunchSlot: CInt],
        options: Options = Options()
    ) throws(LaunchError) -> LaunchedProcess {
        let encoder = LaunchEncoder(plan)
        if let broken = encoder.brokenStep {
            throw LaunchError(entry: plan.entries[broken], errno: Errno(rawValue: EILSEQ))
        }
        let pipe = try makeReportPipe()
        var pidfd: Int32 = -1
        let birth = try BirthNamespace(options.pidNamespace)
        var slots = Dictionary(uniqueKeysWithValues: descriptors.map { ($0.key.index, $0.value) })
        slots[encoder.reportSlot] = pipe.writing.rawValue
        let result = encoder.list.withUnsafeLaunch(slots: slots) { calls, slots in
            var launch = clinux_launch(
                clone_flags: plan.namespaces.rawValue | (options.isSibling ? UInt64(CLONE_PARENT) : 0),
                cgroup: options.cgroup ?? -1,
                shares_memory: plan.sharesMemory,
                stays_visible: plan.staysVisible,
                report: pipe.writing.rawValue,
                calls: calls,
                count: UInt32(encoder.list.calls.count),
                slot_count: UInt32(encoder.list.slotCount),
                slots: slots
            )
            return clinux_launch(&launch, &pidfd)
        }
        try birth.leave(child: result)
        guard result > 0 else { throw LaunchError(entry: nil, errno: Errno(rawValue: -result)) }
        let process = LaunchedProcess(
            pid: result,
            descriptor: OwnedDescriptor(adopting: pidfd),
            report: pipe.reading,
            entries: plan.entries,
            stepOfCall: encoder.stepOfCall,
            exposedHelper: exposedHelper(of: plan, descriptors)
        )
        return plan.forks ? try process.successor(isSibling: options.isSibling) : process
    }

    /// The process that goes on when this one has come to the plan's fork, and is gone.
    ///
    /// For a plan that `endsInSuccessor`; where `fork` is one of the steps, `start` returns the successor. Others may be
    /// beside that one already, and say something else of it: so it must be a child as this one was, and be in another PID
    /// namespace than ours where the plan has joined one.
    package consuming func successor(isSibling: Bool) throws(LaunchError) -> LaunchedProcess {
        let answer: clinux_report?
        do { answer = try readReport() } catch {
            if !isSibling { _ = try? waitForExit() }  // it ends by itself; the first error is the one to tell
            throw error
        }
        if !isSibling { _ = try? waitForExit() }  // its status says nothing
        guard let answer, stepOfCall.indices.contains(Int(answer.index)) else {
            throw LaunchError(entry: nil, errno: Errno(rawValue: ESRCH))
        }
        guard answer.error < 0 else {
            throw LaunchError(entry: entries[stepOfCall[Int(answer.index)]], errno: Errno(rawValue: answer.error))
        }
        // A child of ours that nobody has reaped: the number is its own.
        let opened = clinux_syscall(Int64(SYS_pidfd_open), UInt64(-Int64(answer.error)), 0, 0, 0, 0, 0)
        guard opened >= 0 else { throw LaunchError(entry: nil, errno: Errno(rawValue: CInt(-opened))) }
        let descriptor = OwnedDescriptor(adopting: CInt(opened))
        guard isExpected(-answer.error, parent: isSibling ? getppid() : getpid()) else {
            throw LaunchError(entry: nil, errno: Errno(rawValue: EPROTO))
        }
        return LaunchedProcess(
            pid: -answer.error,
            descriptor: descriptor,
            report: report,
            entries: entries,
            stepOfCall: stepOfCall,
            exposedHelper: exposedHelper
        )
    }

    /// The successor, when its program is executed; throws the step that failed, and nothing of it is left then.
    package consuming func executedSuccessor(isSibling: Bool) throws -> LaunchedProcess {
        let successor = try successor(isSibling: isSibling)
        do { try successor.awaitExecution() } catch {
            // Unless the failure was told by a hostile process beside it. It may have ended, and that is as well.
            try? sendSignal(SIGKILL, to: successor.descriptor.rawValue)
            if !isSibling { _ = try successor.waitForExit() }
            throw error
        }
        return successor
    }

    /// Whether a process is one that this one may have made.
    private borrowing func isExpected(_ pid: Int32, parent: Int32) -> Bool {
        guard ProcessSnapshot(of: pid)?.parent == parent else { return false }
        guard case .executeThrough(_, .successor, _, _, _)? = entries.last?.step else { return true }
        let own = try? OwnedDescriptor.reading("/proc/self/ns/pid")  // there is no answer then, and it is refused
        guard let own, let other = try? OwnedDescriptor.reading("/proc/\(pid)/ns/pid") else { return false }
        return (try? own.isSameFile(as: other)) == false
    }

    /// The helper of a process that has others beside it in its PID namespace.
    private static func exposedHelper(
        of plan: LaunchPlan,
        _ descriptors: [LaunchSlot: CInt]
    ) -> ExecutableIdentity? {
        guard !plan.allCreated.contains(.pid), case .executeThrough(let slot, _, _, _, _)? = plan.entries.last?.step,
            let number = descriptors[slot]
        else { return nil }
        return ExecutableIdentity(path: "/proc/self/fd/\(number)")
    }

    private static func makeReportPipe() throws(LaunchError) -> Pipe {
        do { return try Pipe() } catch { throw LaunchError(entry: nil, errno: error.errno) }
    }

    /// Waits until the program is executed; throws the step that failed.
    ///
    /// The process has then ended by itself.
    package borrowing func awaitExecution() throws(LaunchError) {
        if let exposedHelper, !awaitReport(exposedHelper) { return }
        guard let report = try nextReport() else { return }
        throw report
    }

    /// Waits until the process is at the next gate of its plan; throws the step that failed on the way.
    ///
    /// Throws `ESRCH` without a step when it has ended or executed instead.
    package borrowing func awaitGate() throws(LaunchError) {
        guard let report = try nextReport() else { throw LaunchError(entry: nil, errno: Errno(rawValue: ESRCH)) }
        guard report.errno.rawValue == 0, case .awaitGate? = report.entry?.step else { throw report }
    }

    /// What the process tells next; nil when it has executed its program, or has ended.
    private borrowing func nextReport() throws(LaunchError) -> LaunchError? {
        guard let answer = try readReport() else { return nil }
        // The helper tells its failures from inside the container, where others might do so too.
        guard answer.error >= 0, stepOfCall.indices.contains(Int(answer.index)) else {
            throw LaunchError(entry: nil, errno: Errno(rawValue: EIO))
        }
        return LaunchError(entry: entries[stepOfCall[Int(answer.index)]], errno: Errno(rawValue: answer.error))
    }

    private borrowing func readReport() throws(LaunchError) -> clinux_report? {
        var answer = clinux_report()
        var count = 0
        repeat {
            count = read(report.rawValue, &answer, MemoryLayout<clinux_report>.size)
        } while count < 0 && Glibc.errno == EINTR
        guard count != 0 else { return nil }
        guard count == MemoryLayout<clinux_report>.size else {
            throw LaunchError(entry: nil, errno: Errno(rawValue: EIO))
        }
        return answer
    }

    /// Waits until there is a report, or its end; false when the program is executed, or has ended, without either.
    ///
    /// In the moment before the helper hides itself, a hostile process beside it can open the pipe and keep it open. So
    /// the end of the pipe is not the only sign that the program is executed: the process's executable is another.
    private borrowing func awaitReport(_ helper: ExecutableIdentity) -> Bool {
        let ours = ExecutableIdentity(path: "/proc/self/exe")
        // Ten seconds for the helper, which makes a few system calls: an image could have executed it once more.
        var patience = 500
        while !waitReadable([report.rawValue], milliseconds: 20)[0] {
            if waitReadable([descriptor.rawValue], milliseconds: 0)[0] {
                return waitReadable([report.rawValue], milliseconds: 0)[0]
            }
            // One that is just ending has none.
            guard let seen = ExecutableIdentity(path: "/proc/\(pid)/exe"), seen != ours else { continue }
            patience -= 1
            if seen != helper || patience == 0 { return false }
        }
        return true
    }
}

/// Which file a process executes.
private struct ExecutableIdentity: Equatable, Sendable {
    let device: UInt64
    let inode: UInt64

    /// The file that a magic link leads to; nil when it leads nowhere.
    init?(path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        (device, inode) = (UInt64(status.st_dev), UInt64(status.st_ino))
    }
}

/// Makes the calling thread's children members of another PID namespace, for a while.
private struct BirthNamespace: ~Copyable {
    /// Our own PID namespace to come back to, or -1 when we never left.
    private let own: Int32

    init(_ other: CInt?) throws(LaunchError) {
        guard let other else {
            own = -1
            return
        }
        let descriptor: OwnedDescriptor
        do {
            descriptor = try OwnedDescriptor.reading("/proc/self/ns/pid")
        } catch { throw LaunchError(entry: nil, errno: error.errno) }
        // The child is among others before its first instruction, and holds a copy of our memory: it must be born not
        // dumpable. This stays, for another thread may be about to start a child too.
        let hidden = clinux_syscall(Int64(SYS_prctl), UInt64(PR_SET_DUMPABLE), 0, 0, 0, 0, 0)
        guard hidden >= 0 else { throw LaunchError(entry: nil, errno: Errno(rawValue: CInt(-hidden))) }
        let result = clinux_syscall(Int64(SYS_setns), UInt64(other), UInt64(CLONE_NEWPID), 0, 0, 0, 0)
        guard result >= 0 else { throw LaunchError(entry: nil, errno: Errno(rawValue: CInt(-result))) }
        own = descriptor.release()
    }

    deinit { if own >= 0 { _ = close(own) } }

    /// Back to our own; a thread that can't go back must not go on, for it would put others' children there.
    borrowing func leave(child: Int32) throws(LaunchError) {
        guard own >= 0 else { return }
        let result = clinux_syscall(Int64(SYS_setns), UInt64(own), UInt64(CLONE_NEWPID), 0, 0, 0, 0)
        guard result < 0 else { return }
        if child > 0 { _ = kill(child, SIGKILL) }
        throw LaunchError(entry: nil, errno: Errno(rawValue: CInt(-result)))
    }
}
