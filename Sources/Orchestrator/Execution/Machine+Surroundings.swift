import ComposeModel
import ContainerNetwork
import ContainerRuntime
import ImageStore
import LinuxSystem
import Synchronization

extension Machine {
    /// Where a container is in the project's networks.
    struct NetworkPlace {
        /// The namespace to make; nil when it is another's.
        var plan: NamespacePlan?
        /// Whose namespace it is otherwise.
        var sharing = StandardOptions.Sharing.own
        /// What is recorded of it.
        var attachments: [ProcessRecord.Attachment] = []
        /// What `host-gateway` stands for.
        var hostGateway: [IPAddress] = []
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
                    names: Self.names(of: state, joined)
                )
            )
            if place.hostGateway.isEmpty { place.hostGateway = attachment.network.subnets.map(\.gateway) }
        }
        return place
    }

    private func joined(_ owner: Owner) throws -> NetworkPlace {
        let process = try process(of: owner)
        return NetworkPlace(sharing: .joined(path: "/proc/\(process.pid)/ns/net"), attachments: [])
    }

    /// The files of `/etc` by which programs find names.
    func nameFiles(
        hostname: String,
        _ definition: ServiceDefinition,
        _ place: NetworkPlace
    ) throws -> [ContainerLayer.File] {
        let service = definition.service
        let fullName = service.domainName.map { "\(hostname).\($0)" } ?? hostname
        let hosts = HostsFile(
            hostname: fullName,
            addresses: place.attachments.flatMap(\.addresses).compactMap { IPAddress($0) },
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
        return [
            .init("hosts", Array(try hosts.text().utf8)), .init("resolv.conf", Array(resolver.utf8)),
            .init("hostname", Array("\(hostname)\n".utf8)),
        ]
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
