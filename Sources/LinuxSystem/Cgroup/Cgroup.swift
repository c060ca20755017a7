import CLinux
import Glibc

/// One control group, the same path in every hierarchy that it has a directory in.
///
/// The unified hierarchy holds every group, for processes are born into it (`CLONE_INTO_CGROUP`) and killed by it at
/// once. v1 hierarchies get a directory only when a controller is to limit something: moving a process into one waits
/// for a grace period of the kernel, some ten milliseconds.
package struct Cgroup: Hashable, Sendable {
    package let hierarchies: CgroupHierarchies
    /// The path below each hierarchy's mount point, with a leading `/`.
    package let path: String

    /// Names a group; it need not exist.
    package init(_ path: String, in hierarchies: CgroupHierarchies) {
        self.hierarchies = hierarchies
        self.path = path.hasPrefix("/") ? path : "/" + path
    }

    /// The group's directory in the unified hierarchy.
    package var unifiedDirectory: String? { hierarchies.unified.map { $0 + path } }

    /// The group's directory in the v1 hierarchy of a controller.
    package func legacyDirectory(_ controller: String) -> String? { hierarchies.legacy[controller].map { $0 + path } }

    /// Makes the group in the unified hierarchy, and its parents; does nothing where it exists.
    ///
    /// Returns a descriptor to be born into.
    package func makeUnified() throws(SyscallError) -> OwnedDescriptor? {
        guard let root = hierarchies.unified else { return nil }
        try Cgroup.makeDirectories(below: root, path)
        return try OwnedDescriptor.directory(root + path)
    }

    /// Makes the group in the v1 hierarchy of a controller, and its parents.
    package func makeLegacy(_ controller: String) throws(SyscallError) {
        guard let root = hierarchies.legacy[controller] else { return }
        try Cgroup.makeDirectories(below: root, path)
    }

    /// Lets groups below `path`'s parents use each of the given controllers, from the root down.
    ///
    /// Only the root and groups on the way to `path` change (`cgroup.subtree_control`), and only where they lack a
    /// controller. Returns why a controller can't be had, by its name.
    package func delegateEach(_ controllers: [String]) -> [String: SyscallError] {
        guard let root = hierarchies.unified else { return [:] }
        var refused: [String: SyscallError] = [:]
        for controller in controllers {
            var directory = root
            do throws(SyscallError) {
                for component in path.split(separator: "/") {
                    let file = "\(directory)/cgroup.subtree_control"
                    let present = try readFile(file).split(whereSeparator: \.isWhitespace)
                    if !present.contains(Substring(controller)) { try writeFile(file, "+\(controller)") }
                    directory += "/\(component)"
                }
            } catch { refused[controller] = error }
        }
        return refused
    }

    /// Waits until neither the group nor a group below it holds a process: poll(2) on `cgroup.events`.
    ///
    /// Throws `ETIMEDOUT` when that takes longer than `milliseconds`.
    package func awaitEmpty(milliseconds: Int32) throws(SyscallError) {
        guard let directory = unifiedDirectory else { return }
        let path = "\(directory)/cgroup.events"
        let file: OwnedDescriptor
        do { file = try OwnedDescriptor.reading(path) } catch {
            if error.errno.rawValue == ENOENT { return }
            throw error
        }
        var (now, buffer) = (timespec(), [UInt8](repeating: 0, count: 256))
        clock_gettime(CLOCK_MONOTONIC, &now)
        func inMilliseconds(_ time: timespec) -> Int { time.tv_sec * 1000 + time.tv_nsec / 1_000_000 }
        let deadline = inMilliseconds(now) + Int(milliseconds)
        while true {
            let count = pread(file.rawValue, &buffer, buffer.count, 0)
            if count < 0 && Glibc.errno == ENODEV { return }
            guard count >= 0 else { throw SyscallError(call: "read", subject: path, errno: .current) }
            if String(decoding: buffer[..<count], as: UTF8.self).contains("populated 0") { return }
            clock_gettime(CLOCK_MONOTONIC, &now)
            let rest = deadline - inMilliseconds(now)
            guard rest > 0 else {
                throw SyscallError(call: "poll", subject: path, errno: Errno(rawValue: ETIMEDOUT))
            }
            var entry = pollfd(fd: file.rawValue, events: Int16(POLLPRI), revents: 0)
            _ = poll(&entry, 1, Int32(rest))
        }
    }

    /// Moves a process into the group's directory in one v1 hierarchy.
    package func attachLegacy(_ controller: String, pid: Int32) throws(SyscallError) {
        guard let directory = legacyDirectory(controller) else { return }
        try writeFile("\(directory)/cgroup.procs", "\(pid)")
    }

    /// Kills every process of the group and of the groups below: `cgroup.kill`, Linux 5.14.
    package func killAll() throws(SyscallError) {
        guard let directory = unifiedDirectory else { return }
        do {
            try writeFile("\(directory)/cgroup.kill", "1")
        } catch  where error.errno.rawValue == ENOENT {
            return  // there is no group, so there is nobody to kill
        }
    }

    /// The processes of the group itself, in ids of our own PID namespace.
    package func processes() throws(SyscallError) -> [Int32] {
        guard let directory = unifiedDirectory else { return [] }
        do {
            return try readFile("\(directory)/cgroup.procs").split(separator: "\n").compactMap { Int32($0) }
        } catch  where error.errno.rawValue == ENOENT {
            return []
        }
    }

    /// Removes the group's directories, which must hold no process; passes over those that are not there.
    ///
    /// Returns what could not be removed.
    package func remove() -> [SyscallError] {
        var failures: [SyscallError] = []
        let roots = Set([hierarchies.unified].compactMap { $0 } + hierarchies.legacy.values)
        for directory in roots.sorted().map({ $0 + path }) where rmdir(directory) != 0 && Glibc.errno != ENOENT {
            failures.append(SyscallError(call: "rmdir", subject: directory, errno: .current))
        }
        return failures
    }

    private static func makeDirectories(below root: String, _ path: String) throws(SyscallError) {
        if mkdir(root + path, 0o755) == 0 || Glibc.errno == EEXIST { return }
        var directory = root
        for component in path.split(separator: "/") {
            directory += "/\(component)"
            guard mkdir(directory, 0o755) == 0 || Glibc.errno == EEXIST else {
                throw SyscallError(call: "mkdir", subject: directory, errno: .current)
            }
        }
    }
}
