package import ImageStore
import LinuxSystem

/// Which registries are spoken to how: containers-registries.conf(5), version 2.
package struct RegistryConfiguration: Hashable, Sendable {
    /// A place where images of a registry are.
    package struct Location: Hashable, Sendable {
        /// Which references a mirror serves.
        package enum Use: String, Hashable, Sendable {
            case all
            case digestOnly = "digest-only"
            case tagOnly = "tag-only"
        }

        /// Host, port, and what stands before the names of images there.
        package var place: String
        /// Whether it may speak plain HTTP, or have a certificate that proves nothing.
        package var isInsecure = false
        package var use = Use.all

        package init(place: String, isInsecure: Bool = false, use: Use = .all) {
            self.place = place
            self.isInsecure = isInsecure
            self.use = use
        }
    }

    /// What is said about the images whose names begin with a prefix.
    package struct Registry: Hashable, Sendable {
        package var prefix: String
        package var location: Location
        package var isBlocked = false
        /// Asked one after the other before the registry itself.
        package var mirrors: [Location] = []
    }

    package var registries: [Registry] = []
    /// Hosts of which the command line or the environment says that they are insecure.
    package var insecureHosts: Set<String> = []

    /// Nothing but the defaults.
    package init() {}

    /// Reads the first file that is there: `$CONTAINERS_REGISTRIES_CONF`, `/etc/roost/registries.conf`,
    /// `/etc/containers/registries.conf`.
    ///
    /// `ROOST_INSECURE_REGISTRIES` names insecure hosts, with commas or spaces between.
    package static func reading(_ environment: [String: String]) throws(RegistryError) -> RegistryConfiguration {
        let named = environment["CONTAINERS_REGISTRIES_CONF"].flatMap { $0.isEmpty ? nil : $0 }
        let paths = named.map { [$0] } ?? ["/etc/roost/registries.conf", "/etc/containers/registries.conf"]
        var result = RegistryConfiguration()
        if let path = paths.first(where: fileExists) ?? named {
            let text: String
            do throws(SyscallError) { text = try readFile(path) } catch {
                throw RegistryError(.configuration, "read \(path): \(error)")
            }
            result = try RegistryConfiguration(text: text, path: path)
        }
        let hosts = environment["ROOST_INSECURE_REGISTRIES"]?.split { $0 == "," || $0 == " " } ?? []
        result.insecureHosts.formUnion(hosts.map(String.init))
        return result
    }

    /// Reads a file's text; throws `configuration`, which names the line.
    package init(text: String, path: String) throws(RegistryError) {
        for table in try SettingsText(text, path: path).tables {
            func wrong(_ reason: String) -> RegistryError {
                RegistryError(.configuration, "read \(path): line \(table.line): \(reason)")
            }
            switch table.name {
            case ["registry"]:
                let place = try table.text("location", path)
                guard let prefix = try table.text("prefix", path) ?? place, !prefix.isEmpty else {
                    throw wrong("a registry has neither prefix nor location")
                }
                guard place != nil || !prefix.hasPrefix("*") else {
                    throw wrong("a prefix that begins with * needs a location")
                }
                registries.append(
                    Registry(
                        prefix: prefix,
                        location: Location(
                            place: place ?? prefix,
                            isInsecure: try table.flag("insecure", path)
                        ),
                        isBlocked: try table.flag("blocked", path)
                    )
                )
            case ["registry", "mirror"]:
                guard !registries.isEmpty else { throw wrong("a mirror stands before any registry") }
                guard let place = try table.text("location", path), !place.isEmpty else {
                    throw wrong("a mirror has no location")
                }
                let word = try table.text("pull-from-mirror", path) ?? "all"
                guard let use = Location.Use(rawValue: word) else {
                    throw wrong("pull-from-mirror is none of all, digest-only and tag-only")
                }
                let isInsecure = try table.flag("insecure", path)
                registries[registries.count - 1].mirrors.append(
                    Location(place: place, isInsecure: isInsecure, use: use)
                )
            // Short names and credential helpers of others are settings for what Roost does not do.
            default: continue
            }
        }
    }

    /// Where to ask for an image, one after the other; the last is its registry.
    ///
    /// Throws `forbidden` when the registry is blocked.
    package func sources(of name: ImageName) throws(RegistryError) -> [ImageSource] {
        guard let registry = registry(of: name) else {
            return [ImageSource(host: name.domain, repository: name.repository, isInsecure: isInsecure(name.domain))]
        }
        guard !registry.isBlocked else {
            throw RegistryError(.forbidden, "image \(name): \(registry.prefix) is blocked by the registries' settings")
        }
        let mirrors = registry.mirrors.filter { mirror in
            switch mirror.use {
            case .all: true
            case .digestOnly: name.digest != nil
            case .tagOnly: name.digest == nil
            }
        }
        return (mirrors + [registry.location]).compactMap { source($0, registry, name) }
    }

    /// Where an image is sent: to its registry, never to a mirror.
    package func target(of name: ImageName) throws(RegistryError) -> ImageSource {
        guard let source = try sources(of: name).last else {
            throw RegistryError(.configuration, "image \(name): there is nowhere to send it")
        }
        return source
    }

    /// The registry with the longest prefix of a name.
    private func registry(of name: ImageName) -> Registry? {
        let full = "\(name.domain)/\(name.repository)"
        return registries.filter { registry in
            if registry.prefix.hasPrefix("*.") { return name.domain.hasSuffix(registry.prefix.dropFirst()) }
            return full == registry.prefix || full.hasPrefix(registry.prefix + "/")
        }.max { $0.prefix.utf8.count < $1.prefix.utf8.count }
    }

    private func source(_ location: Location, _ registry: Registry, _ name: ImageName) -> ImageSource? {
        let full = "\(name.domain)/\(name.repository)"
        let rest =
            registry.prefix.hasPrefix("*.") ? "/" + name.repository : String(full.dropFirst(registry.prefix.count))
        let whole = location.place + rest
        guard let slash = whole.firstIndex(of: "/") else { return nil }
        let host = String(whole[..<slash])
        return ImageSource(
            host: host,
            repository: String(whole[whole.index(after: slash)...]),
            isInsecure: location.isInsecure || isInsecure(host)
        )
    }

    /// Whether settings or the command line call a host insecure.
    package func isInsecure(_ host: String) -> Bool {
        insecureHosts.contains(host)
            || registries.contains { $0.location.isInsecure && $0.location.place == host && $0.prefix == host }
    }
}

/// A repository of a registry, or of a mirror.
package struct ImageSource: Hashable, Sendable, CustomStringConvertible {
    /// The host, with a port where it has one, as names of images have it.
    package var host: String
    package var repository: String
    /// Whether it may speak plain HTTP, or have a certificate that proves nothing.
    package var isInsecure: Bool

    package init(host: String, repository: String, isInsecure: Bool = false) {
        self.host = host
        self.repository = repository
        self.isInsecure = isInsecure
    }

    package var description: String { "\(host)/\(repository)" }
}
