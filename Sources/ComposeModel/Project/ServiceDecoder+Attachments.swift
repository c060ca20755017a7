import YAMLComposer

extension ServiceDecoder {
    /// Reads networks, ports and names.
    func readNetwork(_ service: inout Service) {
        service.networkMode = fields.value(
            "network_mode",
            hint: "use none, host, bridge, service: with a service or container: with a container"
        ) { NetworkMode(text: $0) }
        service.networks = fields.named("networks").map { attachment($0.name, $0.fields) }
        service.macAddress = fields.hardwareAddress("mac_address")
        service.ports = fields.list("ports").compactMap(port)
        service.exposedPorts = fields.values("expose", hint: "use a port, or first-last, with /tcp or /udp if need be")
        {
            ExposedPort(text: $0)
        }
        service.dnsServers = fields.values("dns", hint: "use an IPv4 or IPv6 address") { InternetAddress(text: $0) }
        service.dnsSearch = fields.values("dns_search", hint: "use a domain") { Self.resolverWord($0) }
        service.dnsOptions = fields.values("dns_opt", hint: "use an option of resolv.conf(5)") { Self.resolverWord($0) }
        service.extraHosts = fields.values("extra_hosts", hint: "use host=address or host=host-gateway") {
            HostEntry(text: $0)
        }
        service.links = fields.values("links", hint: "use service or service:alias") { ServiceLink(text: $0) }
        service.externalLinks = fields.values("external_links", hint: "use container or container:alias") {
            ServiceLink(text: $0)
        }
    }

    /// A word that stays one in resolv.conf.
    private static func resolverWord(_ text: String) -> String? {
        text.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7F } ? text : nil
    }

    private func attachment(_ network: String, _ fields: Fields) -> NetworkAttachment {
        var result = NetworkAttachment(network: network)
        result.aliases = fields.texts("aliases")
        result.ipv4Address = fields.value("ipv4_address", hint: "use an IPv4 address") { text in
            InternetAddress(text: text).flatMap { $0.isIPv6 ? nil : $0 }
        }
        result.ipv6Address = fields.value("ipv6_address", hint: "use an IPv6 address") { text in
            InternetAddress(text: text).flatMap { $0.isIPv6 ? $0 : nil }
        }
        result.linkLocalAddresses = fields.values(
            "link_local_ips",
            hint: "use an address of 169.254.0.0/16 or fe80::/64"
        ) { text in
            InternetAddress(text: text).flatMap { $0.isLinkLocal ? $0 : nil }
        }
        result.macAddress = fields.hardwareAddress("mac_address")
        result.priority = fields.integer("priority", in: Int.min...Int.max) ?? 0
        result.gatewayPriority = fields.integer("gw_priority", in: Int.min...Int.max) ?? 0
        result.interfaceName = fields.value("interface_name", hint: "use at most 15 letters and digits") { text in
            let isName = text.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7F && $0 != 0x2F && $0 != 0x3A }
            return isName && text.utf8.count <= 15 && text != "." && text != ".." ? text : nil
        }
        result.driverOptions = fields.pairs("driver_opts")
        return result
    }

    private func port(_ fields: Fields) -> PortMapping? {
        guard let target = fields.integer("target", in: 1...65535) else {
            if fields.node("target") == nil {
                fields.diagnostics.error("\(fields.path) needs a target", at: fields.mark)
            }
            return nil
        }
        var port = PortMapping(target: UInt16(target))
        let published = fields.value("published", hint: "use a port from 0 to 65535, or first-last") {
            PortRange.read($0)
        }
        // Port 0 is the kernel's word for any free one.
        port.published = published.flatMap { $0.lowerBound == 0 ? nil : $0 }
        if let published, published.lowerBound == 0, published.upperBound > 0 {
            fields.wrong("published", "has a range that starts at 0", hint: "start at 1, or leave it out for any port")
        }
        port.hostAddress = fields.address("host_ip")
        port.transport =
            fields.value("protocol", hint: "use tcp, udp or sctp") { Transport(rawValue: $0.lowercased()) } ?? .tcp
        port.mode = fields.value("mode", hint: "use host or ingress") { PortMapping.Mode(rawValue: $0) } ?? .ingress
        port.name = fields.text("name")
        port.applicationProtocol = fields.text("app_protocol")
        return port
    }

    /// Reads what is mounted.
    func readMounts(_ service: inout Service) {
        service.mounts = fields.list("volumes").compactMap(mount)
        service.memoryMounts = fields.values("tmpfs", hint: "use an absolute path, then : and options if need be") {
            MemoryMount(text: $0)
        }
        service.mountsFrom = fields.values("volumes_from", hint: "use service or container:name, then :ro if need be") {
            MountsSource(text: $0)
        }
        service.secrets = fields.list("secrets").compactMap { file($0, directory: "/run/secrets/") }
        service.configs = fields.list("configs").compactMap { file($0, directory: "/") }
    }

    private func mount(_ fields: Fields) -> Mount? {
        let text = fields.text("target") ?? ""
        let isDrive = text.dropFirst().hasPrefix(":/")
        let target = fields.value(
            "target",
            hint: isDrive
                ? "a volume whose name is one letter needs the long form: {type: volume, source: \(text.prefix(1)), …}"
                : "use an absolute path inside the container",
            Self.absolutePath
        )
        guard let target else {
            if fields.text("target") == nil {
                fields.diagnostics.error("\(fields.path) needs a target", at: fields.mark)
            }
            return nil
        }
        if target == "/" { fields.wrong("target", "can't be the root of the container") }
        guard let kind = mountKind(fields) else { return nil }
        return Mount(kind, target: target, isReadOnly: fields.flag("read_only") ?? false)
    }

    private func mountKind(_ fields: Fields) -> Mount.Kind? {
        let source = fields.text("source")
        switch fields.text("type") {
        case "bind":
            guard let source else {
                fields.diagnostics.error("\(fields.path): a bind mount needs a source", at: fields.mark)
                return nil
            }
            return .bind(source: source, bindOptions(fields.fields("bind")))
        case "volume": return .volume(key: source, volumeOptions(fields.fields("volume")))
        case "tmpfs":
            var options = Mount.TmpfsOptions()
            options.sizeBytes = fields.fields("tmpfs")?.bytes("size")
            options.mode = fields.fields("tmpfs")?.integer("mode", in: 0...0o7777).map(UInt32.init)
            return .tmpfs(options)
        case "image":
            guard let source else {
                fields.diagnostics.error("\(fields.path): an image mount needs a source", at: fields.mark)
                return nil
            }
            return .image(source: source, subpath: fields.fields("image").flatMap(subpath))
        case let type?: return .other(type: type, source: source)
        case nil:
            fields.diagnostics.error("\(fields.path) needs a type", at: fields.mark)
            return nil
        }
    }

    private func bindOptions(_ fields: Fields?) -> Mount.BindOptions {
        var options = Mount.BindOptions()
        guard let fields else { return options }
        options.propagation = fields.word("propagation", Mount.Propagation.self)
        options.createsHostPath = fields.flag("create_host_path") ?? false
        options.recursion = fields.value("recursive", hint: "use enabled, disabled, writable or readonly") {
            Mount.Recursion(rawValue: $0)
        }
        options.selinux = fields.text("selinux")
        return options
    }

    private func volumeOptions(_ fields: Fields?) -> Mount.VolumeOptions {
        var options = Mount.VolumeOptions()
        guard let fields else { return options }
        options.skipsCopy = fields.flag("nocopy") ?? false
        options.subpath = subpath(fields)
        options.labels = fields.pairs("labels")
        return options
    }

    private func subpath(_ fields: Fields) -> String? {
        fields.value("subpath", hint: "use a relative path without \"..\"") { text in
            let parts = text.split(separator: "/")
            return text.hasPrefix("/") || parts.contains("..") || text.utf8.contains(0) ? nil : text
        }
    }

    private func file(_ fields: Fields, directory: String) -> FileAttachment? {
        guard let source = fields.text("source") else {
            fields.diagnostics.error("\(fields.path) needs a source", at: fields.mark)
            return nil
        }
        let target = fields.text("target") ?? source
        if target.utf8.contains(0) { fields.wrong("target", "has a zero byte") }
        var file = FileAttachment(source: source, target: FilePath.absolute(target, in: directory))
        let hint = "use a number below 4294967295"
        func id(_ text: String) -> UInt32? { UInt32(text).flatMap { $0 < .max ? $0 : nil } }
        file.userID = fields.value("uid", hint: hint, id)
        file.groupID = fields.value("gid", hint: hint, id)
        file.mode = fields.value("mode", hint: "use an octal file mode such as 0440") { text in
            UInt32(text, radix: 8).flatMap { $0 <= 0o7777 ? $0 : nil }
        }
        return file
    }
}
