import Glibc
import LinuxSystem

/// The numbers of descriptors that a caller lends to a launch.
struct LentDescriptors {
    var root: Int32 = -1
    var stdio: [Int32] = [0, 1, 2]
    var mounts: [String: Int32] = [:]
    var network: Int32?
    var terminal: Int32?
    var container: Int32?
    var gate: Int32?
    var devices: NetworkDeviceTransfer?
}

/// Descriptors opened for a launch, closed when it is done.
struct OpenedSources: ~Copyable {
    private(set) var numbers: [LaunchSlot: Int32] = [:]
    private var owned: [Int32] = []
    private let lent: LentDescriptors
    /// The ends of the pipes that the process waits at the other ends of.
    private var tellers: [LaunchWait: Int32] = [:]
    private var waits: [LaunchWait: Int32] = [:]

    init(lent: LentDescriptors) { self.lent = lent }

    mutating func open(_ source: DescriptorSource, as slot: LaunchSlot) throws(ContainerError) {
        do {
            switch source {
            case .root: numbers[slot] = lent.root
            case .stdio(let number): numbers[slot] = lent.stdio[Int(number)]
            case .prepared(let name): try lend(lent.mounts[name], as: slot, "the prepared mount '\(name)'")
            case .lentNetwork(let own):
                try lend(lent.network, as: slot, "the network namespace")
                if own {
                    let path = "/proc/self/fd/\(lent.network ?? -1)"
                    try refuseOurs(OwnedDescriptor.reading(path), path, .network)
                }
            case .terminalSocket: try lend(lent.terminal, as: slot, "the terminal's socket")
            case .container: try lend(lent.container, as: slot, "the container")
            case .gate: try lend(lent.gate, as: slot, "the gate")
            case .helper: keep(try LaunchHelper.make(), as: slot)
            case .teller(let wait): numbers[slot] = try makePipe(wait)
            case .ready(let wait): numbers[slot] = waits[wait]
            case .devices(let devices): keep(try DetachedMount.holding(devices).takeDescriptor(), as: slot)
            case .directory(let path): keep(try OwnedDescriptor.path(path + "/."), as: slot)
            case .procfs: keep(try OwnedDescriptor.procfs(), as: slot)
            case .namespace(let path, let kind, let own):
                let namespace = try OwnedDescriptor.namespace(path)
                if own { try refuseOurs(namespace, path, kind) }
                keep(namespace, as: slot)
            case .bind(let mount): keep(try mount.opened(), as: slot)
            case .filled(let recipe, let path):
                keep(try DetachedMount.filled(recipe, with: path, of: lent.root).takeDescriptor(), as: slot)
            }
        } catch let error as SyscallError {
            throw .kernel(slot.name, error)
        } catch let error as ContainerError {
            throw error
        } catch {
            throw ContainerError(code: .kernel, message: "\(slot.name): \(error)", cause: error)
        }
    }

    private func refuseOurs(_ namespace: borrowing OwnedDescriptor, _ path: String, _ kind: Namespaces) throws {
        var isOurs = try namespace.isSameFile(as: .reading("/proc/self/ns/\(kind.fileName)"))
        if kind == .mount, !isOurs {
            // That of the host's first process is the host's, wherever we are; in a PID namespace it is another's.
            isOurs = (try? namespace.isSameFile(as: .reading("/proc/1/ns/mnt"))) ?? false
        }
        guard isOurs else { return }
        throw ContainerError.invalid(
            "linux.namespaces",
            "\(path) is the host's namespace, which may not be changed"
        )
    }

    private mutating func makePipe(_ wait: LaunchWait) throws(SyscallError) -> Int32 {
        let pipe = try Pipe()
        let writing = try pipe.writing.duplicate().release()
        tellers[wait] = writing
        let reading = pipe.takeReading().release()
        owned.append(reading)
        waits[wait] = reading
        return writing
    }

    mutating func openBirthplace(of group: ContainerCgroup) throws(ContainerError) -> Int32? {
        guard let directory = group.group.unifiedDirectory else { return nil }
        do {
            let number = try OwnedDescriptor.directory(directory).release()
            owned.append(number)
            return number
        } catch { throw .kernel("control group", error) }
    }

    private mutating func lend(_ number: Int32?, as slot: LaunchSlot, _ what: String) throws(ContainerError) {
        guard let number else { throw .invalid(slot.name, "\(what) is part of the plan, but not lent") }
        numbers[slot] = number
    }

    private mutating func keep(_ descriptor: consuming OwnedDescriptor, as slot: LaunchSlot) {
        let number = descriptor.release()
        owned.append(number)
        numbers[slot] = number
    }

    /// Says to the process that it may go on, where it waits.
    mutating func release(_ wait: LaunchWait) throws(SyscallError) {
        guard let number = tellers[wait] else { return }
        var byte: UInt8 = 1
        guard write(number, &byte, 1) == 1 else { throw SyscallError(call: "write", subject: "pipe", errno: .current) }
    }

    /// Closes the pipes: a process that still waits at one then ends by itself.
    mutating func closeWaits() {
        for number in tellers.values { _ = OwnedDescriptor(adopting: number) }
        tellers = [:]
    }

    deinit { for number in owned + tellers.values { _ = OwnedDescriptor(adopting: number) } }
}

extension DetachedMount {
    /// A filesystem in memory with devices in it, which can be used, but neither executed nor of a set user id.
    fileprivate static func holding(_ devices: [MadeDevice]) throws(SyscallError) -> DetachedMount {
        let recipe = FilesystemRecipe("tmpfs", [.init("mode", "755")], attributes: [.noSetuid, .noExecute])
        let mount = try filesystem(recipe)
        let directory = mount.descriptor.rawValue
        for (node, uid, gid) in devices.map({ ($0.node, $0.uid, $0.gid) }) {
            let made = mknodat(directory, node.path, node.fileMode, dev_t(node.device))
            _ = try SyscallError.checkErrno(made, "mknodat", "\(node)")
            _ = try SyscallError.checkErrno(
                fchownat(directory, node.path, uid, gid, AT_SYMLINK_NOFOLLOW),
                "fchownat",
                "\(node)"
            )
            _ = try SyscallError.checkErrno(fchmodat(directory, node.path, node.mode, 0), "fchmodat", "\(node)")
        }
        return mount
    }
}

extension HostMount {
    /// A copy of what is at the path now.
    fileprivate func opened() throws -> OwnedDescriptor {
        let mount = try DetachedMount.copy(of: path, recursive: isRecursive, change: change)
        if let ids { try map(mount, by: HostMount.namespace(ids)) }
        return mount.takeDescriptor()
    }

    private func map(_ mount: borrowing DetachedMount, by namespace: consuming OwnedDescriptor) throws {
        do {
            try mount.mapIDs(by: namespace, recursive: mapsRecursively, subject: path)
        } catch {
            guard error.errno.rawValue == EINVAL else { throw error }
            throw ContainerError.unsupported(path, "this kernel can't give files of its filesystem other ids")
        }
    }

    private static func namespace(_ ids: IDs) throws -> OwnedDescriptor {
        switch ids {
        case .given(let ids): return try UserNamespace.make(ids)
        case .ofNamespace(let file): return try OwnedDescriptor.namespace(file)
        }
    }
}
