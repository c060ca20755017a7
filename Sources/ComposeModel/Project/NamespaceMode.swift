/// Whose namespace a service uses.
package enum NamespaceMode: Hashable, Sendable {
    /// Its own.
    case own
    /// The host's.
    case host
    /// That of another service.
    case service(String)
    /// That of a container of someone else.
    case container(String)

    /// Reads `host`, `private`, `service:name` or `container:name`.
    init?(text: String) {
        switch text {
        case "private": self = .own
        case "host": self = .host
        default:
            guard let shared = Self.shared(text) else { return nil }
            self = shared
        }
    }

    /// Reads `service:name` and `container:name`.
    static func shared(_ text: String) -> NamespaceMode? {
        for (prefix, make) in [("service:", Self.service), ("container:", Self.container)] {
            if text.hasPrefix(prefix), text.utf8.count > prefix.utf8.count {
                return make(String(text.dropFirst(prefix.count)))
            }
        }
        return nil
    }
}

/// Whose shared memory a service uses.
package enum IPCMode: Hashable, Sendable {
    /// Its own, for itself.
    case `private`
    /// Its own, which others may use.
    case shareable
    /// The host's.
    case host
    /// Its own, without /dev/shm.
    case none
    /// That of another service.
    case service(String)
    /// That of a container of someone else.
    case container(String)

    /// Reads the word of `ipc`.
    init?(text: String) {
        switch (text, NamespaceMode.shared(text)) {
        case ("private", _): self = .private
        case ("shareable", _): self = .shareable
        case ("host", _): self = .host
        case ("none", _): self = .none
        case (_, .service(let name)): self = .service(name)
        case (_, .container(let name)): self = .container(name)
        default: return nil
        }
    }
}

/// The network a service has instead of joining some.
package enum NetworkMode: Hashable, Sendable {
    /// None but the loopback interface.
    case none
    /// The host's.
    case host
    /// The bridge that is there without any project.
    case bridge
    /// That of another service.
    case service(String)
    /// That of a container of someone else.
    case container(String)

    /// Reads the word of `network_mode`.
    init?(text: String) {
        switch (text, NamespaceMode.shared(text)) {
        case ("none", _): self = .none
        case ("host", _): self = .host
        case ("bridge", _), ("default", _): self = .bridge
        case (_, .service(let name)): self = .service(name)
        case (_, .container(let name)): self = .container(name)
        default: return nil
        }
    }
}
