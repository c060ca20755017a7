import TestSupport
import Testing
import YAMLComposer

@testable import ImageBuilder

@Suite struct PathPatternTests {
    @Test(
        "a pattern is for exactly these paths",
        arguments: [
            ("*", ["a", ".a", "a.b"], ["a/b"]),
            ("*.log", ["x.log", ".log"], ["x.logs", "d/x.log"]),
            ("d/*", ["d/x"], ["d", "d/x/y", "dx"]),
            ("d/**", ["d/x", "d/x/y"], ["d", "e/d/x"]),
            ("**", ["a", "a/b/c"], []),
            ("**/", ["a", "a/b"], []),
            ("**/x", ["x", "a/x", "a/b/x"], ["ax", "x/a"]),
            ("**/*.o", ["x.o", "a/b/x.o"], ["a/x.os"]),
            ("**x", ["x", "ax", "a/bx"], ["xa"]),
            ("a/**/z", ["a/z", "a/b/z", "a/b/c/z"], ["az", "a/bz", "b/a/z"]),
            ("a**/z", ["a/z", "a/b/z"], ["b/z"]),
            ("a?c", ["abc", "a\u{1F600}c"], ["a/c", "ac", "abbc"]),
            ("a[b-d]e", ["abe", "ade"], ["aae", "ae", "a-e"]),
            ("a[^b-d]e", ["aae", "aze"], ["abe", "ae"]),
            ("a[\\]x]", ["a]", "ax"], ["a\\"]),
            ("a\\*b", ["a*b"], ["axb", "a\\*b"]),
            ("(a|b).{1}+$", ["(a|b).{1}+$"], ["a.1"]),
            ("a]", ["a]"], ["a"]),
        ] as [(String, [String], [String])]
    ) func patterns(pattern: String, matching: [String], others: [String]) throws {
        let read = try PathPattern(pattern)
        for path in matching { #expect(read.matches(path), "\(pattern) for \(path)") }
        for path in others { #expect(!read.matches(path), "\(pattern) not for \(path)") }
    }

    @Test(
        "what is no pattern is refused",
        arguments: ["[", "[]", "[a", "[a-]", "[-a]", "a\\", "[^]", "[\\", String(repeating: "a", count: 5000)]
    ) func malformed(text: String) { #expect(throws: PathPattern.Malformed.self) { try PathPattern(text) } }

    @Test("a part of a path knows no double star") func parts() throws {
        let glob = try SourceGlob("src/**.c/a\\*[x]/plain")
        #expect(glob.parts.count == 4)
        #expect(glob.parts[0] == .name("src"))
        guard case .pattern(let pattern) = glob.parts[1] else { throw TestFailure() }
        #expect(pattern.matches("x.c") && !pattern.matches("d/x.c"))
        #expect(glob.parts[3] == .name("plain"))
        #expect(try SourceGlob("a\\*b").parts == [.name("a*b")])
    }

    @Test("a directory is entered when something below may match") func below() throws {
        #expect(try PathPattern("a/*/c").mayMatch(below: "a"))
        #expect(try PathPattern("a/*/c").mayMatch(below: "a/b"))
        #expect(try !PathPattern("a/*/c").mayMatch(below: "a/b/c"))
        #expect(try !PathPattern("a/*/c").mayMatch(below: "b"))
        #expect(try PathPattern("**/x").mayMatch(below: "q/r"))
    }

    @Test("hostile patterns take little time") func hostile() throws {
        let pattern = try PathPattern(String(repeating: "**/*a*", count: 100))
        #expect(!pattern.matches(String(repeating: "a/", count: 500) + "b"))
    }
}

struct TestFailure: Error {}

@Suite struct IgnoreRulesTests {
    @Test(
        "the last pattern that a path or a directory above it matches counts",
        arguments: [
            (["docs"], "docs/readme", true),
            (["docs", "!docs/readme"], "docs/readme", false),
            (["docs", "!docs/readme"], "docs/other", true),
            (["docs/*", "!docs/*.md", "docs/private.md"], "docs/private.md", true),
            (["docs/*", "!docs/*.md", "docs/private.md"], "docs/public.md", false),
            (["!a", "*"], "a", true),
            (["*", "!a/b"], "a/b/c", false),
            (["*", "!a/b"], "a", true),
            (["**", "!util/web"], "util/web/x/y", false),
            (["/abs/"], "abs/x", true),
            (["./x/../y"], "y", true),
            ([" spaced "], "spaced", true),
            (["!/a", "b"], "b", true),
            (["."], "a", false),
            (["*"], ".", false),
            ([], "a", false),
        ] as [([String], String, Bool)]
    ) func rules(patterns: [String], path: String, isExcluded: Bool) throws {
        #expect(try IgnoreRules(patterns).excludes(path) == isExcluded)
    }

    @Test("walking down gives what looking at a whole path gives") func walking() throws {
        var random = SeededNumbers(seed: 7)
        let parts = ["a", "b", "*", "**", "?", "a*", "[ab]"]
        let names = ["a", "b", "ab", "c"]
        for _ in 0..<2000 {
            var patterns: [String] = []
            for _ in 0..<Int.random(in: 0...4, using: &random) {
                let path = (0..<Int.random(in: 1...3, using: &random)).map { _ in
                    parts.randomElement(using: &random) ?? ""
                }
                patterns.append((Bool.random(using: &random) ? "!" : "") + path.joined(separator: "/"))
            }
            let rules = try IgnoreRules(patterns)
            var inherited = IgnoreRules.Inherited()
            var path = ""
            var reincludes = true
            for _ in 0..<4 {
                path += (path.isEmpty ? "" : "/") + (names.randomElement(using: &random) ?? "")
                let step = rules.excludes(path, in: inherited)
                #expect(step.excluded == rules.excludes(path), "\(patterns) for \(path)")
                if !reincludes { #expect(step.excluded, "\(patterns) for \(path)") }
                inherited = step.inherited
                reincludes = !step.excluded || rules.mayReinclude(below: path)
            }
        }
    }

    @Test("an ignore file has comments, blanks, a mark and Windows line ends") func file() {
        let text = "\u{FEFF}# all of it\r\n*\r\n\r\n  !src/  \n #no comment\n"
        let read = IgnoreFile.rules(of: SourceFile(name: ".dockerignore", bytes: Array(text.utf8), kind: .lines))
        #expect(read.mistakes.isEmpty)
        #expect(read.rules.excludes("a"))
        #expect(!read.rules.excludes("src/x"))
        #expect(!read.rules.excludes("src"))
    }

    @Test("mistakes of an ignore file have their lines") func mistakes() {
        let read = IgnoreFile.rules(
            of: SourceFile(name: ".dockerignore", bytes: Array("a\n  [b\n!\n".utf8), kind: .lines)
        )
        #expect(
            DiagnosticRenderer().render(read.mistakes) == """
                .dockerignore:2:3: no pattern: a [ has no ]
                      [b
                      ^
                .dockerignore:3:1: no pattern: nothing follows the !
                    !
                    ^

                """
        )
    }
}
