import Crypto
package import YAMLComposer

/// What a service's containers are made from, in one number: containers of another number are replaced.
package struct ServiceDigest: Hashable, Sendable, CustomStringConvertible {
    /// What the digest is of, as JSON; kept to say later what changed.
    package let form: String
    /// The SHA-256 of the form in hexadecimal: 64 characters.
    package let description: String

    /// Grows when the form changes its meaning, so that a digest is never compared with one of another kind.
    private static let version = 1

    /// The digest of the service `name` of a canonical tree; nil when there is none of that name.
    ///
    /// `contents` has the digests of what secrets and configs hold, by `secrets.key` and `configs.key`; one that is
    /// missing counts as what its definition says.
    package init?(of name: String, in tree: YAMLNode, contents: [String: String] = [:]) {
        guard let service = tree["services"]?[name] else { return nil }
        let form = JSONPrinter.print(Self.form(service, tree, contents))
        var hash = SHA256()
        hash.update(data: Array(form.utf8))
        self.form = form
        description = hash.finalize().map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// What no container is made from.
    private static let ignored: Set<String> = [
        "attach", "build", "depends_on", "develop", "profiles", "pull_policy", "pull_refresh_after", "scale",
    ]
    /// What of `deploy` a container is made from.
    private static let deployed: Set<String> = ["resources", "restart_policy"]

    private static func form(_ service: YAMLNode, _ tree: YAMLNode, _ contents: [String: String]) -> YAMLNode {
        var own = service
        for key in service.mapping?.keys ?? [] where ignored.contains(key) || key.hasPrefix("x-") { own.remove(key) }
        own.edit("deploy") { deploy in
            for key in deploy.mapping?.keys ?? [] where !deployed.contains(key) { deploy.remove(key) }
        }
        own = own.plain ?? own.with(.mapping(.init()))
        // Joining a network says something even without wishes.
        let joined = service["networks"]?.mapping?.keys ?? []
        if !joined.isEmpty {
            let wishes = joined.map {
                ($0, (service["networks"]?[$0]?.plain ?? service.with(.mapping(.init()))).content)
            }
            own.set("networks", record(wishes, at: service).content)
        }
        let mounted = (service["volumes"]?.sequence ?? []).compactMap { mount in
            mount["type"]?.string == "volume" ? mount["source"]?.string : nil
        }
        let files = ["secrets", "configs"].flatMap { kind in
            (service[kind]?.sequence ?? []).compactMap { $0["source"]?.string }.map { key in
                let known = contents["\(kind).\(key)"].map(YAMLNode.Content.string)
                return ("\(kind).\(key)", known ?? tree[kind]?[key]?.plain?.content ?? .null)
            }
        }
        func definitions(_ kind: String, _ keys: [String]) -> YAMLNode.Content {
            let known = keys.map { key in
                var definition = tree[kind]?[key] ?? YAMLNode(.null, at: service.mark)
                for inner in definition.mapping?.keys ?? [] where inner.hasPrefix("x-") { definition.remove(inner) }
                return (key, definition.plain?.content ?? .null)
            }
            return record(known, at: service).content
        }
        return record(
            [
                ("version", .int(version)), ("service", own.content),
                ("networks", definitions("networks", joined)), ("volumes", definitions("volumes", mounted)),
                ("contents", record(files, at: service).content),
            ],
            at: service
        ).ordered
    }

    private static func record(_ entries: [(String, YAMLNode.Content)], at node: YAMLNode) -> YAMLNode {
        let all = entries.map { YAMLMapping.Entry(key: $0.0, keyMark: node.mark, value: YAMLNode($0.1, at: node.mark)) }
        return YAMLNode(.mapping(YAMLMapping(all)), at: node.mark)
    }

    /// The attributes in which two forms differ, in order: `image`, `environment.DEBUG`, and for what the service
    /// uses `network back: internal`, `volume data: driver`, `content of secrets.token`; nil when one is unreadable.
    package static func changedFields(from old: String, to new: String) -> [String]? {
        guard let old = read(old), let new = read(new) else { return nil }
        var fields = difference(old["service"], new["service"], "")
        for (kind, word) in [("networks", "network"), ("volumes", "volume")] {
            let (before, after) = (old[kind]?.mapping, new[kind]?.mapping)
            // One that is new or gone is a change of the service already.
            for key in before?.keys ?? [] where after?[key] != nil {
                fields += difference(before?[key], after?[key], "").map { "\(word) \(key): \($0)" }
            }
        }
        let (before, after) = (old["contents"]?.mapping, new["contents"]?.mapping)
        for key in before?.keys ?? [] {
            guard let one = before?[key], let other = after?[key] else { continue }
            if JSONPrinter.print(one) != JSONPrinter.print(other) { fields.append("content of \(key)") }
        }
        return fields
    }

    private static func read(_ form: String) -> YAMLNode? {
        // Why the text can't be read is of no use: nobody but this type writes it.
        let record = try? JSONReader.read(SourceFile(name: "service", bytes: Array(form.utf8)))
        guard let node = record, node["version"]?.int == version, node["service"]?.mapping != nil else {
            return nil
        }
        return node
    }

    /// Lists and single values count as a whole.
    private static func difference(_ old: YAMLNode?, _ new: YAMLNode?, _ path: String) -> [String] {
        let (before, after) = (old?.mapping, new?.mapping)
        let areMappings = before != nil && after != nil
        // Of an attribute that is new or gone, such as `environment`, the entries are named.
        let isOneMapping = !path.contains(".") && (before != nil && new == nil || after != nil && old == nil)
        if areMappings || isOneMapping {
            let keys = Set((before?.keys ?? []) + (after?.keys ?? [])).sorted()
            return keys.flatMap { difference(before?[$0], after?[$0], path.isEmpty ? $0 : "\(path).\($0)") }
        }
        let texts = (old.map(JSONPrinter.print), new.map(JSONPrinter.print))
        return texts.0 == texts.1 ? [] : [path]
    }
}

extension YAMLNode {
    /// The value without entries that are null or empty mappings; nil when nothing is left of it.
    fileprivate var plain: YAMLNode? {
        switch content {
        case .null: return nil
        case .mapping(let mapping):
            let kept = mapping.compactMapValues { $0.value.plain }
            return kept.isEmpty ? nil : with(.mapping(kept))
        case .sequence(let elements): return with(.sequence(elements.map { $0.plain ?? $0 }))
        case .bool, .int, .largeInt, .float, .string, .timestamp: return self
        }
    }

    /// The value with the keys of all mappings in order.
    fileprivate var ordered: YAMLNode {
        switch content {
        case .mapping(let mapping):
            let entries = mapping.entries.map {
                YAMLMapping.Entry(key: $0.key, keyMark: $0.keyMark, value: $0.value.ordered)
            }
            return with(.mapping(YAMLMapping(entries.sorted { $0.key < $1.key })))
        case .sequence(let elements): return with(.sequence(elements.map(\.ordered)))
        case .null, .bool, .int, .largeInt, .float, .string, .timestamp: return self
        }
    }
}
