import Glibc
package import LinuxSystem
package import OCISpec

/// A container's control group: made before the container, and removed after it.
package struct ContainerCgroup: Hashable, Sendable {
    package let group: Cgroup
    /// The v1 controllers that have something to limit; the process is moved into their groups.
    package private(set) var legacyControllers: [String] = []
    /// Limits and rules that this host can't enforce, in words for a warning.
    package private(set) var unenforced: [String] = []

    /// Names the group at a path of every hierarchy, as in `/roost/shop/web-1`.
    ///
    /// It need not exist: this is the way to what a crashed command has left.
    package init(_ path: String, in hierarchies: CgroupHierarchies) { group = Cgroup(path, in: hierarchies) }

    /// Makes the group and sets its limits; a part of it that exists is taken over.
    ///
    /// `devices` are the device rules, nil for a container that may use every device. A failure leaves what was made;
    /// `remove` takes it away. `loaded` spares the kernel from checking the same rules again.
    package static func make(
        _ path: String,
        in hierarchies: CgroupHierarchies,
        resources: ResourcesSpec?,
        devices: DeviceProgram?,
        sharing loaded: LoadedDevicePrograms? = nil
    ) throws(ContainerError) -> ContainerCgroup {
        var container = ContainerCgroup(path, in: hierarchies)
        let group = container.group
        let plan = try CgroupPlan(resources ?? ResourcesSpec(), on: hierarchies, available: available(hierarchies))
        container.unenforced = plan.unenforced
        do {
            _ = try group.makeUnified()
            let refused = group.delegateEach(plan.unifiedControllers)
            for controller in plan.legacyControllers { try group.makeLegacy(controller) }
            if plan.legacyControllers.contains("cpuset") { try group.inheritLegacyCpuset() }
            container.legacyControllers = plan.legacyControllers
            for write in plan.writes {
                let controller = String(write.file.prefix { $0 != "." })
                if write.legacyController == nil, let error = refused[controller] {
                    if write.isByName { throw ContainerError.kernel(write.origin, error) }
                    container.unenforced.append("\(write.origin): \(error)")
                } else {
                    try container.apply(write)
                }
            }
            if let devices { try container.restrict(devices, loaded) }
        } catch let error as ContainerError {
            throw error
        } catch let error as SyscallError {
            throw .kernel("control group \(path)", error)
        } catch {
            throw ContainerError(code: .kernel, message: "control group \(path): \(error)", cause: error)
        }
        return container
    }

    /// What a mount of type `cgroup` shows beside the unified hierarchy: the v1 hierarchies that the container has groups in, by
    /// their controllers, and `unified` where there is one; nothing without such groups.
    ///
    /// In the others it is in the host's own groups, which are not for it to see.
    package var legacyMounts: [String] {
        var controllers: [String: [String]] = [:]
        for controller in legacyControllers {
            guard let root = group.hierarchies.legacy[controller] else { continue }
            controllers[root, default: []] = group.hierarchies.legacy.filter { $0.value == root }.keys.sorted()
        }
        guard !controllers.isEmpty else { return [] }
        let names = controllers.values.map { $0.joined(separator: ",") }.sorted()
        return names + (group.unifiedDirectory == nil ? [] : ["unified"])
    }

    /// Whether a process has to wait until it is moved into groups of v1 hierarchies.
    package var needsAttachment: Bool { !legacyControllers.isEmpty }

    /// Moves a process into the group's directories in v1 hierarchies, where limits ask for them.
    package func attachLegacy(pid: Int32) throws(SyscallError) {
        // Several controllers can share a hierarchy, and every move waits for the kernel.
        var done: Set<String> = []
        for controller in legacyControllers {
            guard let root = group.hierarchies.legacy[controller], done.insert(root).inserted else { continue }
            try group.attachLegacy(controller, pid: pid)
        }
    }

    /// The same group for a program that joins the container: its v1 groups are those that exist.
    package func joined() -> ContainerCgroup {
        var other = self
        other.legacyControllers = group.hierarchies.legacy.keys.sorted().filter { controller in
            guard let directory = group.legacyDirectory(controller) else { return false }
            return access(directory, F_OK) == 0
        }
        return other
    }

    /// Stops every process of the container where it is: `cgroup.freeze`, Linux 5.2.
    package func pause() throws(ContainerError) { try setFrozen(true) }

    /// Lets the processes of a paused container go on.
    package func resume() throws(ContainerError) { try setFrozen(false) }

    /// Whether the container is paused; a group that can't be read is not.
    package var isPaused: Bool {
        guard let directory = group.unifiedDirectory else { return false }
        let text = try? readFile("\(directory)/cgroup.freeze")  // a missing group has no process to wait for
        return text?.hasPrefix("1") == true
    }

    /// Ends every process of the container and removes its groups; does nothing where there is none.
    ///
    /// Waits until the kernel has let go of the last process, at most `milliseconds`. Blocks the thread. Returns what
    /// could not be done.
    package func remove(waitingAtMost milliseconds: Int32 = 10_000) -> [SyscallError] {
        // As a rule its processes have ended, and it has no groups below.
        if group.removeIfEmpty() { return [] }
        do {
            try group.killAll()
            try group.awaitEmpty(milliseconds: milliseconds)
        } catch { return [error] }
        return group.remove()
    }

    private func setFrozen(_ isFrozen: Bool) throws(ContainerError) {
        guard let directory = group.unifiedDirectory else {
            throw .unsupported("pause", "this host has no unified hierarchy of control groups")
        }
        do { try writeFile("\(directory)/cgroup.freeze", isFrozen ? "1" : "0") } catch { throw .kernel("pause", error) }
    }

    private mutating func apply(_ write: CgroupWrite) throws(ContainerError) {
        let directory = write.legacyController.map { group.legacyDirectory($0) } ?? group.unifiedDirectory
        guard let directory else { return }
        let path = "\(directory)/\(write.file)"
        do { try writeFile(path, write.value) } catch {
            // A kernel without the feature lacks the file; a value that it refuses is a mistake of the configuration.
            guard [ENOENT, EOPNOTSUPP].contains(error.errno.rawValue), !write.isByName else {
                throw .kernel(write.origin, error)
            }
            unenforced.append("\(write.origin): this kernel has no \(write.file)")
        }
    }

    private mutating func restrict(_ devices: DeviceProgram, _ loaded: LoadedDevicePrograms?) throws(SyscallError) {
        if let unified = group.unifiedDirectory {
            do {
                let directory = try OwnedDescriptor.directory(unified)
                return try devices.attach(to: directory.rawValue, sharing: loaded)
            } catch  where [EINVAL, ENOSYS, EPERM].contains(error.errno.rawValue) {
                // No cgroup-bpf in this kernel, or not for us.
            }
        }
        guard let directory = group.legacyDirectory("devices") else {
            unenforced.append("linux.resources.devices: this host can't limit which devices a container uses")
            return
        }
        try group.makeLegacy("devices")
        if !legacyControllers.contains("devices") { legacyControllers.append("devices") }
        for (file, value) in devices.legacyWrites { try writeFile("\(directory)/\(file)", value) }
    }

    private static func available(_ hierarchies: CgroupHierarchies) throws(ContainerError) -> Set<String> {
        guard let root = hierarchies.unified else { return [] }
        do {
            return Set(
                try readFile("\(root)/cgroup.controllers").split(whereSeparator: \.isWhitespace).map(String.init)
            )
        } catch { throw .kernel("control groups", error) }
    }
}
