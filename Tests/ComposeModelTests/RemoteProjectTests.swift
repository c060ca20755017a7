import Testing
import YAMLComposer

@testable import ComposeModel

/// Projects on other machines, which a test has in memory.
@Suite struct RemoteProjectTests {
    /// Where fetched projects lie, and what stands before their paths.
    private static let root = "/cache/1"

    /// Loads with what `remote` has of the one project that can be fetched.
    private func fetched(
        _ files: [String: String],
        remote: [String: String],
        environment: [String: String] = [:],
        _ change: (inout LoadOptions) -> Void = { _ in }
    ) -> (loaded: Loader<MemoryFiles>.Loaded?, report: String) {
        var options = LoadOptions(environment: environment, workingDirectory: "/app")
        options.fetch = { reference throws(RemoteFailure) in
            guard reference.name.contains("shop") else { throw RemoteFailure("nobody answers", hint: "try again") }
            let file = reference.name.hasSuffix(":sub") ? "sub/compose.yaml" : "compose.yaml"
            return RemoteProject(
                file: "\(Self.root)/\(file)",
                root: Self.root,
                label: reference.name.prefix { $0 != "#" } + "#v1:"
            )
        }
        change(&options)
        let diagnostics = DiagnosticCollector()
        let own = files.map { ("/app/" + $0.key, $0.value) }
        let theirs = remote.map { ("\(Self.root)/" + $0.key, $0.value) }
        let reader = MemoryFiles(
            files: Dictionary(uniqueKeysWithValues: own + theirs).merging(["/etc/secret": "A=1"]) { $1 }
        )
        let loaded = Loader(options, reader: reader, diagnostics: diagnostics).load()
        return (loaded, DiagnosticRenderer().render(diagnostics.all))
    }

    private func printed(_ loaded: Loader<MemoryFiles>.Loaded?) -> String {
        loaded.map { YAMLPrinter.print(ConfigTree(form: .yaml, escapesDollars: true).tree(of: $0.tree)) } ?? ""
    }

    @Test("what is included from a repository has its paths and variables where it was fetched")
    func included() {
        let (loaded, report) = fetched(
            ["compose.yaml": "include: [\"https://host/shop.git#v1:sub\"]\nservices: {a: {image: x}}"],
            remote: [
                "sub/compose.yaml": """
                services:
                  web:
                    image: web:${TAG}
                    env_file: [web.env, ../common.env]
                    build: .
                    volumes: ["./data:/data", "/srv:/srv"]
                    extends: {file: ../base.yaml, service: base}
                """,
                "sub/.env": "TAG=7", "sub/web.env": "A=1", "common.env": "B=2",
                "base.yaml": "services: {base: {label_file: [l.env], hostname: h}}", "l.env": "l=3",
            ]
        )
        #expect(report == "")
        #expect(
            printed(loaded) == """
                name: app
                networks:
                  default:
                    name: app_default
                services:
                  a:
                    image: x
                    networks:
                      default: null
                  web:
                    build:
                      context: /cache/1/sub
                      dockerfile: Dockerfile
                    environment:
                      A: "1"
                      B: "2"
                    hostname: h
                    image: web:7
                    labels:
                      l: "3"
                    networks:
                      default: null
                    volumes:
                      - bind:
                          create_host_path: true
                        source: /cache/1/sub/data
                        target: /data
                        type: bind
                      - bind:
                          create_host_path: true
                        source: /srv
                        target: /srv
                        type: bind

                """
        )
    }

    @Test("a project that was fetched whole is named after the user's directory, and has its variables")
    func main() {
        let (loaded, report) = fetched(
            [".env": "TAG=own", "over.yaml": "services: {web: {command: sleep 1}}"],
            remote: [
                "compose.yaml": "services: {web: {image: \"web:${TAG}\", volumes: [\"./d:/d\"]}}", ".env": "TAG=theirs",
            ]
        ) { $0.files = ["oci://host/shop:1", "over.yaml"] }
        #expect(report == "")
        #expect(loaded?.directory == "/cache/1")
        #expect(loaded?.tree["name"]?.string == "app")
        let web = loaded?.tree["services"]?["web"]
        #expect(web?["image"]?.string == "web:own")
        #expect(web?["volumes"]?.sequence?[0]["source"]?.string == "/cache/1/d")
        #expect(web?["command"]?.sequence?.count == 2)
    }

    @Test("a service is extended from a repository")
    func extended() {
        let (loaded, report) = fetched(
            ["compose.yaml": "services: {a: {extends: {file: \"git@host:shop.git\", service: base}}}"],
            remote: ["compose.yaml": "services: {base: {image: x, volumes: [\"./d:/d\"]}}"]
        )
        #expect(report == "")
        let source = loaded?.tree["services"]?["a"]?["volumes"]?.sequence?[0]["source"]
        #expect(source?.string == "/cache/1/d")
    }

    @Test("mistakes in what was fetched name it")
    func places() {
        let (_, report) = fetched(
            ["compose.yaml": "include: [\"https://host/shop.git\"]\nservices: {a: {image: x}}"],
            remote: ["compose.yaml": "services:\n  web:\n    imag: y\n"]
        )
        #expect(
            report == """
                https://host/shop.git#v1:compose.yaml:3:5: there is no key "imag" in services.web
                        imag: y
                        ^
                  hint: did you mean "image"?
                  compose.yaml:1:11: included here

                """
        )
    }

    @Test(
        "what was fetched reads no other files of this machine",
        arguments: [
            ("services: {w: {image: x, env_file: /etc/secret}}", "/etc/secret"),
            ("services: {w: {image: x, env_file: [{path: ../../etc/secret}]}}", "/etc/secret"),
            ("services: {w: {image: x, env_file: ~/secret}}", "/etc/secret"),
            ("services: {w: {image: x, label_file: /app/own.env}}", "/app/own.env"),
            ("include: [/app/other.yaml]\nservices: {w: {image: x}}", "/app/other.yaml"),
            ("include: [{path: in.yaml, env_file: /etc/secret}]\nservices: {w: {image: x}}", "/etc/secret"),
            ("services: {w: {extends: {file: /app/other.yaml, service: s}}}", "/app/other.yaml"),
        ]
    )
    func confined(text: String, path: String) {
        let (loaded, report) = fetched(
            [
                "compose.yaml": "include: [\"https://host/shop.git\"]\nservices: {a: {image: x}}", "own.env": "A=1",
                "other.yaml": "services: {s: {image: x}}",
            ],
            remote: ["compose.yaml": text, "in.yaml": "services: {i: {image: x}}"],
            environment: ["HOME": "/etc"]
        )
        #expect(loaded == nil)
        #expect(report.contains(": \(path) is no file of the project that was fetched\n"), "\(report)")
    }

    @Test("a project that can't be fetched is told of where it is named")
    func failures() {
        let text = "services: {a: {image: x, depends_on: [b]}}"
        let (_, included) = fetched(["compose.yaml": "include: [\"oci://host/x\"]\n\(text)"], remote: [:])
        #expect(
            included == """
                compose.yaml:1:11: oci://host/x can't be read: nobody answers
                    include: ["oci://host/x"]
                              ^
                  hint: try again

                """
        )
        let (_, named) = fetched([:], remote: [:]) { $0.files = ["https://host/x.git"] }
        #expect(named == "error: https://host/x.git can't be read: nobody answers\n  hint: try again\n")
        let refused = load(["compose.yaml": "include: [\"oci://host/x\"]\n\(text)"]).report
        #expect(refused.contains("oci://host/x can't be read: nothing is fetched here"))
        let (_, cycle) = fetched(
            ["compose.yaml": "include: [\"https://host/shop.git\"]"],
            remote: ["compose.yaml": "include: [\"https://host/shop.git\"]\n\(text)"]
        )
        #expect(cycle.contains("https://host/shop.git#v1:compose.yaml includes itself"))
    }

    @Test("no more than a hundred projects are fetched") func limit() {
        let names = (0...100).map { "\"oci://host/shop:\($0)\"" }.joined(separator: ", ")
        let (_, report) = fetched(["compose.yaml": "include: [\(names)]"], remote: ["compose.yaml": "x-a: 1"])
        #expect(report.contains("oci://host/shop:100 can't be read: the project takes in more than 100 others"))
    }

    @Test(
        "names of repositories and artefacts are told from paths",
        arguments: [
            ("https://host/a.git", "https://host/a.git"),
            ("https://host/a.git#main:dir", "https://host/a.git#main:dir"),
            ("git@host:a/b", "git@host:a/b"), ("me@host.example:a#b", "me@host.example:a#b"),
            ("ssh://host/a", "ssh://host/a"), ("github.com/a/b", "github.com/a/b"),
            ("oci://host/a:1", "oci://host/a:1"),
            ("https://host/a", nil), ("ftp://host/a.git", nil), ("./git@host:a", nil), ("a.yaml", nil), ("-", nil),
            ("@host:a", nil), ("ü@host:a", nil), ("a/b@c:d", nil), ("", nil),
        ] as [(String, String?)]
    )
    func names(text: String, name: String?) { #expect(RemoteReference(text)?.name == name) }

    @Test("an address that is none gets a hint") func hint() {
        let report = load(["compose.yaml": "include: [\"https://host/compose.yaml\"]\nservices: {a: {image: x}}"])
            .report
        #expect(report.contains("hint: of other machines there are repositories"), "\(report)")
    }
}
