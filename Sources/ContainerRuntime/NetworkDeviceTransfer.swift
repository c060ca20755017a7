import LinuxSystem

/// Moves interfaces of the host to a container's network namespace, and back while the container is not there yet.
///
/// A namespace's end makes its virtual interfaces vanish, and returns those of hardware under the names that they have by
/// then: network_namespaces(7). So what is made of others' interfaces is undone before a start that failed lets go of it.
/// Neither copied nor used by two threads.
package final class NetworkDeviceTransfer {
    /// An interface as it was on the host.
    private struct Original {
        var plan: NetworkDevicePlan
        var link: Link
        var addresses: [AssignedAddress]
    }

    /// An interface that is in the container's namespace by now.
    private struct Moved {
        var original: Original
        var index: InterfaceIndex
    }

    /// A namespace that is kept.
    private final class Namespace {
        let descriptor: OwnedDescriptor
        init(_ descriptor: consuming OwnedDescriptor) { self.descriptor = descriptor }
    }

    private let plans: [NetworkDevicePlan]
    private var moved: [Moved] = []
    /// The container's namespace, which lasts as long as it may have to give something back.
    private var namespace: Namespace?

    /// What is to be moved; nothing is done yet.
    package init(_ plans: [NetworkDevicePlan]) { self.plans = plans }

    /// Moves all from the calling thread's namespace to the one that `target` refers to, and brings them up there.
    ///
    /// They keep their hardware addresses, MTUs and lasting addresses; routes and other settings the kernel drops. Throws
    /// what is wrong with the first one that could not be moved; `undo` is the caller's to do then.
    func carryOut(into target: borrowing OwnedDescriptor) throws(ContainerError) {
        var host = try Self.opening("linux.netDevices") { () throws(SyscallError) in try NetlinkSession.open(.route) }
        var inside = try Self.opening("linux.netDevices") { () throws(SyscallError) in
            try NamespaceVisit.within(target.rawValue) { () throws(SyscallError) in try NetlinkSession.open(.route) }
        }
        let originals = try observe(&host)
        var taken = try Self.asking("linux.netDevices") { () throws(NetlinkError) in try inside.links() }
        for original in originals {
            if let name = original.plan.target.name?.description, taken.contains(where: { $0.name == name }) {
                throw .invalid(original.plan.place, "the container's namespace has an interface '\(name)' already")
            }
        }
        do { namespace = Namespace(try target.duplicate()) } catch { throw .kernel("linux.netDevices", error) }
        for original in originals {
            // One that neither a device of either namespace has: a new interface gets the first free one.
            let highest = (taken.map(\.index.rawValue) + originals.map(\.link.index.rawValue)).max() ?? 1
            let index = InterfaceIndex(rawValue: highest + 1)
            try move(original, to: index, of: target.rawValue, &host, &inside)
            var link = original.link
            link.index = index
            taken.append(link)
        }
    }

    /// Gives back what was moved, with the names, addresses and state of before; returns what could not be.
    package func undo() -> [ContainerError] {
        guard namespace != nil else { return [] }
        var failures: [ContainerError] = []
        while let last = moved.popLast() {
            do throws(ContainerError) { try giveBack(last) } catch { failures.append(error) }
        }
        namespace = nil
        return failures
    }

    /// Looks at all before any is touched: an address of version 6 is gone as soon as its interface is down.
    private func observe(_ host: inout NetlinkSession<NetlinkSocket>) throws(ContainerError) -> [Original] {
        var links: [(NetworkDevicePlan, Link)] = []
        for plan in plans {
            do { links.append((plan, try host.link(.name(plan.name)))) } catch {
                guard error.code == .notFound else { throw Self.failure(plan.place, error) }
                throw .invalid(plan.place, "there is no such interface")
            }
        }
        let addresses = try Self.asking("linux.netDevices") { () throws(NetlinkError) in try host.addresses() }
        return links.map { plan, link in
            let own = addresses.filter { $0.interface == link.index && $0.isLasting }
            return Original(plan: plan, link: link, addresses: own)
        }
    }

    private func move(
        _ original: Original,
        to index: InterfaceIndex,
        of target: Int32,
        _ host: inout NetlinkSession<NetlinkSocket>,
        _ inside: inout NetlinkSession<NetlinkSocket>
    ) throws(ContainerError) {
        let place = original.plan.place
        do {
            try host.perform(
                .move(original.link.index, toNamespace: target, as: original.plan.target, newIndex: index)
            )
        } catch {
            // What has the index inside is ours if the interface is gone here: it was moved, and its new name refused.
            let isHere = (try? host.link(.index(original.link.index)))?.name == original.link.name
            if !isHere { moved.append(Moved(original: original, index: index)) }
            throw Self.failure(place, error)
        }
        moved.append(Moved(original: original, index: index))
        try Self.asking(place) { () throws(NetlinkError) in
            try inside.perform(
                NetlinkBatch(
                    original.addresses.map { .restoreAddress($0, on: index) } + [.setUp(.index(index))]
                )
            )
        }
    }

    private func giveBack(_ device: Moved) throws(ContainerError) {
        guard let namespace else { return }
        let (place, link) = (device.original.plan.place, device.original.link)
        var inside = try Self.opening(place) { () throws(SyscallError) in
            try NamespaceVisit.within(namespace.descriptor.rawValue) { () throws(SyscallError) in
                try NetlinkSession.open(.route)
            }
        }
        let home = try Self.opening(place) { () throws(SyscallError) in try NamespaceVisit.current() }
        var host = try Self.opening(place) { () throws(SyscallError) in try NetlinkSession.open(.route) }
        let name = device.original.plan.name
        try Self.asking(place) { () throws(NetlinkError) in
            // Others may have taken its number meanwhile, which is no reason to keep it from its owner.
            let isFree = try !host.links().contains { $0.index == link.index }
            try inside.perform(
                .move(
                    device.index,
                    toNamespace: home.rawValue,
                    as: InterfaceNameTemplate(name),
                    newIndex: isFree ? link.index : nil
                )
            )
            let index = try host.link(.name(name)).index
            var requests = device.original.addresses.map { NetlinkRequest.restoreAddress($0, on: index) }
            if let master = link.master { requests.append(.setMaster(.index(index), master)) }
            if link.isUp { requests.append(.setUp(.index(index))) }
            try host.perform(NetlinkBatch(requests))
        }
    }

    fileprivate static func opening<Value: ~Copyable>(
        _ place: String,
        _ open: () throws(SyscallError) -> Value
    ) throws(ContainerError) -> Value {
        do { return try open() } catch { throw .kernel(place, error) }
    }

    private static func asking<Value>(
        _ place: String,
        _ body: () throws(NetlinkError) -> Value
    ) throws(ContainerError) -> Value {
        do { return try body() } catch { throw failure(place, error) }
    }

    private static func failure(_ place: String, _ error: NetlinkError) -> ContainerError {
        ContainerError(code: .kernel, message: "\(place): \(error)", cause: error)
    }
}

extension ContainerPlan {
    /// Moves what the plan has to move to the network namespace of its process, which waits meanwhile.
    func moveDevices(
        _ lent: LentDescriptors,
        to pid: Int32,
        _ numbers: [LaunchSlot: Int32]
    ) throws(ContainerError) {
        guard !devices.isEmpty else { return }
        guard let transfer = lent.devices else {
            throw .invalid("linux.netDevices", "interfaces are part of the plan, but not lent")
        }
        // A namespace that is joined may not be the process's yet.
        let joined = sources.first { source in
            switch source.value {
            case .namespace(_, .network, _), .lentNetwork: true
            default: false
            }
        }
        let path = joined.flatMap { numbers[$0.key] }.map { "/proc/self/fd/\($0)" } ?? "/proc/\(pid)/ns/net"
        let namespace = try NetworkDeviceTransfer.opening("linux.netDevices") { () throws(SyscallError) in
            try OwnedDescriptor.reading(path)
        }
        try transfer.carryOut(into: namespace)
    }
}
