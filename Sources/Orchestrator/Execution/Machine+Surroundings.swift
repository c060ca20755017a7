import ComposeModel
import ContainerNetwork
import ContainerRuntime
import ImageStore
import LinuxSystem
import OCISpec
import Synchronization

extension Machine {
    /// Where a container is in the project's networks.
    struct NetworkPlace {
        /// The namespace to make; nil when it is another's.
        var plan: NamespacePlan?
        /// Whose namespace it is otherwise.
        var sharing = StandardOptions.Sharing.own
        /// The container whose namespace it is, when it is another one's.
        var owner: LiveContainer?
        /// What is recorded of it.
        var attachments: [ProcessRecord.Attachment] = []
        /// What `host-gateway` stands for.
        var hostGateway: [IPAddress] = []

        /// The domain that a service's container is in.
        func domainName(_ service: Service) -> String? { service.domainName ?? owner?.spec.domainname }
    }

    /// Decides where a container is in the project's networks.
    func networkPlace(of state: ContainerState, _ definition: ServiceDefinition) throws -> NetworkPlace {
        switch definition.service.networkMode {
        case .host: return NetworkPlace(sharing: .host)
        case .service(let name): return try joined(.service(name))
        case .container(let name): return try joined(.container(name))
        case .none?: return NetworkPlace(plan: .loopbackOnly)
        case .bridge, nil: break
        }
        let attachments = try attachments(of: state, definition)
        var place = NetworkPlace(plan: attachments.isEmpty ? .loopbackOnly : NamespacePlan(attachments))
        for (attachment, joined) in zip(attachments, definition.service.networks) {
            place.attachments.append(
                .init(
                    network: attachment.network.name,
                    addresses: attachment.addresses.map { "\($0.address)" },
                    names: Self.names(of: state, joined, definition.service)
                )
            )
            if place.hostGateway.isEmpty { place.hostGateway = attachment.network.subnets.map(\.gateway) }
        }
        return place
    }

    private func joined(_ owner: Owner) throws -> NetworkPlace {
        let other = try container(of: owner)
        return NetworkPlace(sharing: .joined(path: "/proc/\(other.process.pid)/ns/net"), owner: other)
    }

    /// The files of `/etc` by which programs find names.
    func nameFiles(
        hostname: String,
        _ definition: ServiceDefinition,
        _ place: NetworkPlace
    ) throws -> [ContainerLayer.File] {
        let service = definition.service
        let fullName = place.domainName(service).map { "\(hostname).\($0)" } ?? hostname
        let attachments = place.owner?.process.attachments ?? place.attachments
        let hosts = HostsFile(
            hostname: fullName,
            addresses: attachments.flatMap(\.addresses).compactMap { IPAddress($0) },
            extra: service.extraHosts.map { entry in
                switch entry.address {
                case .address(let address): .init(entry.name, address.description)
                case .hostGateway: .init(entry.name, "host-gateway")
                }
            },
            hostGateway: place.hostGateway.isEmpty && place.sharing == .host ? [.v4(.loopback)] : place.hostGateway
        )
        var resolver: String
        if place.plan != nil && place.plan != .loopbackOnly || isJoined(place) {
            resolver = ResolverConfiguration.containerFile(search: service.dnsSearch, options: service.dnsOptions)
        } else {
            // Outside the project's networks names are the host's business.
            var host = ResolverConfiguration(parsing: (try? readFile("/etc/resolv.conf")) ?? "")
            if !service.dnsServers.isEmpty {
                host.servers = service.dnsServers.compactMap { IPAddress($0.description) }
            }
            if !service.dnsSearch.isEmpty { host.search = service.dnsSearch }
            if !service.dnsOptions.isEmpty { host.options = service.dnsOptions }
            resolver = host.file
        }
        // As docker does: on the host's network names are the host's, unless there are further ones.
        let isHosts = place.sharing == .host && service.extraHosts.isEmpty
        let ofHost = isHosts ? try? readFile("/etc/hosts") : nil
        return [
            .init("hosts", Array(try (ofHost ?? hosts.text()).utf8)), .init("resolv.conf", Array(resolver.utf8)),
            .init("hostname", Array("\(hostname)\n".utf8)),
        ]
    }

    /// The name that a container has for itself: with a network it shares the name of whose network it is.
    func hostname(_ service: Service, id: String, _ place: NetworkPlace) throws -> String {
        if let name = service.hostname { return name }
        if let name = place.owner?.spec.hostname { return name }
        guard place.sharing == .host || service.utsMode == .host else { return String(id.prefix(12)) }
        return try readFile("/proc/sys/kernel/hostname").split(separator: "\n").first.map(String.init) ?? "localhost"
    }

    private func isJoined(_ place: NetworkPlace) -> Bool {
        if case .joined = place.sharing { true } else { false }
    }

    /// What a container may see through its resolver.
    func view(of definition: ServiceDefinition) -> NameView {
        let networks = definition.service.networks.compactMap { definition.project.network($0.network) }
        return NameView(
            networks: Set(networks.map(\.name)),
            asksOutside: networks.contains { !$0.isInternal },
            servers: definition.service.dnsServers.compactMap { IPAddress($0.description) }
        )
    }
}
