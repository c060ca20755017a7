package import YAMLComposer

extension Project {
    /// Reads the canonical tree that the loader gives, or one that was printed as JSON and read again.
    ///
    /// Values that can't be accepted go to `diagnostics`, all of them; then the result is nil.
    package init?(tree: YAMLNode, directory: String, diagnostics: DiagnosticCollector) {
        let found = DiagnosticCollector()
        let project = ProjectDecoder(diagnostics: found).project(tree, directory: directory)
        diagnostics.addInFileOrder(found.all)
        if found.hasErrors { return nil }
        self = project
    }
}

/// Turns the canonical tree into typed values.
struct ProjectDecoder {
    let diagnostics: DiagnosticCollector

    /// The project in `tree`.
    func project(_ tree: YAMLNode, directory: String) -> Project {
        let top = Fields(tree, path: "", diagnostics: diagnostics)
        var project = Project(name: name(top), directory: directory)
        project.services = top.named("services").map { ServiceDecoder(fields: $0.fields).service($0.name) }
        project.networks = top.named("networks").map { network($0.name, $0.fields) }
        project.volumes = top.named("volumes").map { volume($0.name, $0.fields) }
        project.secrets = top.named("secrets").map { fileObject($0.name, $0.fields) }
        project.configs = top.named("configs").map { fileObject($0.name, $0.fields) }
        takeBuiltInNetworks(&project)
        joinBridge(&project)
        bindPorts(&project)
        checkContainerNames(project, tree)
        for service in project.services {
            for attachment in service.networks { checkAddresses(attachment, service, project, tree) }
        }
        return project
    }

    /// External networks called `host`, `none` and `bridge` are those that are there without any project.
    private func takeBuiltInNetworks(_ project: inout Project) {
        for network in project.networks where network.isExternal {
            guard let mode = NetworkMode(text: network.name), [.host, .none, .bridge].contains(mode) else { continue }
            for index in project.services.indices where project.services[index].networks.map(\.network) == [network.key]
            {
                project.services[index].networks = []
                project.services[index].networkMode = mode
            }
        }
        project.networks.removeAll { network in
            network.isExternal && NetworkMode(text: network.name) != nil
                && !project.services.contains { $0.networks.contains { $0.network == network.key } }
        }
    }

    /// An option of bridges says on which address of the host ports are published that name none.
    private func bindPorts(_ project: inout Project) {
        for index in project.services.indices {
            let addresses = project.services[index].networks.compactMap { joined in
                project.network(joined.network)?.driverOptions["com.docker.network.bridge.host_binding_ipv4"]
                    .flatMap { InternetAddress(text: $0) }
            }
            guard let address = addresses.first else { continue }
            for port in project.services[index].ports.indices
            where project.services[index].ports[port].hostAddress == nil {
                project.services[index].ports[port].hostAddress = address
            }
        }
    }

    /// The key of the network that `network_mode: bridge` means; no file can have it.
    private static let bridgeKey = "network_mode: bridge"

    /// The bridge of the project that services are on which join no network of their own.
    private func joinBridge(_ project: inout Project) {
        let indices = project.services.indices.filter { project.services[$0].networkMode == .bridge }
        guard !indices.isEmpty else { return }
        let name = "\(project.name)_bridge"
        let key = project.networks.first { $0.name == name }?.key ?? Self.bridgeKey
        if project.network(key) == nil { project.networks.append(Network(key: key, name: name)) }
        for index in indices { project.services[index].networks = [NetworkAttachment(network: key)] }
    }

    private func name(_ top: Fields) -> String {
        if let text = top.text("name"), let name = ProjectName(text) { return name.description }
        diagnostics.error("the project has no usable name", at: top.mark)
        return ""
    }

    private func network(_ key: String, _ fields: Fields) -> Network {
        var network = Network(key: key, name: fields.text("name") ?? key)
        network.driver = fields.text("driver")
        network.driverOptions = fields.pairs("driver_opts")
        network.isInternal = fields.flag("internal") ?? false
        network.isAttachable = fields.flag("attachable") ?? false
        network.enablesIPv4 = fields.flag("enable_ipv4")
        network.enablesIPv6 = fields.flag("enable_ipv6")
        network.isExternal = isExternal(fields)
        network.labels = fields.pairs("labels")
        if let management = fields.fields("ipam") {
            network.addressDriver = management.text("driver").flatMap { $0 == "default" ? nil : $0 }
            network.addressOptions = management.pairs("options")
            network.pools = management.list("config").map(pool)
        }
        return network
    }

    private func pool(_ fields: Fields) -> Network.Pool {
        let prefixHint = "use a range of addresses such as 10.5.0.0/16"
        var pool = Network.Pool(subnet: fields.value("subnet", hint: prefixHint) { AddressPrefix(text: $0) })
        pool.range = fields.value("ip_range", hint: prefixHint) { AddressPrefix(text: $0) }
        pool.gateway = fields.address("gateway")
        if let reserved = fields.fields("aux_addresses") {
            for entry in fields.entries("aux_addresses") { pool.reserved[entry.key] = reserved.address(entry.key) }
        }
        guard let subnet = pool.subnet else { return pool }
        let inside = "use an address of \(subnet)"
        if let gateway = pool.gateway, !subnet.contains(gateway) {
            fields.wrong("gateway", "is outside of the subnet", hint: inside)
        }
        if let range = pool.range, !subnet.contains(range.address) || range.length < subnet.length {
            fields.wrong("ip_range", "is outside of the subnet", hint: "use a part of \(subnet)")
        }
        return pool
    }

    private func volume(_ key: String, _ fields: Fields) -> Volume {
        var volume = Volume(key: key, name: fields.text("name") ?? key)
        volume.driver = fields.text("driver")
        volume.driverOptions = fields.pairs("driver_opts")
        volume.isExternal = isExternal(fields)
        volume.labels = fields.pairs("labels")
        return volume
    }

    private func fileObject(_ key: String, _ fields: Fields) -> FileObject {
        let source: FileObject.Source
        if isExternal(fields) {
            source = .external
        } else if let file = fields.text("file") {
            source = .file(file)
        } else if let variable = fields.text("environment") {
            source = .environment(variable)
        } else {
            // An empty text is some content too.
            source = .content(fields.text("content") ?? "")
            if fields.node("content") == nil {
                diagnostics.error(
                    "\(fields.path) has no content",
                    at: fields.mark,
                    hint: "give it a file, an environment variable or, for a config, a content"
                )
            }
        }
        var object = FileObject(key: key, name: fields.text("name") ?? key, source: source)
        object.labels = fields.pairs("labels")
        return object
    }

    /// `external: {name: x}` stays in trees that were not normalised.
    private func isExternal(_ fields: Fields) -> Bool {
        fields.node("external").map { $0.bool ?? $0.string.flatMap(BooleanWord.value) ?? true } ?? false
    }

    /// An address of one's own lies in a subnet that the file names, and is one container's.
    private func checkAddresses(
        _ attachment: NetworkAttachment,
        _ service: Service,
        _ project: Project,
        _ tree: YAMLNode
    ) {
        let known = project.network(attachment.network).flatMap { $0.isExternal ? nil : $0.pools }
        let written = tree["services"]?[service.name]?["networks"]?[attachment.network]
        let addresses = [("ipv4_address", attachment.ipv4Address), ("ipv6_address", attachment.ipv6Address)]
        for case (let key, let address?) in addresses {
            let path = "services.\(service.name).networks.\(attachment.network).\(key)"
            if let known, !known.contains(where: { $0.subnet?.contains(address) ?? false }) {
                diagnostics.error(
                    "\(path): \(address) is in no subnet of the network",
                    at: written?[key]?.mark,
                    hint: "give the network a subnet that has it: ipam: {config: [{subnet: …}]}"
                )
            }
            if service.replicas > 1 {
                diagnostics.error(
                    "\(path) allows one replica, not \(service.replicas)",
                    at: written?[key]?.mark,
                    hint: "leave the address out, or set the number of replicas to 1"
                )
            }
        }
    }

    private func checkContainerNames(_ project: Project, _ tree: YAMLNode) {
        var owners: [String: String] = [:]
        for service in project.services {
            guard let name = service.containerName else { continue }
            let mark = tree["services"]?[service.name]?["container_name"]?.mark
            if let owner = owners.updateValue(service.name, forKey: name) {
                diagnostics.error(
                    "services.\(service.name).container_name is \"\(name)\", as that of \"\(owner)\"",
                    at: mark,
                    hint: "each container needs a name of its own"
                )
            }
            if service.replicas > 1 {
                diagnostics.error(
                    "services.\(service.name).container_name allows one replica, not \(service.replicas)",
                    at: mark,
                    hint: "leave the name out, or set the number of replicas to 1"
                )
            }
        }
    }
}

extension Fields {
    /// The IP address under `key`.
    func address(_ key: String) -> InternetAddress? {
        value(key, hint: "use an IPv4 or IPv6 address") { InternetAddress(text: $0) }
    }

    /// The hardware address under `key`.
    func hardwareAddress(_ key: String) -> HardwareAddress? {
        value(key, hint: "use six bytes such as 02:42:ac:11:00:02, of one interface") { HardwareAddress(text: $0) }
    }

    /// The user under `key`.
    func user(_ key: String) -> UserReference? {
        value(key, hint: "use user or user:group, each a name or a number below 4294967295") { UserReference(text: $0) }
    }
}
