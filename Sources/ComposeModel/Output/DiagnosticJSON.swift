package import YAMLComposer

/// Writes diagnostics for programs: one JSON object a line.
///
/// An object has `severity`, `file`, `line`, `column`, `endColumn`, `path`, `message`, `hint` and `notes`; what is not
/// known is null. Lines and columns count from 1, columns in characters; `endColumn` is the one behind the value.
package struct DiagnosticJSON: Sendable {
    /// A writer.
    package init() {}

    /// The lines of `diagnostics`, each ended by a line break.
    package func render(_ diagnostics: [Diagnostic]) -> String {
        var paths = SourcePaths()
        return diagnostics.map { diagnostic in
            let mark = diagnostic.mark
            let told = diagnostic.path.map { path in mark.map { SourcePaths.path(path, at: $0) } ?? path }
            let path = told ?? mark.flatMap { paths.path(of: $0) }
            let members =
                ["\"severity\":\"\(diagnostic.severity.rawValue)\""] + Self.place(mark, hasEnd: true) + [
                    "\"path\":" + Self.text(path), "\"message\":" + Self.text(diagnostic.message),
                    "\"hint\":" + Self.text(diagnostic.hint),
                    "\"notes\":[" + diagnostic.allNotes.map(Self.note).joined(separator: ",") + "]",
                ]
            return "{" + members.joined(separator: ",") + "}\n"
        }.joined()
    }

    private static func note(_ note: Diagnostic.Note) -> String {
        "{" + (["\"message\":" + text(note.message)] + place(note.mark, hasEnd: false)).joined(separator: ",") + "}"
    }

    private static func place(_ mark: SourceMark?, hasEnd: Bool) -> [String] {
        func number(_ value: Int?) -> String { value.map(String.init) ?? "null" }
        return [
            "\"file\":" + text(mark?.file.name), "\"line\":" + number(mark?.line),
            "\"column\":" + number(mark?.column),
        ] + (hasEnd ? ["\"endColumn\":" + number(mark?.endColumn)] : [])
    }

    private static func text(_ text: String?) -> String { text.map(JSONPrinter.quoted) ?? "null" }
}
