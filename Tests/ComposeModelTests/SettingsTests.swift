import ComposeModel
import Testing
import YAMLComposer

/// What `.env` and names of files outside say about a project.
struct SettingsTests {
    /// Files in memory where the directory is a link to another one.
    private struct LinkedFiles: FileReader {
        let files: [String: String]
        let target: String

        func contents(of path: String) -> [UInt8]? { files[path].map { Array($0.utf8) } }
        func isFile(_ path: String) -> Bool { files[path] != nil }
        func resolved(_ path: String) -> String? { target }
    }

    @Test("variables of .env choose files, name and profiles")
    func environmentFile() throws {
        let files = [
            ".env": """
            COMPOSE_FILE=a.yaml, b.yaml
            COMPOSE_PATH_SEPARATOR=", "
            COMPOSE_PROJECT_NAME=shop
            COMPOSE_PROFILES=debug,extra
            """,
            "a.yaml": "services: {a: {image: x, profiles: [debug]}, c: {image: x, profiles: [other]}}",
            "b.yaml": "services: {b: {image: y}}",
        ]
        let (tree, report) = load(files)
        #expect(tree?["services"]?.mapping?.keys == ["a", "b"], "\(report)")
        #expect(tree?["name"]?.string == "shop")
        #expect(load(files, environment: ["COMPOSE_PROJECT_NAME": "mine"]).tree?["name"]?.string == "mine")
    }

    @Test("settings are what .env has and the process has not")
    func settings() {
        var options = LoadOptions(environment: ["COMPOSE_PROJECT_NAME": "mine"], workingDirectory: "/app")
        let text =
            "COMPOSE_PROJECT_NAME=a\nCOMPOSE_REMOVE_ORPHANS=1\nOTHER=2\nCOMPOSE_ENV_FILES=x\nCOMPOSE_DISABLE_ENV_FILE=1\n"
        let reader = MemoryFiles(files: ["/app/.env": text, "/app/sub/.env": "COMPOSE_ANSI=never"])
        func settings() -> [String: String] {
            Loader(options, reader: reader, diagnostics: DiagnosticCollector()).settings()
        }
        #expect(settings() == ["COMPOSE_REMOVE_ORPHANS": "1"])
        options.files = ["sub/compose.yaml"]
        #expect(settings() == ["COMPOSE_ANSI": "never"])
    }

    @Test("a name that comes from a link is warned of, one that is given is not")
    func link() {
        func report(_ text: String, target: String) -> String {
            let diagnostics = DiagnosticCollector()
            let reader = LinkedFiles(files: ["/app/compose.yaml": text], target: target)
            let options = LoadOptions(environment: [:], workingDirectory: "/app")
            #expect(Loader(options, reader: reader, diagnostics: diagnostics).load() != nil)
            return DiagnosticRenderer().render(diagnostics.all)
        }
        let text = "services: {a: {image: x}}"
        #expect(
            report(text, target: "/srv/shop")
                == "warning: the project is named \"app\" after a symbolic link, not after /srv/shop\n"
        )
        #expect(report(text, target: "/srv/app") == "")
        #expect(report("name: a\n" + text, target: "/srv/shop") == "")
    }

    @Test(
        "a command line is split as Compose splits it",
        arguments: [
            ("a  b", ["a", "b"]), ("'a b' \"c\"d", ["a b", "cd"]), ("a \"\" b", ["a", "", "b"]), ("a | b", ["a"]),
            ("echo 2> x", ["echo"]), ("a\\ b \"c\\d\"", ["a b", "cd"]), ("echo `date x`", ["echo", "`date x`"]),
            ("x $(a b)", ["x", "$(a b)"]), ("a (b)", nil), ("'a", nil), ("a\\", nil),
        ] as [(String, [String]?)]
    )
    func words(text: String, words: [String]?) { #expect(ShellWords.split(text) == words) }

    @Test(
        "amounts that are none are refused",
        arguments: ["1ki", "1bb", "1  k", "1k ", "-5", "k", "", "1e", "9999999p"]
    )
    func refusedAmounts(text: String) { #expect(ByteCount(text: text) == nil) }

    @Test(
        "lengths of time that are none are refused",
        arguments: ["1h2", "5", "1x", "h", ".h", "1.2.3s", "", "-", "00"]
    )
    func refusedTimes(text: String) { #expect(TimeSpan(text: text) == nil) }

    @Test("the longest length of time is exact")
    func longestTime() {
        #expect(TimeSpan(text: "2562047h47m16.854775807s")?.nanoseconds == .max)
        #expect(TimeSpan(text: "2562047h47m16.854775808s") == nil)
        #expect(TimeSpan(text: "1.000000001s")?.nanoseconds == 1_000_000_001)
    }
}
