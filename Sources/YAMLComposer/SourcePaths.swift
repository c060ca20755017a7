/// Finds the way to a value, `services.web.ports[0]`, from the place it was written at.
///
/// Nothing is kept for this while a project is read: the text is read again when someone asks.
package struct SourcePaths {
    private var known: [ObjectIdentifier: [Place: String]] = [:]

    private struct Place: Hashable {
        var line: Int
        var column: Int
    }

    /// Knows no file yet.
    package init() {}

    /// The way to what stands at `mark`, under the name of the service that has it in the end; nil when nothing does.
    package mutating func path(of mark: SourceMark) -> String? {
        guard mark.file.kind == .yaml else { return nil }
        let file = mark.file.asRead
        let key = ObjectIdentifier(file)
        let places = known[key] ?? Self.places(in: file)
        known[key] = places
        return places[Place(line: mark.line, column: mark.column)].map { Self.path($0, at: mark) }
    }

    /// `path`, as the file of `mark` has it, under the name of the service that has the value in the end.
    package static func path(_ path: String, at mark: SourceMark) -> String {
        var path = path
        for case .extended(let service, let other, _) in mark.file.steps {
            if path == service || path.hasPrefix(service + ".") { path = other + path.dropFirst(service.count) }
        }
        return path
    }

    private static func places(in file: SourceFile) -> [Place: String] {
        // What can't be read is reported elsewhere, and has no paths.
        guard let documents = try? YAMLReader().documents(of: file) else { return [:] }
        var result: [Place: String] = [:]
        for document in documents { add(document, "", &result) }
        return result
    }

    /// A mapping starts where its first key does: the place is the key's.
    private static func add(_ node: YAMLNode, _ path: String, _ result: inout [Place: String]) {
        func put(_ mark: SourceMark, _ path: String) {
            if !path.isEmpty { result[Place(line: mark.line, column: mark.column)] = path }
        }
        put(node.mark, path)
        switch node.content {
        case .sequence(let elements):
            for (index, element) in elements.enumerated() { add(element, "\(path)[\(index)]", &result) }
        case .mapping(let mapping):
            for entry in mapping.entries {
                let inner = path.isEmpty ? entry.key : "\(path).\(entry.key)"
                add(entry.value, inner, &result)
                put(entry.keyMark, inner)
            }
        case .null, .bool, .int, .largeInt, .float, .string, .timestamp: break
        }
    }
}
