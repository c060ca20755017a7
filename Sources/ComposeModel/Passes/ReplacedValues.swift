import YAMLComposer

/// Takes values out of services of another file that are wrong, and that services which extend them replace.
///
/// Compose never looks at such a value. One that is right stays, so that it is known what was replaced.
struct ReplacedValues {
    /// What the services say that extend those of the file, directly or not.
    let covers: [YAMLMapping]
    let isRaw: Bool

    /// The file without these values.
    func removed(from document: YAMLNode) -> YAMLNode {
        var document = document
        var covers = covers
        document.edit("services") { services in
            // Each of them extends the next one.
            services.editEntries { _, service in
                for cover in covers {
                    service = removed(service, below: service.with(.mapping(cover)), .object(Schema.service)) ?? service
                }
                if let own = service.mapping { covers.append(own) }
            }
        }
        return document
    }

    /// The value without what `cover` replaces and nobody can read; nil when nothing is left of it.
    private func removed(_ node: YAMLNode, below cover: YAMLNode, _ shape: Shape) -> YAMLNode? {
        guard node.directive == nil else { return node }
        switch shape {
        case .scalar(let scalar):
            guard node.scalarText != nil, cover.scalarText != nil else { return node }
            return isRight(node, scalar) ? node : nil
        case .object(let object): return removed(node, below: cover) { object.attributes[$0] }
        case .map(let inner): return removed(node, below: cover) { _ in inner }
        case .any, .list, .shorthand: return node
        }
    }

    private func removed(_ node: YAMLNode, below cover: YAMLNode, _ shape: (String) -> Shape?) -> YAMLNode {
        guard let own = node.mapping, let other = cover.mapping else { return node }
        var result = own
        for entry in other.entries {
            guard let value = own[entry.key], let inner = shape(entry.key) else { continue }
            result[entry.key] = removed(value, below: entry.value, inner)
        }
        return node.with(.mapping(result))
    }

    /// Whether a value can be read; text that is to become a number has to, whoever replaces it.
    private func isRight(_ node: YAMLNode, _ scalar: Scalar) -> Bool {
        guard let kind = node.valueKind, scalar.accepts.contains(kind) else { return false }
        switch scalar.reading {
        case .boolean, .integer, .literalInteger, .count, .decimal: return true
        case .text, .emptiableText, .wholeText, .bytes, .duration, .fileMode: break
        }
        let silent = DiagnosticCollector()
        _ = Canonicalisation(diagnostics: silent, isRaw: isRaw).apply(node, .scalar(scalar), "")
        return !silent.hasErrors
    }
}
