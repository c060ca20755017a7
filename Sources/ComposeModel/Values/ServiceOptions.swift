package import YAMLComposer

/// What options of commands say of a service in the short forms of Compose files.
package struct ServiceOptions {
    /// Ports, in canonical form.
    package let ports: [YAMLNode]
    /// Mounts, in canonical form, with absolute paths.
    package let mounts: [YAMLNode]

    /// Reads `[[address:]published:]target[/protocol]` and `[source:]target[:options]`; mistakes go to `diagnostics`.
    ///
    /// Relative paths start at `directory`, and `~` is `home`.
    package init(
        ports: [String],
        mounts: [String],
        directory: String,
        home: String?,
        diagnostics: DiagnosticCollector
    ) {
        let source = SourceFile(name: "the command line", bytes: [])
        let mark = SourceMark(file: source, line: 1, column: 1)
        func list(_ texts: [String]) -> YAMLNode {
            YAMLNode(.sequence(texts.map { YAMLNode(.string($0), at: mark) }), at: mark)
        }
        var service = YAMLNode(.mapping(YAMLMapping()), at: mark)
        service.set("ports", list(ports).content)
        service.set("volumes", list(mounts).content)
        let canonical =
            Canonicalisation(diagnostics: diagnostics).apply(service, .object(Schema.service), "") ?? service
        let resolved = PathResolution(directory: directory, home: home).service(canonical)
        self.ports = resolved["ports"]?.sequence ?? []
        self.mounts = resolved["volumes"]?.sequence ?? []
    }
}

extension Dotenv {
    /// The variables of the file at `path`, as options of commands name it; nil when it can't be read.
    static func read(
        _ path: String,
        reader: some FileReader,
        lookup: @escaping (String) -> String?,
        diagnostics: DiagnosticCollector
    ) -> [(name: String, value: String)]? {
        guard let bytes = reader.contents(of: path) else { return nil }
        return Dotenv(lookup: lookup, diagnostics: diagnostics).variables(of: SourceFile(name: path, bytes: bytes))
            .map { ($0.name, $0.value) }
    }
}

/// The variables of environment files that options of commands name, a later file over an earlier one.
///
/// A file that can't be read is a mistake.
package func variables(
    ofFiles paths: [String],
    lookup: @escaping (String) -> String?,
    diagnostics: DiagnosticCollector
) -> [(name: String, value: String)] {
    paths.flatMap { path -> [(name: String, value: String)] in
        if let found = Dotenv.read(path, reader: DiskFileReader(), lookup: lookup, diagnostics: diagnostics) {
            return found
        }
        diagnostics.error("there is no environment file \(path)", at: nil)
        return []
    }
}
