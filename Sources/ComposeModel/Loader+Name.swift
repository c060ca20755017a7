import YAMLComposer

extension Loader {
    /// The project's name alone, without loading the project; nil when there is none: the collector says why.
    ///
    /// A name from the command line or from the process's own variables needs no file at all, and a file is parsed only
    /// when it may hold one.
    package func name() -> ProjectName? {
        if let given = options.projectName, !given.isEmpty { return explicit(given.lowercased()) }
        if let given = options.environment["COMPOSE_PROJECT_NAME"], !given.isEmpty { return explicit(given) }
        var environment = options.environment
        guard let located = locate(&environment) else { return nil }
        if let given = environment["COMPOSE_PROJECT_NAME"], !given.isEmpty { return explicit(given) }
        var files = FileLoader(options: options, reader: reader, diagnostics: diagnostics)
        var sources: [YAMLNode] = []
        for path in located.paths {
            // Standard input can be read only once.
            let bytes = path == "-" ? nil : reader.contents(of: path)
            if bytes.map({ NameSearch.mayHold($0) }) ?? true { sources += files.documents(path) }
        }
        guard !diagnostics.hasErrors else { return nil }
        return projectName(sources, located, environment)
    }

    private func explicit(_ name: String) -> ProjectName? {
        if let name = ProjectName(name) { return name }
        diagnostics.error(
            "\"\(name)\" is no project name",
            at: nil,
            hint: "use lower case letters, digits, \"-\" and \"_\", starting with a letter or digit"
        )
        return nil
    }
}

/// Looks for a top-level `name` without parsing.
private enum NameSearch {
    /// Whether the text of a file may have a key `name`: the word stands by itself, or an escape may hide it.
    static func mayHold(_ bytes: [UInt8]) -> Bool {
        let word = Array("name".utf8)
        var place = 0
        while let start = bytes[place...].firstIndex(where: { $0 == word[0] || $0 == UInt8(ascii: "\\") }) {
            place = start + 1
            if bytes[start] == UInt8(ascii: "\\") {
                if let next = bytes[place...].first, "xuU\n\r".utf8.contains(next) { return true }
            } else if bytes[start...].starts(with: word) {
                let before = start == 0 ? nil : bytes[start - 1]
                let after = bytes[start...].dropFirst(word.count).first
                if !isWord(before) && !isWord(after) { return true }
            }
        }
        return false
    }

    private static func isWord(_ byte: UInt8?) -> Bool {
        guard let byte else { return false }
        return switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"): true
        default: false
        }
    }
}
