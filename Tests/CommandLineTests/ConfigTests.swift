import Foundation
import LinuxSystem
import Testing

@Suite("config and the options before the command", .timeLimit(.minutes(1)))
struct ConfigTests {
    private let machine: CommandLineScratch

    init() throws { machine = try CommandLineScratch() }

    private func put(_ name: String, _ text: String) throws {
        try replaceFile("\(machine.path)/work/\(name)", Array(text.utf8))
    }

    @Test("digests of services do not depend on the order of keys, and change with the service")
    func hashes() throws {
        try put("compose.yaml", "services: {b: {image: x, environment: {A: a, B: b}}, a: {image: y, user: me}}")
        let first = try machine.roost("config", "--hash", "*").output
        let lines = first.split(separator: "\n").map { $0.split(separator: " ") }
        #expect(lines.map { $0.first } == ["a", "b"])
        #expect(lines.allSatisfy { $0.count == 2 && $0[1].count == 64 })
        try put("compose.yaml", "services: {a: {user: me, image: y}, b: {environment: [B=b, A=a], image: x}}")
        #expect(try machine.roost("config", "--hash=*").output == first)
        #expect(try machine.roost("config", "--hash", "b,a").output == first)
        try put("compose.yaml", "services: {a: {user: you, image: y}, b: {environment: [B=b, A=a], image: x}}")
        let changed = try machine.roost("config", "--hash", "*").output.split(separator: "\n")
        #expect(changed.last == first.split(separator: "\n").last)
        #expect(changed.first != first.split(separator: "\n").first)
        let wrong = try machine.roost("config", "--hash", "c")
        #expect(wrong.error.hasPrefix("error: there is no service \"c\"\n") && wrong.status == 1)
    }

    @Test("output goes to a file as a whole, and the old one stays when that fails")
    func output() throws {
        try put("compose.yaml", "name: out\nservices: {a: {image: y}}\n")
        let shown = try machine.roost("config").output
        try put("result.yaml", "old")
        #expect(chmod("\(machine.path)/work/result.yaml", 0o640) == 0)
        #expect(symlink("result.yaml", "\(machine.path)/work/link.yaml") == 0)
        #expect(try machine.roost("config", "-o", "link.yaml") == .init(output: "", error: "", status: 0))
        #expect(try readFile("\(machine.path)/work/link.yaml") == shown)
        let attributes = try FileManager.default.attributesOfItem(atPath: "\(machine.path)/work/result.yaml")
        #expect(attributes[.posixPermissions] as? Int == 0o640)
        #expect(try machine.roost("config", "--output=/dev/stdout").output == shown)
        try put("compose.yaml", "services: {a: {imag: y}}\n")
        #expect(try machine.roost("config", "-o", "link.yaml").status == 1)
        #expect(try readFile("\(machine.path)/work/result.yaml") == shown)
        let names = try FileManager.default.contentsOfDirectory(atPath: "\(machine.path)/work").sorted()
        #expect(names == ["compose.yaml", "link.yaml", "result.yaml"])
        try put("compose.yaml", "services: {a: {image: y}}\n")
        let refused = try machine.roost("config", "-o", "none/x")
        #expect(refused.error.hasPrefix("error: write none/x: open none/x.") && refused.status == 1)
    }

    @Test("the parts of a project are listed")
    func lists() throws {
        try put(
            "compose.yaml",
            """
            services:
              web: {image: "w:$TAG", models: [small], networks: [front], volumes: ["data:/d"]}
              own: {build: ., profiles: [late]}
            networks: {front: , unused: }
            volumes: {data: , spare: }
            models: {small: {model: ai/small}}
            """
        )
        try put(".env", "TAG=1\n")
        func shown(_ arguments: String...) throws -> String { try machine.roost(arguments).output }
        #expect(try shown("config", "--services") == "web\n")
        #expect(try shown("--profile", "late", "config", "--services") == "web\nown\n")
        #expect(try shown("config", "--networks") == "front\n")
        #expect(try shown("--all-resources", "config", "--networks") == "front\nunused\ndefault\n")
        #expect(try shown("--all-resources=true", "config", "--volumes") == "data\nspare\n")
        #expect(try shown("config", "--models") == "ai/small\n")
        #expect(try shown("config", "--images") == "w:1\n")
        #expect(try shown("config", "--images", "own") == "work-own\n")
        #expect(try shown("config", "--profiles") == "late\n")
        #expect(try shown("config", "--environment").contains("\nHOME=\(machine.path)\n"))
        #expect(try shown("config", "--environment").hasPrefix("COMPOSE_PROJECT_NAME=work\n"))
        #expect(try shown("config", "--environment").contains("\nTAG=1\n"))
        #expect(
            try shown("config", "--variables") == """
                NAME                REQUIRED            DEFAULT VALUE       ALTERNATE VALUE
                TAG                 false                                   

                """
        )
        #expect(
            try shown("config", "--variables", "--format", "yaml") == """
                TAG:
                  name: TAG
                  defaultvalue: ""
                  presencevalue: ""
                  required: false

                """
        )
    }

    @Test("images that nobody knows can't be pinned, and each is named with its place")
    func digests() throws {
        try put(
            "compose.yaml",
            "services:\n  a: {image: \"127.0.0.1:1/redis:7\"}\n  b: {image: \"rootfs:/\"}\n"
                + "  c: {image: \"x@sha256:\(String(repeating: "a", count: 64))\"}\n"
        )
        let all = try machine.roost("config", "--resolve-image-digests")
        #expect(all.status == 1)
        #expect(all.output == "")
        #expect(
            all.error.hasPrefix(
                "compose.yaml:2:14: 127.0.0.1:1/redis at http://127.0.0.1:1: no connection"
            )
        )
        #expect(all.error.contains("compose.yaml:3:14: warning: services.b.image stays as it is: rootfs:/ is no image"))
        #expect(
            try machine.roost("config", "--lock-image-digests", "c").output == """
                services:
                  c:
                    image: docker.io/library/x@sha256:\(String(repeating: "a", count: 64))

                """
        )
    }

    @Test("editors get mistakes as JSON, whatever command loads the project")
    func diagnostics() throws {
        try put("compose.yaml", "services: {a: {imag: y}}\n")
        let expected =
            #"{"severity":"error","file":"compose.yaml","line":1,"column":16,"endColumn":20,"path":"services.a.imag","#
            + #""message":"there is no key \"imag\" in services.a","hint":"did you mean \"image\"?","notes":[]}"# + "\n"
        for command in [["config", "-q"], ["up"], ["run", "a"], ["config", "--variables", "-q"]].prefix(3) {
            #expect(
                try machine.roost(["--diagnostics", "json"] + command)
                    == .init(output: "", error: expected, status: 1)
            )
        }
        #expect(try machine.roost("--diagnostics=xml", "config").status == 1)
    }

    @Test("values are explained, and a path to nothing is a mistake")
    func explain() throws {
        try put("compose.yaml", "services: {a: {image: \"y:${TAG:-1}\"}}\n")
        #expect(
            try machine.roost("config", "--explain", "services.a.image").output == """
                services.a.image: "y:1"
                  compose.yaml:1:23: "y:${TAG:-1}"
                    TAG is not set: its default "1" stands in

                """
        )
        #expect(
            try machine.roost("config", "--explain=services.a.imag")
                == .init(
                    output: "",
                    error: "error: there is no services.a.imag; did you mean services.a.image?\n",
                    status: 1
                )
        )
    }

    @Test("options before the command are honoured or refused")
    func rootOptions() throws {
        try put("compose.yaml", "services: {a: {image: \"rootfs:/\", command: [\"true\"]}}\n")
        #expect(try machine.roost("--dry-run", "up").output == (try machine.roost("up", "--dry-run").output))
        #expect(try machine.roost("--dry-run", "up").output.contains("a-1"))
        #expect(
            try machine.roost("--dry-run", "down").error
                .hasPrefix("Error: --dry-run: down can't be tried without doing it; up can\n")
        )
        #expect(try machine.roost("--dry-run=false", "--parallel", "-1", "--no-ansi", "config", "-q").status == 0)
        #expect(try machine.roost("--verbose", "--parallel", "2", "config", "-q").status == 0)
        #expect(try machine.roost("--compatibility", "up", "--dry-run").output.contains("_a_1"))
        #expect(try machine.roost("--dry-run=maybe", "ps").status == 1)
        #expect(try machine.roost("-v").output == (try machine.roost("--version").output))
        let moved = try machine.roost("-f", "compose.yaml", "--workdir", "/tmp", "config", "--environment")
        #expect(moved.output.hasPrefix("COMPOSE_PROJECT_NAME=tmp\n"))
    }

    @Test("variables that configure Compose are honoured, from .env too, or refused")
    func settings() throws {
        try put("compose.yaml", "services: {a: {image: \"rootfs:/\", command: [\"true\"]}}\n")
        try put(".env", "COMPOSE_COMPATIBILITY=true\n")
        #expect(try machine.roost("up", "--dry-run").output.contains("_a_1"))
        try put(".env", "COMPOSE_PARALLEL_LIMIT=many\n")
        let refusal = "error: COMPOSE_PARALLEL_LIMIT is a whole number, not \"many\"\n"
        #expect(try machine.roost("config", "-q").error == refusal)
        #expect(try machine.roost("--parallel", "1", "config", "-q").status == 0)
        try put(".env", "COMPOSE_PROGRESS=loud\n")
        #expect(try machine.roost("config", "-q").error.hasPrefix("error: there is no progress \"loud\""))
    }

    @Test("flags are turned on and off as docker compose takes them")
    func truthValues() throws {
        try put("compose.yaml", "services: {a: {image: \"${TAG:-x}\", command: [\"true\"]}}\n")
        #expect(try machine.roost("config", "--no-interpolate=true").output.contains("${TAG:-x}"))
        #expect(!(try machine.roost("config", "--no-interpolate=false").output.contains("TAG")))
        #expect(try machine.roost("config", "-q=true").output == "")
        #expect(try machine.roost("config", "-q=0", "--services=1").output == "a\n")
        #expect(try machine.roost("config", "--quiet", "--images").output == "x\n")
        #expect(try machine.roost("config", "--no-interpolate=perhaps").status == 1)
    }
}
