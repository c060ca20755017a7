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

    /// Gives the group's v1 `cpuset`, and those above that have none, the processors and memory nodes of their parents.
    ///
    /// A new one has neither, and nothing can be moved into it: cpuset(7).
    package func inheritLegacyCpuset() throws(SyscallError) {
        guard let root = hierarchies.legacy["cpuset"] else { return }
        for file in ["cpuset.cpus", "cpuset.mems"] {
            var directory = root
            var value = try readFile("\(directory)/\(file)")
            for component in path.split(separator: "/") {
                directory += "/\(component)"
                let present = try readFile("\(directory)/\(file)")
                if present.contains(where: \.isNumber) {
                    value = present
                } else {
                    try writeFile("\(directory)/\(file)", value)
                }
            }
        }
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

    /// Whether the group's processes are held still; no where there is no freezer.
    package var isFrozen: Bool {
        guard let directory = unifiedDirectory else { return false }
        // A group that is gone holds nothing.
        return (try? readFile("\(directory)/cgroup.freeze"))?.hasPrefix("1") == true
    }

    /// Holds the processes of the group and of those below it still, or lets them go on: `cgroup.freeze`, Linux 5.2.
    ///
    /// Returns when none of them runs any more. Throws `EOPNOTSUPP` without the unified hierarchy.
    package func setFrozen(_ isFrozen: Bool) throws(SyscallError) {
        guard let directory = unifiedDirectory else {
            throw SyscallError(call: "cgroup.freeze", subject: path, errno: Errno(rawValue: EOPNOTSUPP))
        }
        try writeFile("\(directory)/cgroup.freeze", isFrozen ? "1" : "0")
        try awaitEvent("frozen \(isFrozen ? 1 : 0)", milliseconds: 10_000)
    }

    /// Waits until neither the group nor a group below it holds a process: poll(2) on `cgroup.events`.
    ///
    /// Throws `ETIMEDOUT` when that takes longer than `milliseconds`.
    package func awaitEmpty(milliseconds: Int32) throws(SyscallError) {
        try awaitEvent("populated 0", milliseconds: milliseconds)
    }

    private func awaitEvent(_ event: String, milliseconds: Int32) throws(SyscallError) {
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
            if buffer[..<count].split(separator: UInt8(ascii: "\n")).contains(where: { $0.elementsEqual(event.utf8) }) {
                return
            }
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

    /// Removes the group's directories and those that were made below them; passes over those that are not there.
    ///
    /// They must hold no process. Returns what could not be removed.
    package func remove() -> [SyscallError] {
        var failures: [SyscallError] = []
        let roots = Set([hierarchies.unified].compactMap { $0 } + hierarchies.legacy.values)
        for root in roots.sorted() { Cgroup.removeTree(root + path, failures: &failures) }
        return failures
    }

    /// Removes the group's own directories where they are empty; leaves those in peace that hold processes or groups.
    ///
    /// Says whether none is left.
    @discardableResult
    package func removeIfEmpty() -> Bool {
        var isGone = true
        for root in Set([hierarchies.unified].compactMap { $0 } + hierarchies.legacy.values)
        where rmdir(root + path) != 0 && Glibc.errno != ENOENT {
            isGone = false
        }
        return isGone
    }

    /// A group that a container made for itself goes first; most have none, so looking is left until it is needed.
    private static func removeTree(_ directory: String, failures: inout [SyscallError]) {
        if rmdir(directory) == 0 || Glibc.errno == ENOENT { return }
        let reason = Errno.current
        var hasChild = false
        if [EBUSY, ENOTEMPTY].contains(reason.rawValue), let stream = opendir(directory) {
            defer { closedir(stream) }
            while let entry = readdir(stream) {
                guard entry.pointee.d_type == UInt8(DT_DIR) else { continue }
                let name = withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                }
                guard name != ".", name != ".." else { continue }
                hasChild = true
                removeTree("\(directory)/\(name)", failures: &failures)
            }
        }
        if hasChild, rmdir(directory) == 0 { return }
        failures.append(SyscallError(call: "rmdir", subject: directory, errno: reason))
    }

    private static func makeDirectories(below root: String, _ path: String) throws(SyscallError) {
        if mkdir(root + path, 0o755) == 0 || Glibc.errno == EEXIST { return }
        // Whoever removes the last group takes those above it along, perhaps just when we have found or made them.
        var attempts = 100
        var directory = root
        var components = path.split(separator: "/")[...]
        while let component = components.first {
            if mkdir("\(directory)/\(component)", 0o755) == 0 || Glibc.errno == EEXIST {
                directory += "/\(component)"
                components.removeFirst()
                continue
            }
            let reason = Errno.current
            attempts -= 1
            guard reason.rawValue == ENOENT, attempts > 0 else {
                throw SyscallError(call: "mkdir", subject: "\(directory)/\(component)", errno: reason)
            }
            directory = root
            components = path.split(separator: "/")[...]
        }
    }
}
