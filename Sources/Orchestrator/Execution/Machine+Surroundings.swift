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
        var owner: Companion?
        /// What is recorded of it.
        var attachments: [ProcessRecord.Attachment] = []
        /// Kernel parameters of its interfaces.
        var sysctls: [String: String] = [:]
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
        let plan = attachments.isEmpty ? .loopbackOnly : NamespacePlan(attachments)
        var place = NetworkPlace(plan: plan)
        place.sysctls = try Self.sysctls(of: definition, plan)
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

    /// Kernel parameters that the driver options of a service's places on networks set, with the interfaces' names.
    private static func sysctls(of definition: ServiceDefinition, _ plan: NamespacePlan) throws -> [String: String] {
        var result: [String: String] = [:]
        for joined in definition.service.networks {
            guard let text = joined.driverOptions[sysctlOption],
                let name = definition.project.network(joined.network)?.name,
                let interface = plan.interfaces.first(where: { $0.network.name == name })
            else { continue }
            for entry in text.split(separator: ",") {
                let parts = entry.split(separator: "=", maxSplits: 1).map { String($0) }
                guard parts.count == 2, parts[0].hasPrefix("net."), parts[0].contains(".IFNAME.") else {
                    throw ExecutionError(
                        "\(sysctlOption): \"\(entry)\" is no parameter of an interface",
                        at: "services.\(definition.service.name).networks.\(joined.network).driver_opts",
                        hint: "use net.ipv4.conf.IFNAME.log_martians=1, with commas between several"
                    )
                }
                result[parts[0].replacing(".IFNAME.", with: ".\(interface.name).")] = parts[1]
            }
        }
        return result
    }

    /// As docker calls them.
    private static let sysctlOption = "com.docker.network.endpoint.sysctls"
    static let interfaceOption = "com.docker.network.endpoint.ifname"

    private func joined(_ owner: Owner) throws -> NetworkPlace {
        let other = try companion(owner)
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

    /// Names that only a service's own containers know.
    private func links(of service: Service) -> [String: [String]] {
        var result: [String: [String]] = [:]
        for link in service.links + service.externalLinks where link.alias != link.service {
            result[link.alias, default: []].append(link.service)
        }
        return result
    }

    /// What a container may see through its resolver.
    func view(of definition: ServiceDefinition) -> NameView {
        let networks = definition.service.networks.compactMap { definition.project.network($0.network) }
        return NameView(
            networks: Set(networks.map(\.name)),
            asksOutside: networks.contains { network in
                !(shared.withLock { $0.visited[network.name] }?.isInternal ?? network.isInternal)
            },
            servers: definition.service.dnsServers.compactMap { IPAddress($0.description) },
            links: links(of: definition.service)
        )
    }
}
