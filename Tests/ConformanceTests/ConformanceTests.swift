import ComposeModel
import Foundation
import Testing
import YAMLComposer

/// What docker compose answers for thousands of projects, and what we answer.
struct ConformanceTests {
    /// Cases whose recorded answer we don't want, with the reason.
    static let deviations = [
        "cg-loader-xservice": "a network may have a name that starts with \"x-\"",
        "cgn-reset-resetcycle-4": "an alias may stand beside its anchor, whatever the names of the services",
        "own-bytes-mem-limit-1e9": "a limit written as 1e9 is a limit, and not silently left out",
        "own-envfile-no-env-resolution": "--no-env-resolution leaves environment files unread, as later versions do",
        "own-yaml-yaml-directive": "a file may say that it is YAML 1.2",
    ]

    private static let parts = 8

    @Test("what config prints is what docker compose prints", arguments: 0..<parts)
    func projects(part: Int) throws {
        let cases = try CaseArchive.cases.get()
        #expect(cases.count > 2000)
        for (index, one) in cases.enumerated() where index % Self.parts == part && !one.isListing {
            let found = try one.difference()
            if Self.deviations[one.name] == nil {
                #expect(found == nil, "\(one.name)")
            } else {
                #expect(found != nil, "\(one.name) is listed as a deviation and is none")
            }
        }
    }

    @Test("every deviation is about a case that there is")
    func deviations() throws {
        let names = Set(try CaseArchive.cases.get().map(\.name))
        #expect(Self.deviations.keys.filter { !names.contains($0) } == [])
    }

    @Test("an accepted project can be run or is refused with a reason, and survives JSON", arguments: 0..<parts)
    func typedProjects(part: Int) throws {
        for (index, one) in try CaseArchive.cases.get().enumerated() where index % Self.parts == part {
            guard one.expected == "json", one.loadOptions.interpolates else { continue }
            let reader = CaseFiles(files: one.files)
            guard let tree = Loader(one.loadOptions, reader: reader, diagnostics: DiagnosticCollector()).load()?.tree
            else { continue }
            let diagnostics = DiagnosticCollector()
            guard let project = Project(tree: tree, directory: one.directory, diagnostics: diagnostics) else {
                #expect(diagnostics.hasErrors, "\(one.name)")
                continue
            }
            let file = SourceFile(name: "project.json", bytes: Array(JSONPrinter.print(tree).utf8))
            let again = Project(
                tree: try JSONReader.read(file),
                directory: one.directory,
                diagnostics: DiagnosticCollector()
            )
            #expect(again == project, "\(one.name)")
        }
    }

    @Test("the lists that config prints are those of docker compose")
    func lists() throws {
        let root = FileManager.default.temporaryDirectory.appendingPathComponent("roost-conformance-\(getpid())").path
        defer { try? FileManager.default.removeItem(atPath: root) }
        for one in try CaseArchive.cases.get() where one.isListing {
            let found = try one.listingDifference(below: root)
            #expect(found == nil, "\(one.name)")
        }
    }
}

extension ConformanceCase {
    /// What differs between the recorded list and the one that the program prints; the order of lines does not count.
    fileprivate func listingDifference(below root: String) throws -> String? {
        func moved(_ text: String) -> String { root + text.dropFirst(CaseArchive.root.count) }
        for (path, bytes) in files {
            let place = URL(fileURLWithPath: moved(path))
            try FileManager.default.createDirectory(
                at: place.deletingLastPathComponent(),
                withIntermediateDirectories: true
            )
            try Data(bytes).write(to: place)
        }
        let output = Pipe()
        let process = Process()
        process.executableURL = URL(fileURLWithPath: Self.program)
        process.arguments = flags + ["config"] + options + services
        process.currentDirectoryURL = URL(fileURLWithPath: moved(directory))
        process.environment = environment.merging(["PWD": moved(directory)]) { $1 }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        let printed = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        if expected == "error" { return process.terminationStatus == 0 ? "accepted" : nil }
        guard process.terminationStatus == 0 else { return "rejected" }
        let wanted = Self.lines(answer)
        let given = Self.lines(
            Array(String(decoding: printed, as: UTF8.self).replacing(root + "/", with: CaseArchive.root + "/").utf8)
        )
        return wanted == given ? nil : "want \(wanted), got \(given)"
    }

    /// The lines in order, runs of blanks as one.
    private static func lines(_ bytes: [UInt8]) -> [String] {
        String(decoding: bytes, as: UTF8.self).split(separator: "\n")
            .map { $0.split(separator: " ").joined(separator: " ") }.filter { !$0.isEmpty }.sorted()
    }

    /// The program, beside the bundle of the tests.
    private static let program: String = {
        let ownPath = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        for argument in CommandLine.arguments + [ownPath ?? ""] where argument.contains(".build/") {
            var url = URL(fileURLWithPath: argument)
            while url.path.contains(".build/") {
                url.deleteLastPathComponent()
                let candidate = url.appendingPathComponent("roost").path
                var isDirectory: ObjCBool = false
                if FileManager.default.fileExists(atPath: candidate, isDirectory: &isDirectory), !isDirectory.boolValue
                {
                    return candidate
                }
            }
        }
        return URL(fileURLWithPath: #filePath).appendingPathComponent("../../../.build/debug/roost").standardized.path
    }()
}
