import ComposeModel
import Testing
import YAMLComposer

import class Foundation.FileManager
import class Foundation.ProcessInfo

/// Loads the projects of a collection of conformance cases; `ROOST_CONFORMANCE` names its directory.
@Suite(.enabled(if: directory != nil, "ROOST_CONFORMANCE names no collection"))
struct ConformanceTests {
    @Test("every accepted project is decoded, or refused with a message, and survives JSON")
    func acceptedProjects() throws {
        let root = try #require(directory) + "/cases"
        var messages: [String: Int] = [:]
        var count = (decoded: 0, refused: 0)
        for name in try FileManager.default.contentsOfDirectory(atPath: root).sorted() {
            guard let tree = try canonicalTree("\(root)/\(name)") else { continue }
            let diagnostics = DiagnosticCollector()
            if let project = Project(tree: tree, directory: "/app", diagnostics: diagnostics) {
                count.decoded += 1
                #expect(reread(tree) == project, "\(name)")
            } else {
                count.refused += 1
                #expect(diagnostics.hasErrors, "\(name)")
                for one in diagnostics.all { messages["\(name): \(one.message)", default: 0] += 1 }
            }
        }
        print("decoded \(count.decoded), refused \(count.refused)")
        for message in messages.keys.sorted() { print("  \(message)") }
        #expect(count.decoded > 0)
    }

    private func canonicalTree(_ path: String) throws -> YAMLNode? {
        guard let bytes = DiskFileReader().contents(of: path + "/case.json") else { return nil }
        let about = try YAMLReader().documents(of: SourceFile(name: "case.json", bytes: bytes))[0]
        func texts(_ key: String) -> [String] { about[key]?.sequence?.compactMap(\.scalarText) ?? [] }
        var environment = ["HOME": "/root"]
        for entry in about["env"]?.mapping?.entries ?? [] { environment[entry.key] = entry.value.scalarText }
        let cwd = about["cwd"]?.string.map { ["", "."].contains($0) ? "" : "/" + $0 } ?? ""
        var options = LoadOptions(environment: environment, workingDirectory: path + "/input" + cwd)
        options.services = texts("services")
        var flags = texts("flags")[...]
        while let flag = flags.popFirst() {
            switch flag {
            case "-f", "--file": options.files.append(flags.popFirst() ?? "")
            case "-p", "--project-name": options.projectName = flags.popFirst()
            case "--profile": options.profiles.append(flags.popFirst() ?? "")
            case "--env-file": options.environmentFiles.append(flags.popFirst() ?? "")
            case "--project-directory": options.projectDirectory = flags.popFirst()
            default: break
            }
        }
        options.checksConsistency = !texts("opts").contains("--no-consistency")
        options.interpolates = !texts("opts").contains("--no-interpolate")
        return Loader(options, reader: DiskFileReader(), diagnostics: DiagnosticCollector()).load()?.tree
    }
}

private let directory = ProcessInfo.processInfo.environment["ROOST_CONFORMANCE"]
