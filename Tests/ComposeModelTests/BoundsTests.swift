import ComposeModel
import Testing
import YAMLComposer

/// What a file may cost: each of these would take minutes, gigabytes or the stack if nothing stopped it.
struct BoundsTests {
    private func report(_ text: String, _ files: [String: String] = [:]) -> String {
        load(files.merging(["compose.yaml": text]) { $1 }).report
    }

    @Test("aliases that double at each level end at the number of values")
    func billionLaughs() {
        let levels = (1...40).map { "x-\($0): &a\($0) [*a\($0 - 1), *a\($0 - 1)]" }
        let text = "services: {web: {image: a}}\nx-0: &a0 [lol, lol]\n" + levels.joined(separator: "\n")
        #expect(report(text).contains("expand to more than 2000000 values"))
    }

    @Test("variables that double at each line end at the length of a value")
    func doublingVariables() {
        let lines = (1...60).map { "V\($0)=${V\($0 - 1)}${V\($0 - 1)}" }
        let files = [".env": "V0=lol\n" + lines.joined(separator: "\n")]
        #expect(report("services: {web: {image: \"$V60\"}}", files).contains("malformed variable"))
    }

    @Test("one long value in many places ends at what a file may take in")
    func longVariableEverywhere() {
        let uses = (1...100).map { "  A\($0): $BIG" }.joined(separator: "\n")
        let text = "services: {web: {image: a}}\nx-uses:\n" + uses
        let (tree, report) = load(
            ["compose.yaml": text],
            environment: ["BIG": String(repeating: "x", count: 1 << 20)]
        )
        #expect(tree == nil)
        #expect(report.contains("variables bring more text into the file than can be read"))
    }

    @Test("collections nest to a limit", arguments: ["[", "{a: ", "- "])
    func deepNesting(opening: String) {
        let text = "services: {web: {image: a}}\nx-deep:\n  " + String(repeating: opening, count: 100_000)
        #expect(report(text).contains("collections nest deeper than 200 levels"))
    }

    @Test("a line of a million characters is read, and shown in part")
    func longLine() {
        let long = String(repeating: "x", count: 1_000_000)
        #expect(load(["compose.yaml": "services: {web: {image: a, labels: {l: \"\(long)\"}}}"]).tree != nil)
        #expect(load(["compose.yaml": "services: {web: {image: a, volumes: [\"\(long)\"]}}"]).tree != nil)
        #expect(report("services: {web: {\(long): a}}").utf8.count < 1_002_000)
    }

    @Test("two thousand services that extend one and depend on each other are one project")
    func manyServices() throws {
        let services = (0..<2000).map { number in
            let dependency = number > 0 ? ", depends_on: [s\(number - 1)]" : ""
            return "  s\(number): {extends: {file: base.yaml, service: base}\(dependency)}"
        }
        let (tree, report) = load([
            "compose.yaml": "services:\n" + services.joined(separator: "\n"),
            "base.yaml": "services: {base: {image: a, environment: {A: b}}}",
        ])
        #expect(report == "")
        #expect(try #require(tree)["services"]?.mapping?.entries.count == 2000)
    }

    @Test("a circle of two thousand services is told as one")
    func longCircle() {
        let services = (0..<2000).map { "  s\($0): {image: a, depends_on: [s\(($0 + 1) % 2000)]}" }
        let report = report("services:\n" + services.joined(separator: "\n"))
        #expect(report.hasPrefix("compose.yaml:2:3: services depend on each other in a circle: s0 → s1 → s2 "))
    }

    @Test("services that extend each other in a row or a circle end")
    func extending() {
        let row = (0..<5000).map { "  s\($0): {extends: s\($0 + 1)}" }.joined(separator: "\n")
        #expect(
            report("services:\n\(row)\n  s5000: {image: a}").contains("extend each other more than 100 levels deep")
        )
        #expect(report("services: {a: {extends: b}, b: {extends: a}}").contains("the service \"a\" extends itself"))
        let other = ["b.yaml": "services: {b: {extends: {file: compose.yaml, service: a}}}"]
        #expect(
            report("services: {a: {extends: {file: b.yaml, service: b}}}", other)
                .contains("the service \"b\" extends itself")
        )
    }

    @Test("files that include each other end")
    func including() {
        #expect(report("include: [compose.yaml]").contains("compose.yaml includes compose.yaml"))
        let circle = ["b.yaml": "include: [compose.yaml]"]
        #expect(report("include: [b.yaml]", circle).contains("compose.yaml includes b.yaml includes compose.yaml"))
        let names = (0...40).map { ("f\($0).yaml", "include: [f\($0 + 1).yaml, f\($0 + 1).yaml]") }
        let doubling = Dictionary(uniqueKeysWithValues: names).merging(["f41.yaml": "services: {a: {image: a}}"]) { $1 }
        #expect(report("include: [f0.yaml]", doubling).contains("takes in more files than can be read"))
        let row = (0..<150).map { ("f\($0).yaml", "include: [f\($0 + 1).yaml]") }
        let deep = Dictionary(uniqueKeysWithValues: row).merging(["f150.yaml": "services: {a: {image: a}}"]) { $1 }
        #expect(report("include: [f0.yaml]", deep).contains("include each other more than 100 levels deep"))
    }

    @Test("ranges of ports that stand for millions are refused")
    func portRanges() {
        let ports = String(repeating: "'1-65535', ", count: 1000)
        #expect(report("services: {web: {image: a, ports: [\(ports)]}}").contains("more than 131072 ports"))
    }

    @Test(
        "variables that stand in one another end at a number of levels",
        arguments: ["${A-", "${A-{", "${A-{b}", "{${A:+"]
    )
    func nestedVariables(opening: String) {
        let text = String(repeating: opening, count: 100_000) + String(repeating: "}", count: 100_000)
        let report = report("services: {web: {image: a, labels: {v: '\(text)'}}}")
        #expect(report.contains("variables stand in one another more than 50 levels deep"))
    }

    @Test("a file of many documents is refused")
    func documents() {
        let documents = String(repeating: "---\nservices: {web: {image: a}}\n", count: 300)
        #expect(report(documents).contains("more than 256 files and documents"))
    }

    @Test("twenty thousand mistakes are told, each once")
    func manyMistakes() {
        let keys = (0..<20_000).map { "    kez\($0): $UNSET\($0)" }.joined(separator: "\n")
        let report = report("services:\n  web:\n    image: a\n\(keys)")
        #expect(report.split(separator: "\n").count { $0.contains("there is no key") } == 20_000)
    }
}
