import ComposeModel
import Foundation
import Testing
import YAMLComposer

/// Projects that nobody wrote: whatever a file holds, loading it ends, and what is shown of it reads back.
struct FuzzTests {
    /// More of them, and others, by hand: `ROOST_FUZZ_COUNT` and `ROOST_FUZZ_SEED`.
    private static let count = number("ROOST_FUZZ_COUNT") ?? 4000
    private static let seed = UInt64(number("ROOST_FUZZ_SEED") ?? 1)

    @Test("a changed project is rejected, or what config prints reads back as the same project", arguments: 0..<4)
    func changedProjects(part: Int) throws {
        let cases = try CaseArchive.cases.get().filter { !$0.isListing && $0.expected != "text" }
        var mutation = Mutation(seed: Self.seed << 8 | UInt64(part))
        var accepted = 0
        for round in 0..<Self.count / 4 {
            let one = cases[mutation.index(below: cases.count)]
            let other = cases[mutation.index(below: cases.count)]
            let files = Self.changed(one, other, &mutation)
            try Self.keep(files, part)
            var options = one.loadOptions
            options.interpolates = mutation.index(below: 10) != 0
            if mutation.index(below: 8) == 0 { options.profiles = ["*"] }
            let found = try Self.problem(options, files)
            accepted += found.isAccepted ? 1 : 0
            guard let problem = found.text else { continue }
            let shown = files.sorted { $0.key < $1.key }.map {
                "\($0.key):\n\(String(decoding: $0.value, as: UTF8.self))"
            }
            Issue.record("\(one.name), part \(part), round \(round): \(problem)\n\(shown.joined(separator: "\n"))")
        }
        #expect(accepted > Self.count / 40, "changes that leave nothing to accept test little")
    }

    /// The files of `one` with one of them changed.
    private static func changed(
        _ one: ConformanceCase,
        _ other: ConformanceCase,
        _ mutation: inout Mutation
    ) -> [String: [UInt8]] {
        var files = one.files
        let names = files.keys.filter { $0.hasSuffix("ml") || $0.contains("env") }.sorted()
        guard !names.isEmpty else { return files }
        let name = names[mutation.index(below: names.count)]
        let donor = other.files.sorted { $0.key < $1.key }.first { $0.key.hasSuffix("ml") }?.value ?? []
        let source = SourceFile(name: "compose.yaml", bytes: files[name] ?? [])
        let giver = SourceFile(name: "compose.yaml", bytes: donor)
        if mutation.index(below: 3) > 0, name.hasSuffix("ml"),
            let tree = try? YAMLReader().documents(of: source).first,
            let gift = try? YAMLReader().documents(of: giver).first
        {
            files[name] = Array(YAMLPrinter.print(mutation.tree(tree, other: gift)).utf8)
        } else {
            files[name] = mutation.bytes(source.bytes, other: donor)
        }
        return files
    }

    /// Loads the project; if it is accepted, prints it and loads what was printed.
    private static func problem(
        _ options: LoadOptions,
        _ files: [String: [UInt8]]
    ) throws -> (isAccepted: Bool, text: String?) {
        let diagnostics = DiagnosticCollector()
        let loaded = Loader(options, reader: CaseFiles(files: files), diagnostics: diagnostics).load()
        guard DiagnosticRenderer().render(diagnostics.all).utf8.count < 1 << 20 else {
            return (false, "the report is too long")
        }
        guard let loaded else { return (false, diagnostics.hasErrors ? nil : "rejected without a reason") }
        // Only what was checked in full and resolved in full is meant to be read again.
        let isFull =
            options.interpolates && options.normalises && options.resolvesPaths && options.resolvesEnvironment
            && options.checksConsistency
        guard isFull else { return (true, nil) }
        let tree = withoutLostDependencies(loaded.tree)
        let text = printed(tree)
        var again = LoadOptions(
            environment: ["HOME": "/root", "COMPOSE_DISABLE_ENV_FILE": "1"],
            workingDirectory: loaded.directory
        )
        again.files = ["-"]
        again.profiles = ["*"]
        let complaints = DiagnosticCollector()
        let reader = PrintedProject(text: Array(text.utf8), files: files)
        guard let second = Loader(again, reader: reader, diagnostics: complaints).load() else {
            return (true, "its output is rejected: \(DiagnosticRenderer().render(complaints.all))\n\(text)")
        }
        let other = printed(second.tree)
        guard other == text else { return (true, "its output reads as another project:\n\(text)\nand:\n\(other)") }
        let projects = [tree, second.tree].map {
            Project(tree: ordered($0), directory: loaded.directory, diagnostics: DiagnosticCollector())
        }
        return (true, projects[0] == projects[1] ? nil : "its output means another project:\n\(text)")
    }

    /// The tree without optional dependencies on services that are off: `config` shows the ones, but not the others.
    private static func withoutLostDependencies(_ tree: YAMLNode) -> YAMLNode {
        var tree = tree
        let services = Set(tree["services"]?.mapping?.keys ?? [])
        tree.edit("services") { all in
            all.editEntries { _, service in
                service.edit("depends_on") { dependencies in
                    let known = dependencies.mapping?.compactMapValues { services.contains($0.key) ? $0.value : nil }
                    if let known { dependencies.content = .mapping(known) }
                }
            }
        }
        return tree
    }

    /// The tree with its keys in order: `config` prints them so.
    private static func ordered(_ node: YAMLNode) -> YAMLNode {
        if let elements = node.sequence { return node.with(.sequence(elements.map(ordered))) }
        guard let mapping = node.mapping else { return node }
        let entries = mapping.entries.sorted { $0.key < $1.key }
        return node.with(.mapping(YAMLMapping(entries).compactMapValues { ordered($0.value) }))
    }

    private static func printed(_ tree: YAMLNode) -> String {
        YAMLPrinter.print(ConfigTree(form: .yaml, escapesDollars: true).tree(of: tree))
    }

    private static func number(_ name: String) -> Int? { ProcessInfo.processInfo.environment[name].flatMap { Int($0) } }

    /// Leaves the files where `ROOST_FUZZ_KEEP` says, so that those of a crash can be looked at.
    private static func keep(_ files: [String: [UInt8]], _ part: Int) throws {
        guard let directory = ProcessInfo.processInfo.environment["ROOST_FUZZ_KEEP"] else { return }
        let text = files.sorted { $0.key < $1.key }.flatMap { Array("==== \($0.key)\n".utf8) + $0.value }
        try Data(text).write(to: URL(fileURLWithPath: "\(directory)/\(part)"))
    }
}

/// What was printed, as standard input, beside the files it came from.
private struct PrintedProject: FileReader {
    let text: [UInt8]
    let files: [String: [UInt8]]

    func contents(of path: String) -> [UInt8]? { path == "-" ? text : files[path] }
    func isFile(_ path: String) -> Bool { files[path] != nil }
}
