package import YAMLComposer

/// Where the parts of a project were written, for messages of a process that has only the values.
///
/// A path is `services.web`, `services.web.image`, `services.web.ports[0]` or `networks.back`.
package struct SourcePositions: Codable, Hashable, Sendable {
    /// `file:line:column` by path.
    private var places: [String: String] = [:]

    /// The attributes of a service that have a place of their own, and whether each of their elements has one.
    private static let attributes: [String: Bool] = [
        "image": false, "build": false, "network_mode": false, "command": false, "entrypoint": false, "user": false,
        "working_dir": false, "healthcheck": false, "platform": false, "ports": true, "volumes": true, "tmpfs": true,
        "networks": true, "devices": true, "secrets": true, "configs": true, "depends_on": true, "sysctls": true,
        "deploy": false, "container_name": false, "mac_address": false, "security_opt": true, "extra_hosts": true,
    ]

    /// The places of the parts of a canonical tree.
    package init(tree: YAMLNode) {
        for kind in ["services", "networks", "volumes", "secrets", "configs"] {
            for entry in tree[kind]?.mapping?.entries ?? [] {
                let path = "\(kind).\(entry.key)"
                places[path] = entry.keyMark.location.description
                if kind == "services" { addAttributes(of: entry.value, path) }
            }
        }
    }

    /// The place of what `path` names, or of the nearest thing around it that has one.
    package subscript(path: String) -> String? {
        var path = path
        while true {
            if let place = places[path] { return place }
            guard let cut = path.lastIndex(where: { $0 == "." || $0 == "[" }) else { return nil }
            path = String(path[..<cut])
        }
    }

    private mutating func addAttributes(of service: YAMLNode, _ path: String) {
        for entry in service.mapping?.entries ?? [] {
            guard let hasElements = Self.attributes[entry.key] else { continue }
            let path = "\(path).\(entry.key)"
            let elements = hasElements ? entry.value.sequence : nil
            let named = hasElements ? entry.value.mapping : nil
            places[path] = (elements == nil && named == nil ? entry.value.mark : entry.keyMark).location.description
            for (index, element) in (elements ?? []).enumerated() {
                places["\(path)[\(index)]"] = element.mark.location.description
            }
            for element in named?.entries ?? [] {
                places["\(path).\(element.key)"] = element.keyMark.location.description
            }
        }
    }
}
