import Glibc
package import LinuxSystem
import Synchronization

/// The host's side of networks: bridges, namespaces, tables.
///
/// Keeps its netlink sessions open, and belongs to the network namespace in which it was made. Safe to use from
/// several threads; calls block for as long as the kernel takes, a millisecond or so.
package final class HostNetwork: Sendable {
    private struct Sessions: ~Copyable {
        var routes: NetlinkSession<NetlinkSocket>
        var tables: NetlinkSession<NetlinkSocket>
        var bridges: [InterfaceName: InterfaceIndex] = [:]
    }

    private let sessions: Mutex<Sessions>
    private let home: OwnedDescriptor

    private init(sessions: consuming Sessions, home: consuming OwnedDescriptor) {
        self.sessions = Mutex(sessions)
        self.home = home
    }

    /// Opens the sessions in the calling thread's network namespace.
    package static func open() throws(NetworkError) -> HostNetwork {
        do {
            let sessions = Sessions(routes: try .open(.route), tables: try .open(.netfilter))
            return HostNetwork(sessions: sessions, home: try NamespaceVisit.current())
        } catch {
            throw NetworkError("open the host's network", error)
        }
    }

    /// Runs `body` in the host's network namespace.
    func atHome<Value: ~Copyable>(_ body: () throws(SyscallError) -> Value) throws(SyscallError) -> Value {
        try NamespaceVisit.within(home.rawValue, body)
    }

    /// What a new network must not collide with, next to the recorded ones.
    package func observed(with networks: [BridgeNetwork] = []) throws(NetworkError) -> TakenNames {
        try withSessions("look at the host's network") { sessions throws(NetlinkError) in
            let ours = Set(networks.map(\.bridge.description))
            let links = try sessions.routes.links()
            let own = Set(links.filter { ours.contains($0.name) }.map(\.index))
            // What our own bridges route is recorded; a network that is made again may have it.
            let routes = try sessions.routes.routes().filter { route in
                route.interface.map { !own.contains($0) } ?? true
            }
            let addresses = try sessions.routes.addresses().filter { !own.contains($0.interface) }
            return TakenNames(
                prefixes: routes.map(\.destination) + addresses.map(\.address.prefix),
                interfaces: Set(links.map(\.name)),
                networks: networks
            )
        }
    }

    /// Makes the network's bridge, or completes the one that is there.
    ///
    /// Record the network first. Returns the settings of the host that it changed, as in "net.ipv4.ip_forward = 1".
    package func ensureBridge(_ network: BridgeNetwork) throws(NetworkError) -> [String] {
        let doing = "make network \(network.name)"
        if let parent = network.parent {
            try check(parent, of: network)
            return []
        }
        let isBridge = try withSessions(doing) { sessions throws(NetlinkError) in
            try Self.makeBridge(network, in: &sessions)
        }
        guard isBridge else {
            throw NetworkError(
                .nameTaken,
                "\(doing): \(network.bridge) is there and is no bridge; remove it or choose another bridge name"
            )
        }
        do { return try atHome { () throws(SyscallError) in try BridgeSettings(network).apply() } } catch {
            throw NetworkError(doing, error)
        }
    }

    /// Deletes the network's bridge, if it is there; ports that are left are left without it.
    package func removeBridge(_ network: BridgeNetwork) throws(NetworkError) {
        // An interface of the host stays as it is; those on it go with their namespaces.
        if network.parent != nil { return }
        forgetBridges()
        try remove(.deleteLink(.name(network.bridge)), seenBy: [network.bridge], "remove network \(network.name)")
    }

    private func check(_ parent: BridgeNetwork.Parent, of network: BridgeNetwork) throws(NetworkError) {
        let isThere = try withSessions("make network \(network.name)") { sessions throws(NetlinkError) in
            do throws(NetlinkError) {
                return try sessions.routes.link(.name(parent.interface)).index.rawValue > 0
            } catch {
                guard error.code == .notFound else { throw error }
                return false
            }
        }
        guard isThere else {
            throw NetworkError(
                .invalidAddress,
                "network \(network.name): this host has no interface \(parent.interface) to be its parent"
            )
        }
    }

    /// Deletes all links of a project at once, if there are any; namespaces keep only loopback.
    ///
    /// Returns when nobody sees the bridges any more, if some of them are there, and else when the kernel is done.
    package func removeLinks(group: UInt32, bridges: [InterfaceName] = []) throws(NetworkError) {
        forgetBridges()
        try remove(.deleteLinks(group: group), seenBy: bridges, "remove the links of group \(group)")
    }

    /// A bridge that is made again has another index.
    private func forgetBridges() { sessions.withLock { $0.bridges = [:] } }

    /// Deletes links, and returns when none of these names is there any more.
    ///
    /// The kernel forgets the names of all at once, in a millisecond; then it waits, for some tens of them, until nobody can
    /// be looking at the interfaces. A thread of ours waits with it, also past the end of the process.
    private func remove(
        _ request: NetlinkRequest,
        seenBy names: [InterfaceName],
        _ doing: String
    ) throws(NetworkError) {
        let failure: NetlinkError?
        do { failure = try remove(request, seenBy: names) } catch { throw NetworkError(doing, error) }
        if let failure, failure.code != .notFound { throw NetworkError(doing, failure) }
    }

    private func remove(
        _ request: NetlinkRequest,
        seenBy names: [InterfaceName]
    ) throws(SyscallError) -> NetlinkError? {
        let removal = LinkRemoval(
            try atHome { () throws(SyscallError) in try .open(.route) },
            request,
            end: try Pipe()
        )
        let areThere = try areThere(names)
        try OwnThread.start { removal.run() }
        while !removal.hasEnded(within: areThere ? 1 : -1) {
            if areThere, try !self.areThere(names) { return nil }
        }
        return removal.failure
    }

    /// Whether the host has one of these interfaces.
    private func areThere(_ names: [InterfaceName]) throws(SyscallError) -> Bool {
        try atHome { () throws(SyscallError) in names.contains { if_nametoindex($0.description) != 0 } }
    }

    /// Replaces a table in one transaction.
    package func apply(_ table: NFTable) throws(NetworkError) {
        var transaction = NFTransaction()
        transaction.replace(table)
        let batch = transaction.batch()
        try withSessions("load the rules of \(table.name)") { sessions throws(NetlinkError) in
            try sessions.tables.perform(batch)
        }
    }

    /// Loads a project's rules, then makes loopback addresses routable on the bridges that need it, and forgets datagram
    /// flows whose target has changed.
    package func apply(_ rules: ProjectRules) throws(NetworkError) {
        try apply(rules.table)
        let bridges = rules.localhostBridges
        if !bridges.isEmpty {
            do {
                try atHome { () throws(SyscallError) in
                    for bridge in bridges { try SystemControl("net/ipv4/conf/\(bridge)/route_localnet").set("1") }
                }
            } catch {
                throw NetworkError("publish ports on 127.0.0.1", error)
            }
        }
        try forgetStaleFlows(rules.publications)
    }

    /// Whether the table is there; another program's flush may have taken it.
    package func hasTable(_ name: String) throws(NetworkError) -> Bool {
        try withSessions("look up the rules of \(name)") { sessions throws(NetlinkError) in
            try sessions.tables.hasTable(name)
        }
    }

    /// Deletes a table, if it is there.
    package func remove(table: String) throws(NetworkError) {
        var transaction = NFTransaction()
        transaction.delete(table: table)
        let batch = transaction.batch()
        try withSessions("remove the rules of \(table)") { sessions throws(NetlinkError) in
            try Self.ignoringAbsence { () throws(NetlinkError) in try sessions.tables.perform(batch) }
        }
    }

    /// Makes a namespace with everything in it that the plan says; the bridges must be there.
    ///
    /// The caller owns the descriptor; the namespace, with its ends of veth pairs, goes with the last process in it.
    package func makeNamespace(_ plan: NamespacePlan) throws(NetworkError) -> OwnedDescriptor {
        let doing = "make a container's network namespace"
        var new: NewNamespace
        do {
            new = try NamespaceVisit.withinNew { () throws(SyscallError) in try NewNamespace.entered(for: plan) }
        } catch {
            throw NetworkError(doing, error)
        }
        let descriptor = new.descriptor.rawValue
        if !plan.interfaces.isEmpty {
            try withSessions(doing) { sessions throws(NetlinkError) in
                try Self.connect(plan, to: descriptor, in: &sessions)
            }
        }
        do { try new.routes.perform(NetlinkBatch(plan.insideRequests)) } catch { throw NetworkError(doing, error) }
        return new.takeDescriptor()
    }

    /// Chains of other programs that drop what containers send; warn about them, as nothing of ours can overrule them.
    package func foreignFilters() throws(NetworkError) -> [ForeignFilter] {
        try withSessions("look at other programs' rules") { sessions throws(NetlinkError) in
            ForeignFilter.find(in: try sessions.tables.dump(ForeignFilter.list))
        }
    }

    /// Forgets datagram flows that would go on to a former replica, or past a new one.
    private func forgetStaleFlows(_ publications: [Publication]) throws(NetworkError) {
        guard publications.contains(where: { $0.port.transport == .udp }) else { return }
        try withSessions("forget flows of published ports") { sessions throws(NetlinkError) in
            let own = Set(try sessions.routes.addresses().map(\.address.address))
            for family in IPFamily.allCases {
                let stale = try sessions.tables.dump(DatagramFlow.list(family)).compactMap(DatagramFlow.init)
                    .filter { $0.isStale(among: publications, hostAddresses: own) }
                let outcomes = try sessions.tables.outcomes(of: NetlinkBatch(stale.map(\.deletion)))
                // Others have ended meanwhile.
                for case .failure(let error) in outcomes where error.code != .notFound { throw error }
            }
        }
    }

    private func withSessions<Value>(
        _ doing: String,
        _ body: (inout Sessions) throws(NetlinkError) -> Value
    ) throws(NetworkError) -> Value {
        do {
            return try sessions.withLock { sessions throws(NetlinkError) in try body(&sessions) }
        } catch {
            throw NetworkError(doing, error)
        }
    }

    /// Returns false if something else has the name.
    private static func makeBridge(
        _ network: BridgeNetwork,
        in sessions: inout Sessions
    ) throws(NetlinkError) -> Bool {
        var options = LinkOptions(mtu: network.mtu, group: network.group)
        if case .v4(let gateway) = network.subnet(.v4)?.gateway { options.mac = MACAddress(derivedFrom: gateway) }
        do {
            try sessions.routes.perform(.create(BridgeConfiguration(name: network.bridge, options: options)))
        } catch {
            guard error.code == .exists else { throw error }
        }
        let link = try sessions.routes.link(.name(network.bridge))
        guard link.kind == "bridge" else { return false }
        let additions = network.subnets.compactMap { subnet in
            InterfaceAddress(subnet.gateway, prefixLength: subnet.prefix.length).map {
                NetlinkRequest.addAddress($0, to: link.index, flags: .skipDuplicateDetection)
            }
        }
        for case .failure(let error) in try sessions.routes.outcomes(of: NetlinkBatch(additions))
        where error.code != .exists { throw error }
        sessions.bridges[network.bridge] = link.index
        return true
    }

    private static func connect(
        _ plan: NamespacePlan,
        to namespace: CInt,
        in sessions: inout Sessions
    ) throws(NetlinkError) {
        var requests: [NetlinkRequest] = []
        for interface in plan.interfaces {
            let network = interface.network
            if let parent = network.parent {
                requests.append(
                    .createMacvlan(
                        interface.name,
                        on: try sessions.routes.link(.name(parent.interface)).index,
                        mode: parent.mode,
                        LinkOptions(mac: interface.mac, mtu: network.mtu, index: interface.index),
                        namespace: namespace
                    )
                )
                continue
            }
            let bridge: InterfaceIndex
            if let known = sessions.bridges[network.bridge] {
                bridge = known
            } else {
                bridge = try sessions.routes.link(.name(network.bridge)).index
                sessions.bridges[network.bridge] = bridge
            }
            let veth = VethConfiguration(
                name: .randomVeth(),
                options: LinkOptions(mtu: network.mtu, group: network.group),
                bridge: bridge,
                peerName: interface.name,
                peerOptions: LinkOptions(mac: interface.mac, mtu: network.mtu, index: interface.index),
                peerNamespace: namespace
            )
            // Where br_netfilter is loaded, a container reaches its own published port by a turn at its bridge port.
            let flags = BridgePortFlags(isIsolated: !network.connectsContainers, isHairpin: true)
            requests += [.create(veth), .setPortFlags(.name(veth.name), flags)]
        }
        do { try sessions.routes.perform(NetlinkBatch(requests)) } catch {
            // A bridge that was deleted and made again behind our back has another index.
            sessions.bridges = [:]
            throw error
        }
    }

    private static func ignoringAbsence(_ body: () throws(NetlinkError) -> Void) throws(NetlinkError) {
        do { try body() } catch {
            guard error.code == .notFound else { throw error }
        }
    }
}

/// The deletion of links by a thread that waits for the kernel.
private final class LinkRemoval: Sendable {
    private let request: NetlinkRequest
    private let session: Mutex<NetlinkSession<NetlinkSocket>>
    private let outcome = Mutex<NetlinkError?>(nil)
    /// Has a byte when all is done.
    private let end: Pipe

    init(
        _ session: consuming NetlinkSession<NetlinkSocket>,
        _ request: NetlinkRequest,
        end: consuming Pipe
    ) {
        self.request = request
        self.session = Mutex(session)
        self.end = end
    }

    func run() {
        session.withLock { session in
            do throws(NetlinkError) { try session.perform(request) } catch {
                outcome.withLock { $0 = error }
            }
        }
        var byte: UInt8 = 1
        let written = write(end.writing.rawValue, &byte, 1)
        precondition(written == 1, "write to a pipe of ours: \(Errno.current)")
    }

    /// Whether the kernel is done, after that many milliseconds at most; -1 waits for it.
    func hasEnded(within milliseconds: Int32) -> Bool {
        waitReadable([end.reading.rawValue], milliseconds: milliseconds)[0]
    }

    /// What went wrong.
    var failure: NetlinkError? { outcome.withLock { $0 } }
}

/// A namespace just made, and a session inside.
private struct NewNamespace: ~Copyable {
    let descriptor: OwnedDescriptor
    var routes: NetlinkSession<NetlinkSocket>

    /// To be called on a thread in the new namespace.
    static func entered(for plan: NamespacePlan) throws(SyscallError) -> NewNamespace {
        // New interfaces take these over. Without a version 6 address of ours there shall be none of the kernel's, and a
        // neighbour's router advertisement must never become the default route (CVE-2020-13401).
        let setting = plan.hasIPv6 ? "accept_ra" : "disable_ipv6"
        try SystemControl("net/ipv6/conf/default/\(setting)").set(plan.hasIPv6 ? "0" : "1")
        return NewNamespace(descriptor: try NamespaceVisit.current(), routes: try .open(.route))
    }

    consuming func takeDescriptor() -> OwnedDescriptor { descriptor }
}

extension InterfaceName {
    /// A name for the host's end of a veth pair: 45 random bits, as those of a container's former namespace may not
    /// be gone yet and the kernel refuses names in use.
    fileprivate static func randomVeth() -> InterfaceName {
        let digits = Array("abcdefghijklmnopqrstuvwxyz234567")
        let random = UInt64.random(in: 0...UInt64.max)
        let text = "roostv" + String((0..<9).map { digits[Int(random >> (5 * UInt64($0)) & 31)] })
        return InterfaceName(text) ?? .loopback
    }
}
