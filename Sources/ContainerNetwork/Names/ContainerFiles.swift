package import LinuxSystem

/// The host's /etc/resolv.conf as far as it matters here: resolv.conf(5).
package struct ResolverConfiguration: Hashable, Sendable {
    /// The servers, at most three, as the C library reads them.
    package var servers: [IPAddress]
    /// The search domains.
    package var search: [String]
    /// The options.
    package var options: [String]

    /// Describes a configuration.
    package init(servers: [IPAddress] = [], search: [String] = [], options: [String] = []) {
        self.servers = servers
        self.search = search
        self.options = options
    }

    /// Reads a file; lines that make no sense are passed over, as the C library does.
    package init(parsing text: String) {
        self.init()
        for line in text.split(separator: "\n").prefix(1000) {
            let words = line.split { $0 == " " || $0 == "\t" }
            guard let keyword = words.first else { continue }
            let values = words.dropFirst().map(String.init)
            switch keyword {
            case "nameserver":
                // A zone ("fe80::1%eth0") names an interface, which upstream queries then leave by anyway.
                if servers.count < 3, let first = values.first, let address = IPAddress(first) {
                    servers.append(address)
                }
            case "search", "domain": search = values
            case "options": options += values
            default: break
            }
        }
    }

    /// The /etc/resolv.conf of a container whose names we resolve.
    ///
    /// `ndots:0`, as single labels are names of this project first; options given for the service come instead.
    package static func containerFile(search: [String], options: [String]) -> String {
        let given = options.contains { $0.hasPrefix("ndots:") } ? options : options + ["ndots:0"]
        var lines = ["nameserver 127.0.0.11"]
        if !search.isEmpty && search != ["."] { lines.append("search \(search.joined(separator: " "))") }
        lines.append("options \(given.joined(separator: " "))")
        return lines.map { "\($0)\n" }.joined()
    }

    /// This configuration as a file, for containers that share the host's network.
    package var file: String {
        var lines = servers.map { "nameserver \($0)" }
        if !search.isEmpty { lines.append("search \(search.joined(separator: " "))") }
        if !options.isEmpty { lines.append("options \(options.joined(separator: " "))") }
        return lines.map { "\($0)\n" }.joined()
    }
}

/// The /etc/hosts of a container: hosts(5).
package struct HostsFile: Hashable, Sendable {
    /// One entry of `extra_hosts`.
    package struct Extra: Hashable, Sendable {
        /// The name.
        package var name: String
        /// An address, or "host-gateway".
        package var address: String

        /// Describes an entry.
        package init(_ name: String, _ address: String) {
            self.name = name
            self.address = address
        }
    }

    /// The container's own host name, with its domain name if it has one.
    package var hostname: String
    /// Its own addresses.
    package var addresses: [IPAddress]
    /// `extra_hosts`: names and what they lead to.
    package var extra: [Extra]
    /// What `host-gateway` stands for: the host's addresses on the container's first network.
    package var hostGateway: [IPAddress]

    /// Describes a file.
    package init(
        hostname: String,
        addresses: [IPAddress],
        extra: [Extra] = [],
        hostGateway: [IPAddress] = []
    ) {
        self.hostname = hostname
        self.addresses = addresses
        self.extra = extra
        self.hostGateway = hostGateway
    }

    /// The file.
    ///
    /// Throws `.invalidAddress` for an extra host whose address is none, and where `host-gateway` has no meaning.
    package func text() throws(NetworkError) -> String {
        try Self.check(hostname)
        var lines = [
            "127.0.0.1\tlocalhost", "::1\tlocalhost ip6-localhost ip6-loopback", "fe00::\tip6-localnet",
            "ff00::\tip6-mcastprefix", "ff02::1\tip6-allnodes", "ff02::2\tip6-allrouters",
        ]
        for entry in extra {
            for address in try targets(of: entry) { lines.append("\(address)\t\(entry.name)") }
        }
        let short = hostname.split(separator: ".").first.map(String.init) ?? hostname
        let names = short == hostname ? hostname : "\(hostname) \(short)"
        lines += addresses.map { "\($0)\t\(names)" }
        return lines.map { "\($0)\n" }.joined()
    }

    private func targets(of entry: Extra) throws(NetworkError) -> [IPAddress] {
        try Self.check(entry.name)
        if entry.address == "host-gateway" {
            guard !hostGateway.isEmpty else {
                throw NetworkError(
                    .invalidAddress,
                    "extra host \(entry.name): host-gateway has no meaning without a network; give an address"
                )
            }
            return hostGateway
        }
        // Compose allows brackets around version 6 addresses.
        let bare = entry.address.hasPrefix("[") ? String(entry.address.dropFirst().dropLast()) : entry.address
        guard let address = IPAddress(bare) else {
            throw NetworkError(.invalidAddress, "extra host \(entry.name): \"\(entry.address)\" is not an address")
        }
        return [address]
    }

    /// A line of the file must not become two, nor a comment.
    private static func check(_ name: String) throws(NetworkError) {
        guard !name.isEmpty, name.utf8.allSatisfy({ (0x21...0x7e).contains($0) && $0 != 0x23 }) else {
            throw NetworkError(.malformedName, "\"\(name.filter { !$0.isNewline })\" is not a host name")
        }
    }
}
