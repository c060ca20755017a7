import ComposeModel
import Testing
import YAMLComposer

/// What is said about the recorded projects by those who explain them.
struct ExplanationTests {
    @Test("keeping history changes no project, and every value of it has a source that stands somewhere")
    func sources() throws {
        var values = 0
        for one in try CaseArchive.cases.get() where !one.isListing {
            let plain = Loader(one.loadOptions, reader: CaseFiles(files: one.files), diagnostics: .init()).load()
            let reader = CaseFiles(files: one.files)
            let kept = Loader(one.loadOptions, reader: reader, diagnostics: .init(keepsHistory: true)).load()
            #expect(kept.map { JSONPrinter.print($0.tree) } == plain.map { JSONPrinter.print($0.tree) }, "\(one.name)")
            let keeping = DiagnosticCollector(keepsHistory: true)
            let loader = Loader(one.loadOptions, reader: CaseFiles(files: one.files), diagnostics: keeping)
            guard let explained = loader.explanations(of: "") else {
                #expect(plain == nil, "\(one.name)")
                continue
            }
            let all = try explained.get()
            values += all.count
            for explanation in all {
                let first = explanation.sources.first
                #expect(first != nil, "\(one.name): \(explanation.path)")
                if first?.kind == .written {
                    #expect(first?.mark?.file.line(first?.mark?.line ?? 0) != nil, "\(one.name)")
                }
            }
            let told = try JSONReader.read(SourceFile(name: "told", bytes: Array(Explanation.json(all).utf8)))
            #expect(told.sequence?.count == all.count, "\(one.name)")
            #expect(Explanation.text(all).split(separator: "\n").count >= all.count * 2, "\(one.name)")
        }
        #expect(values > 10_000)
    }

    @Test("every mistake is a line of JSON, and most have the path of a value")
    func lines() throws {
        var (count, placed, paths) = (0, 0, 0)
        for one in try CaseArchive.cases.get() where !one.isListing {
            let diagnostics = DiagnosticCollector()
            _ = Loader(one.loadOptions, reader: CaseFiles(files: one.files), diagnostics: diagnostics).load()
            let lines = DiagnosticJSON().render(diagnostics.all).split(separator: "\n")
            #expect(lines.count == diagnostics.all.count, "\(one.name)")
            for line in lines {
                let object = try JSONReader.read(SourceFile(name: "line", bytes: Array(line.utf8)))
                count += 1
                guard let start = object["column"]?.int else { continue }
                placed += 1
                if let end = object["endColumn"]?.int { #expect(end > start, "\(one.name)") }
                if object["path"]?.string != nil { paths += 1 }
            }
        }
        #expect(count > 500 && placed > count * 9 / 10 && paths > placed * 8 / 10, "\(count), \(placed), \(paths)")
    }
}
