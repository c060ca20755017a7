import OCISpec
import TestSupport
import Testing
import YAMLComposer

@testable import ImageBuilder

/// Random texts of parts that mean something: nothing may crash, hang, or point outside of the file.
@Suite struct FuzzTests {
    private static let parts = [
        "FROM ", "FROM a AS b\n", "from scratch\n", "RUN ", "COPY ", "ADD ", "ENV ", "ARG ", "LABEL ", "WORKDIR ",
        "USER ", "EXPOSE ",
        "VOLUME ", "CMD ", "ENTRYPOINT ", "HEALTHCHECK ", "STOPSIGNAL ", "SHELL ", "ONBUILD ", "MAINTAINER ",
        "# escape=`\n",
        "# syntax=x\n", "# check=skip=all;error=true\n", "#", "\\\n", "`\n", "\\", "\n", "\r\n", "\t", " ", "<<EOF",
        "<<-'E'", "EOF\n",
        "\nEOF\n", "E", "--mount=type=cache,target=", "--mount=", "--from=", "--chmod=", "--exclude=", "--link", "--",
        "--parents ",
        "type=secret,id=", ",", "=", "\"", "'", "[\"", "\"]", "\", \"", "[", "]", "{", "}", "$", "${", "${A", ":-",
        ":?", "#", "##", "%",
        "/", "//", "*", "?", "**", "..", "/./", "A", "b", "0", "80", "443/tcp", "1-65535", "NONE", "CMD ", "é",
        "\u{1F600}", "\u{FEFF}",
        "\u{0}", "\u{7F}", "https://h/x.git#a", "git@h:x", "sha256:", "all", "1h", "9", "\\u", "!", "TARGETARCH",
        "$TARGETARCH",
    ]

    private static func text(_ random: inout SeededNumbers) -> String {
        var text = Bool.random(using: &random) ? "FROM alpine AS base\n" : ""
        for _ in 0..<Int.random(in: 1...40, using: &random) { text += parts.randomElement(using: &random) ?? "" }
        return text
    }

    @Test("random files are read and planned, and every place is in them", arguments: 0..<8) func files(
        seed: UInt64
    ) throws {
        var random = SeededNumbers(seed: seed)
        for _ in 0..<400 {
            let text = Self.text(&random)
            let lines = text.utf8.count { $0 == 0x0A } + 1
            let (dockerfile, diagnostics) = DockerfileParser.parse(file(text))
            for diagnostic in diagnostics {
                let line = diagnostic.mark?.line ?? 0
                #expect((1...lines).contains(line), "\(diagnostic.message) in \(text.debugDescription)")
            }
            var last = 0
            for statement in dockerfile.globalArguments + dockerfile.stages.flatMap({ [$0.opening] + $0.statements }) {
                #expect(statement.position.line > last || last == 0, "\(text.debugDescription)")
                #expect(statement.lastLine >= statement.position.line && statement.lastLine <= lines)
                last = statement.lastLine
            }
            _ = DiagnosticRenderer().render(diagnostics)
            switch try outcome(text) {
            case .planned(let plan): check(plan, of: text)
            case .failed(let diagnostics):
                #expect(diagnostics.contains { $0.severity == .error }, "\(text.debugDescription)")
            case .needs: Issue.record("endless needs of \(text.debugDescription)")
            }
        }
    }

    private func check(_ plan: BuildPlan, of text: String) {
        for (index, step) in plan.steps.enumerated() {
            #expect(step.id.rawValue == index)
            #expect(step.dependencies.allSatisfy { $0 < step.id })
            #expect(step.base.map { step.dependencies.contains($0) } ?? true)
            guard case .copy(let copy) = step.operation else { continue }
            #expect(copy.destination.hasPrefix("/") && !copy.destination.contains(".."), "\(text.debugDescription)")
            for case .files(let files) in copy.sources {
                #expect(!files.pattern.hasPrefix("/") && !files.pattern.split(separator: "/").contains(".."))
                #expect(step.dependencies.contains(files.source))
            }
        }
        #expect(plan.target.filesystem.map { $0.rawValue < plan.steps.count } ?? true)
    }

    @Test("random triggers of a base are read and planned") func triggers() throws {
        var random = SeededNumbers(seed: 99)
        for _ in 0..<400 {
            var base = ImageConfiguration()
            base.config = ProcessDefaults()
            base.config?.onBuild = [Self.text(&random), "RUN \(Self.text(&random))"]
            if case .planned(let plan) = try outcome("FROM base\n", images: ["base": base]) { check(plan, of: "") }
        }
    }

    @Test("random words are replaced or refused") func words() {
        var random = SeededNumbers(seed: 5)
        let variables = ["A": "value", "b": "*?\\", "TARGETARCH": ""]
        for _ in 0..<4000 {
            var text = ""
            for _ in 0..<Int.random(in: 1...12, using: &random) {
                text += Self.parts.randomElement(using: &random) ?? ""
            }
            for quoting in [Expansion.Quoting.removed, .kept, .ignored] {
                var expansion = Expansion(escape: "\\", quoting: quoting) { variables[$0] }
                do throws(Expansion.Failure) { _ = try expansion.word(text) } catch {
                    #expect((0...text.unicodeScalars.count).contains(error.offset), "\(text.debugDescription)")
                }
            }
        }
    }

    @Test("random bytes are no Dockerfile, and that is said") func bytes() {
        var random = SeededNumbers(seed: 11)
        for _ in 0..<400 {
            let bytes = (0..<Int.random(in: 0...200, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            let (_, diagnostics) = DockerfileParser.parse(.init(name: "Dockerfile", bytes: bytes, kind: .lines))
            #expect(diagnostics.contains { $0.severity == .error })
        }
    }
}

@Suite struct BoundsTests {
    @Test("files, instructions and their number have bounds") func bounds() {
        func first(_ text: String) -> String { DockerfileParser.parse(file(text)).diagnostics.first?.message ?? "none" }
        let long = String(repeating: "x", count: 1 << 20)
        #expect(
            first(String(repeating: long, count: 5)) == "the file has more than 4194304 bytes, which is no Dockerfile"
        )
        #expect(first("FROM a\nRUN \\\n\(long) \\\n\(long)\n") == "the instruction has more than 1048576 characters")
        let many = String(repeating: "LABEL a=b\n", count: 10_000)
        #expect(first("FROM a\n" + many) == "the file has more than 10000 instructions")
        #expect(first(String(repeating: "FROM a\n", count: 1_001)) == "the file has more than 1000 stages")
        #expect(first("FROM a\u{0}") == "the file has a zero byte, so it is no text")
        #expect(first("") == "the file has no FROM, so there is nothing to build")
    }

    @Test("a file that goes to the bounds is planned in little time") func size() throws {
        let text =
            "FROM a\n" + String(repeating: "ENV A=$A.\nLABEL b$A=c\n", count: 200)
            + String(repeating: "RUN x\n", count: 9_000)
        #expect(try plan(text).steps.count == 9_001)
    }
}
