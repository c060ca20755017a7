import ComposeModel
import YAMLComposer

/// The files of a case, in memory.
struct CaseFiles: FileReader {
    let files: [String: [UInt8]]

    func contents(of path: String) -> [UInt8]? { path == "-" ? [] : files[path] }
    func isFile(_ path: String) -> Bool { files[path] != nil }
}

extension ConformanceCase {
    /// The options of `config` that take a value, or print something else than the project.
    private static let lists = ["--services", "--volumes", "--networks", "--images", "--profiles", "--variables"]

    /// Whether the answer is a list, which only the program itself prints.
    var isListing: Bool { expected == "text" || options.contains { Self.lists.contains($0) } }

    /// What the loader is asked for.
    var loadOptions: LoadOptions {
        var result = LoadOptions(environment: environment, workingDirectory: directory)
        result.services = services
        var rest = flags[...]
        while let flag = rest.popFirst() {
            let value = rest.popFirst() ?? ""
            switch flag {
            case "-f", "--file": result.files.append(value)
            case "-p", "--project-name": result.projectName = value
            case "--profile": result.profiles.append(value)
            case "--env-file": result.environmentFiles.append(value)
            case "--project-directory": result.projectDirectory = value
            default: break
            }
        }
        result.interpolates = !options.contains("--no-interpolate")
        result.normalises = !options.contains("--no-normalize")
        result.resolvesPaths = !options.contains("--no-path-resolution")
        result.checksConsistency = !options.contains("--no-consistency")
        result.resolvesEnvironment = !options.contains("--no-env-resolution")
        return result
    }

    /// What differs from the recorded answer; nil when nothing does.
    func difference() throws -> String? {
        let diagnostics = DiagnosticCollector()
        let loaded = Loader(loadOptions, reader: CaseFiles(files: files), diagnostics: diagnostics).load()
        guard let loaded else {
            return expected == "error" ? nil : "rejected: \(diagnostics.all.map(\.message).joined(separator: "; "))"
        }
        let format = options.firstIndex(of: "--format").map { options[$0 + 1] } ?? "yaml"
        guard ["json", "yaml"].contains(format) else { return expected == "error" ? nil : "an unknown format" }
        guard expected != "error" else { return "accepted" }
        let isJSON = expected == "json"
        let tree = ConfigTree(form: isJSON ? .json : .yaml, escapesDollars: loadOptions.interpolates)
            .tree(of: loaded.tree)
        let printed = Array((isJSON ? JSONPrinter.print(tree) : YAMLPrinter.print(tree)).utf8)
        return try Self.difference(between: Self.parsed(answer, isJSON), and: Self.parsed(printed, isJSON), at: "$")
    }

    private static func parsed(_ bytes: [UInt8], _ isJSON: Bool) throws -> YAMLNode {
        let file = SourceFile(name: "answer", bytes: bytes)
        if isJSON { return try JSONReader.read(file) }
        return try YAMLReader().documents(of: file).first
            ?? YAMLNode(.null, at: SourceMark(file: file, line: 1, column: 1))
    }

    /// The first place where two trees differ: the order of keys does not count, that of lists does.
    static func difference(between wanted: YAMLNode, and given: YAMLNode, at path: String) -> String? {
        switch (wanted.content, given.content) {
        case (.mapping(let first), .mapping(let second)):
            for key in Set(first.keys + second.keys).sorted() {
                guard let other = second[key] else { return "\(path).\(key): missing" }
                guard let one = first[key] else { return "\(path).\(key): unexpected \(JSONPrinter.print(other))" }
                if let found = difference(between: one, and: other, at: "\(path).\(key)") { return found }
            }
            return nil
        case (.sequence(let first), .sequence(let second)):
            for (index, pair) in zip(first, second).enumerated() {
                if let found = difference(between: pair.0, and: pair.1, at: "\(path)[\(index)]") { return found }
            }
            return first.count == second.count ? nil : "\(path): want \(first.count) elements, got \(second.count)"
        default:
            return isSame(wanted.content, given.content)
                ? nil : "\(path): want \(JSONPrinter.print(wanted)), got \(JSONPrinter.print(given))"
        }
    }

    private static func isSame(_ first: YAMLNode.Content, _ second: YAMLNode.Content) -> Bool {
        switch (first, second) {
        case (.null, .null): true
        case (.bool(let one), .bool(let other)): one == other
        case (.int(let one), .int(let other)): one == other
        case (.int(let one), .float(let other)), (.float(let other), .int(let one)): Double(one) == other
        case (.float(let one), .float(let other)): one == other || one.isNaN && other.isNaN
        case (.string(let one), .string(let other)): one == other
        case (.timestamp(let one), .timestamp(let other)): one == other
        default: false
        }
    }
}
