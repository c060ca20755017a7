import ComposeModel
import ContainerNetwork
import ImageStore
import LinuxSystem
import NIOCore
import OCISpec
import Synchronization

extension Machine {
    /// Brings names and published ports in line with the containers that run and are ready.
    package func publish() async throws {
        let (live, networks, visited) = shared.withLock { shared in
            let used = Set(shared.live.values.flatMap { $0.process.attachments.map(\.network) })
            // What lies on the host's own network passes no rules of ours.
            return (
                Array(shared.live.values), shared.networks.values.filter { $0.parent == nil },
                shared.visited.values.filter { used.contains($0.name) && $0.parent == nil }
            )
        }
        let names = live.map(zoneEntry)
        resolver.update(zone: Zone(names))
        guard !networks.isEmpty || !visited.isEmpty else { return try await withdraw() }
        shareNames(names, on: networks + visited)
        let open = Set((networks + visited).filter { !$0.isInternal }.map(\.name))
        let (publications, former, reservations) = shared.withLock { shared in
            let publisher = shared.publisher
            return (
                publisher.publications(live) { open.contains($0) }, publisher.rules,
                publisher.ofServices.values.flatMap(\.self) + publisher.ofContainers.values.flatMap(\.self)
            )
        }
        let rules = ProjectRules(
            project: project,
            networks: networks.sorted { $0.name < $1.name },
            visited: visited.sorted { $0.name < $1.name },
            publications: publications
        )
        if networks.isEmpty && publications.isEmpty {
            try await withdraw()
        } else if rules != former {
            try await blocking { try self.apply(rules) }
        }
        try await relay(reservations, publications)
    }

    /// Without a network of ours, nobody else takes our rules away.
    private func withdraw() async throws {
        guard shared.withLock({ $0.publisher.rules?.networks.isEmpty }) == true else { return }
        try await blocking {
            try self.host().remove(table: ProjectRules.tableName(of: self.project))
            self.shared.withLock { $0.publisher.note(nil) }
        }
    }

    /// Puts rules in force, unless one of their networks has gone meanwhile: the table would come back for good.
    private func apply(_ rules: ProjectRules) throws {
        try networkTurn.withLock { _ in
            let isCurrent = shared.withLock { shared in rules.networks.allSatisfy { shared.networks[$0.name] != nil } }
            guard isCurrent else { return }
            try host().apply(rules)
            let isNew = shared.withLock { shared in
                defer { shared.publisher.note(rules) }
                return shared.publisher.rules == nil
            }
            guard !rules.publications.isEmpty else { return }
            if isNew { for filter in try host().foreignFilters() { configuration.report(.warning(filter.advice)) } }
            guardRules()
        }
    }

    /// How often somebody looks whether the rules are still there.
    private static let patrol = Duration.seconds(2)

    /// Looks after the table as long as ports are published: a firewall that is loaded anew flushes all tables.
    private func guardRules() {
        guardian.withLock { task in
            guard task == nil else { return }
            task = Task { [weak self] in
                while !Task.isCancelled {
                    // A sleep that is cancelled is over.
                    try? await Task.sleep(for: Self.patrol)
                    guard let self, await self.restoreRules() else { break }
                }
                self?.guardian.withLock { $0 = nil }
            }
        }
    }

    /// Puts rules in force again that others have taken away; returns whether there are any to look after.
    private func restoreRules() async -> Bool {
        let isGuarded = try? await blocking {
            try self.networkTurn.withLock { _ in
                guard let rules = self.shared.withLock({ $0.publisher.rules }), !rules.publications.isEmpty else {
                    return false
                }
                let table = ProjectRules.tableName(of: self.project)
                guard try !self.host().hasTable(table) else { return true }
                try self.host().apply(rules)
                self.configuration.report(
                    .warning("another program had removed table inet \(table), which publishes ports; it is back")
                )
                return true
            }
        }
        // What could not be done now is tried at the next round.
        return isGuarded ?? true
    }

    /// One relay for each reserved port that the kernel can't translate.
    private func relay(_ reservations: [PortReservation], _ publications: [Publication]) async throws {
        let ready = Dictionary(publications.map { ($0.port, $0.ready) }) { first, _ in first }
        for reservation in reservations {
            let targets = ready[reservation.port] ?? []
            if let relay = shared.withLock({ $0.publisher.relays[reservation.port] }) {
                relay.update(ready: targets)
            } else if let relay = try await LoopbackRelay.start(
                reservation,
                ready: targets,
                on: configuration.loops.next(),
                within: try relayBudget()
            ) {
                shared.withLock { $0.publisher.relays[reservation.port] = relay }
            }
        }
        let held = Set(reservations.map(\.port))
        let stale = shared.withLock { shared in
            let stale = shared.publisher.relays.filter { !held.contains($0.key) }
            for port in stale.keys { shared.publisher.relays[port] = nil }
            return Array(stale.values)
        }
        for relay in stale { await relay.stop() }
    }

    /// The one budget of all relays.
    private func relayBudget() throws -> RelayBudget {
        try shared.withLock { shared in
            let budget = try shared.publisher.budget ?? .ofThisProcess()
            shared.publisher.budget = budget
            return budget
        }
    }

    private func zoneEntry(_ container: LiveContainer) -> Zone.Container {
        let keys = Dictionary(container.definition.project.networks.map { ($0.name, $0.key) }) { first, _ in first }
        return Zone.Container(
            name: container.name,
            service: container.isOneOff && container.definition.service.labels[Self.aliasesLabel] == nil
                ? nil : container.service,
            isReady: container.isReady,
            endpoints: container.process.attachments.map { attachment in
                .init(
                    network: attachment.network,
                    networkNames: keys[attachment.network].map { [$0] } ?? [],
                    addresses: attachment.addresses.compactMap { IPAddress($0) },
                    aliases: attachment.names
                )
            }
        )
    }

    /// Holds the ports of `services` that all their containers share; those that a service no longer wants are free.
    ///
    /// When one is taken, everything is as it was.
    func reserveSharedPorts(of services: [Service]) throws {
        let former = shared.withLock { $0.publisher.ofServices }
        var held = former
        for service in services where service.replicas > 0 || former[service.name] != nil {
            let wanted = service.networkMode == .host ? [] : Publisher.sharedPorts(of: service)
            held[service.name] = (former[service.name] ?? []).filter { wanted.contains($0.port) }
        }
        shared.withLock { $0.publisher.ofServices = held.filter { !$0.value.isEmpty } }
        do {
            for service in services where service.networkMode != .host {
                for port in Publisher.sharedPorts(of: service)
                where !(held[service.name] ?? []).contains(where: { $0.port == port }) {
                    let reservation = try reserve(port, of: service)
                    held[service.name, default: []].append(reservation)
                }
            }
            shared.withLock { $0.publisher.ofServices = held.filter { !$0.value.isEmpty } }
        } catch {
            shared.withLock { $0.publisher.ofServices = former }
            throw error
        }
    }

    private func reserve(_ port: PublishedPort, of service: Service) throws -> PortReservation {
        do { return try PortReservation.reserve(port, on: host()) } catch {
            let index = service.ports.firstIndex {
                $0.published.map { port.hostPorts.contains($0.lowerBound) } ?? false
            }
            throw ExecutionError(error, at: "services.\(service.name).ports\(index.map { "[\($0)]" } ?? "")")
        }
    }

    /// The ports of one container; those that only it has are reserved, as before where that is possible.
    func assignPorts(
        to state: ContainerState,
        _ service: Service,
        _ blueprint: Blueprint,
        _ image: Image,
        former: [ContainerRecord.Port]
    ) throws -> [ContainerRecord.Port] {
        var result: [ContainerRecord.Port] = []
        var own: [PortReservation] = []
        if service.networkMode != .host {
            shared.withLock { $0.publisher.release(container: state.name) }
            for (index, mapping) in service.ports.enumerated() {
                var published = mapping.published?.lowerBound ?? 0
                // A container of `roost run` shares its ports with nobody.
                if mapping.published?.count != 1 || state.isOneOff {
                    let before = former.first {
                        $0.target == mapping.target && $0.transport == mapping.transport.rawValue
                    }
                    let reservation = try reserveAny(
                        mapping,
                        before: before?.published ?? 0,
                        "\(service.name).ports[\(index)]"
                    )
                    published = reservation.port.hostPorts.lowerBound
                    own.append(reservation)
                }
                result.append(
                    .init(
                        hostAddress: mapping.address.map { "\($0)" } ?? "",
                        published: published,
                        target: mapping.target,
                        transport: mapping.transport.rawValue
                    )
                )
            }
        }
        shared.withLock { $0.publisher.ofContainers[state.name] = own.isEmpty ? nil : own }
        let taken = Set(result.map { "\($0.target)/\($0.transport)" })
        for port in exposed(service, image) where !taken.contains("\(port.target)/\(port.transport)") {
            result.append(port)
        }
        return result
    }

    private func reserveAny(_ mapping: PortMapping, before: UInt16, _ place: String) throws -> PortReservation {
        let transport = mapping.transport.runtime
        do {
            if before > 0, mapping.published?.contains(before) ?? true,
                let port = PublishedPort(before...before, to: mapping.target, transport, on: mapping.address),
                let reservation = try? PortReservation.reserve(port, on: host())
            {
                return reservation
            }
            if let only = mapping.published, only.count == 1,
                let port = PublishedPort(only, to: mapping.target, transport, on: mapping.address)
            {
                return try PortReservation.reserve(port, on: host())
            }
            return try PortReservation.reserveAny(
                of: mapping.published,
                to: mapping.target,
                transport,
                on: mapping.address,
                host: host()
            )
        } catch { throw ExecutionError(error, at: "services.\(place)") }
    }

    private func exposed(_ service: Service, _ image: Image) -> [ContainerRecord.Port] {
        var ports = service.exposedPorts.flatMap { exposed in
            exposed.ports.prefix(1000).map {
                ContainerRecord.Port(hostAddress: "", published: 0, target: $0, transport: exposed.transport.rawValue)
            }
        }
        for text in image.configuration.config?.exposedPorts ?? [] {
            let parts = text.split(separator: "/")
            guard let number = parts.first.flatMap({ UInt16($0) }) else { continue }
            let transport = parts.count > 1 ? String(parts[1]) : "tcp"
            ports.append(.init(hostAddress: "", published: 0, target: number, transport: transport))
        }
        return ports
    }
}
