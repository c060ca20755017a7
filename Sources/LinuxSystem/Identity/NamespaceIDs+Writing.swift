import CLinux
import Glibc

extension NamespaceIDs {
    /// Gives a process that is in a user namespace without ids, a child of ours, these: user_namespaces(7).
    ///
    /// The files are reached through a procfs that is one. Blocks the thread while a helper runs.
    package func write(pid: Int32) throws(SyscallError) {
        let process = try OwnedDescriptor.procfs().openAt(
            path: Array("\(pid)".utf8CString),
            O_PATH | O_DIRECTORY,
            [.beneath, .noLinks, .sameMount]
        )
        if deniesGroups { try Self.write("deny", to: "setgroups", of: process) }
        switch userWriter {
        case .ourselves: try Self.write(users.text, to: "uid_map", of: process)
        case .helper: try Self.run("newuidmap", pid, users)
        }
        switch groupWriter {
        case .ourselves: try Self.write(groups.text, to: "gid_map", of: process)
        case .helper: try Self.run("newgidmap", pid, groups)
        }
    }

    private static func write(
        _ text: String,
        to name: String,
        of process: borrowing OwnedDescriptor
    ) throws(SyscallError) {
        let file = try process.openAt(path: Array(name.utf8CString), O_WRONLY, [.beneath, .noLinks, .sameMount])
        try file.writeOnce(text, subject: name)
    }

    /// Where distributions have the helpers; a search by PATH would let somebody else choose what writes a map.
    private static let directories = ["/usr/bin", "/bin", "/usr/local/bin", "/run/wrappers/bin"]

    private static func run(_ name: String, _ pid: Int32, _ map: IDMap) throws(SyscallError) {
        var plan = LaunchPlan(namespaces: [])
        plan.append(.closeDescriptors(from: 3))
        plan.append(
            .execute(
                candidates: directories.map { "\($0)/\(name)" },
                arguments: [name, "\(pid)"] + map.words,
                environment: []
            )
        )
        let status: ProcessStatus
        do {
            let process = try LaunchedProcess.start(plan, descriptors: [:])
            do { try process.awaitExecution() } catch {
                _ = try process.waitForExit()
                throw error
            }
            status = try process.waitForExit()
        } catch let error as LaunchError {
            throw SyscallError(call: name, subject: "\(map)", errno: error.errno)
        } catch let error as SyscallError {
            throw error
        } catch { throw SyscallError(call: name, subject: "\(map)", errno: Errno(rawValue: EIO)) }
        // It has said on standard error why.
        guard status == .exited(0) else {
            throw SyscallError(call: name, subject: "\(map)", errno: Errno(rawValue: EPERM))
        }
    }
}

extension OwnedDescriptor {
    /// The procfs at `/proc`, when it is one: fstatfs(2) `PROC_SUPER_MAGIC`.
    ///
    /// Throws `ENODEV` for anything else that is mounted there.
    package static func procfs() throws(SyscallError) -> OwnedDescriptor {
        let directory = try OwnedDescriptor.path("/proc")
        var status = statfs()
        _ = try SyscallError.checkErrno(fstatfs(directory.rawValue, &status), "fstatfs", "/proc")
        guard status.f_type == 0x9FA0 else {
            throw SyscallError(call: "fstatfs (no procfs)", subject: "/proc", errno: Errno(rawValue: ENODEV))
        }
        return directory
    }

    /// Writes a whole value in one write(2), as the kernel's control files want it.
    package borrowing func writeOnce(_ value: String, subject: @autoclosure () -> String) throws(SyscallError) {
        var value = value
        let count = value.withUTF8 { Glibc.write(rawValue, $0.baseAddress, $0.count) }
        guard count == value.utf8.count else {
            throw SyscallError(call: "write", subject: subject(), errno: count < 0 ? .current : Errno(rawValue: EIO))
        }
    }
}

/// A user namespace that holds nobody, for its ids alone.
package enum UserNamespace {
    /// Makes one: clone3(2) `CLONE_NEWUSER`; the file keeps it alive.
    package static func make(_ mapping: NamespaceIDs) throws(SyscallError) -> OwnedDescriptor {
        var plan = LaunchPlan(namespaces: .user)
        let (teller, ready) = (plan.makeSlot("teller"), plan.makeSlot("ready"))
        plan.append(.close(teller))
        plan.append(.awaitByte(ready))
        plan.append(.exit)
        let pipe = try Pipe()
        let process = try start(plan, [teller: pipe.writing.rawValue, ready: pipe.reading.rawValue])
        let namespace: Result<CInt, SyscallError> = Result { () throws(SyscallError) in
            try mapping.write(pid: process.pid)
            return try OwnedDescriptor.reading("/proc/\(process.pid)/ns/user").release()
        }
        try sendSignal(SIGKILL, to: process.descriptor.rawValue)
        _ = try process.waitForExit()
        return OwnedDescriptor(adopting: try namespace.get())
    }

    private static func start(
        _ plan: LaunchPlan,
        _ descriptors: [LaunchSlot: CInt]
    ) throws(SyscallError) -> LaunchedProcess {
        do { return try LaunchedProcess.start(plan, descriptors: descriptors) } catch {
            throw SyscallError(call: "clone3", subject: "a user namespace", errno: error.errno)
        }
    }

    /// Whether ours is one of all users, the host's own: its file has the number `PROC_USER_INIT_INO`.
    package static var isOfHost: Bool {
        var status = Glibc.stat()
        // Without procfs nothing is known, and nothing would work.
        return stat("/proc/self/ns/user", &status) != 0 || status.st_ino == 0xEFFF_FFFD
    }
}
