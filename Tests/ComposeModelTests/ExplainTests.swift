import ComposeModel
import Testing
import YAMLComposer

private let project = [
    "compose.yaml": """
    include: [sub/inc.yaml]
    services:
      base:
        image: nginx
        environment: {DB_HOST: "${DB:-localhost}", LEVEL: info}
        env_file: [web.env]
        label_file: web.labels
        labels: {traefik.enable: "true"}
      web:
        extends: base
        ports: ["8080:80"]
        volumes: ["./site:/site"]
        command: sh -c "run $MODE"
    """,
    "compose.override.yaml": """
    services:
      web:
        environment:
          - LEVEL=debug
          - DB_HOST=${DB:-x}
          - HOME
        ports: !override [{target: 90, published: "8080"}]
        command: [sleep, "1"]
    """,
    "sub/inc.yaml": "services: {inner: {extends: {file: deep.yaml, service: one}, user: $WHO}}",
    "sub/deep.yaml": "services: {one: {image: one, user: root}}",
    ".env": "DB=from-file\nMODE=fast\nSPEED=${MODE}!\n",
    "web.env": "\n# comment\nLEVEL=trace\nONLY=here\nURL=pg://${DB}/$LEVEL/$ONLY/${SPEED}\n",
    "web.labels": "traefik.enable=false\n",
]

/// How the value at `path` came about.
private func explain(_ path: String, environment: [String: String] = [:]) -> Result<[Explanation], UnknownPath>? {
    let options = LoadOptions(environment: environment, workingDirectory: "/app")
    let placed = Dictionary(uniqueKeysWithValues: project.map { ("/app/" + $0.key, $0.value) })
    let diagnostics = DiagnosticCollector(keepsHistory: true)
    return Loader(options, reader: MemoryFiles(files: placed), diagnostics: diagnostics).explanations(of: path)
}

private func text(_ path: String, environment: [String: String] = [:]) throws -> String {
    Explanation.text(try #require(explain(path, environment: environment)).get())
}

@Test("a value is explained through merge, extends, variables and what they override")
func explainMerged() throws {
    #expect(
        try text("services.web.environment.DB_HOST", environment: ["DB": "prod"]) == """
            services.web.environment.DB_HOST: "prod"
              compose.override.yaml:5:9: "DB_HOST=${DB:-x}"
                DB is "prod", from the environment of this process
                overrides "from-file", from .env:1:1
              overrides compose.yaml:5:28: "${DB:-localhost}"
                DB is "prod", from the environment of this process
                overrides "from-file", from .env:1:1
                services.web extends services.base here: compose.yaml:10:14

            """
    )
}

@Test("an environment file stands between the file's own value and nothing")
func explainEnvironmentFile() throws {
    #expect(
        try text("services.web.environment", environment: ["HOME": "/home/me"]) == """
            services.web.environment.LEVEL: "debug"
              compose.override.yaml:4:9: LEVEL=debug
              overrides compose.yaml:5:55: info
                services.web extends services.base here: compose.yaml:10:14
              overrides web.env:3:1: LEVEL=trace
                the file is named here: compose.yaml:6:16
                services.web extends services.base here: compose.yaml:10:14
            services.web.environment.ONLY: "here"
              web.env:4:1: ONLY=here
                the file is named here: compose.yaml:6:16
                services.web extends services.base here: compose.yaml:10:14
            services.web.environment.URL: "pg://from-file/debug/here/fast!"
              web.env:5:1: "URL=pg://${DB}/$LEVEL/$ONLY/${SPEED}"
                DB is "from-file", from .env:1:1
                LEVEL is "debug", from compose.override.yaml:4:9
                ONLY is "here", from web.env:4:1
                SPEED is "fast!", from .env:3:1
                  MODE is "fast", from .env:2:1
                the file is named here: compose.yaml:6:16
                services.web extends services.base here: compose.yaml:10:14
            services.web.environment.DB_HOST: "from-file"
              compose.override.yaml:5:9: "DB_HOST=${DB:-x}"
                DB is "from-file", from .env:1:1
              overrides compose.yaml:5:28: "${DB:-localhost}"
                DB is "from-file", from .env:1:1
                services.web extends services.base here: compose.yaml:10:14
            services.web.environment.HOME: "/home/me"
              compose.override.yaml:6:9: HOME
                HOME is "/home/me", from the environment of this process

            """
    )
}

@Test("variables in files of variables are followed")
func explainChain() throws {
    #expect(
        try text("services.web.environment.URL", environment: ["COMPOSE_PROJECT_NAME": "named"]) == """
            services.web.environment.URL: "pg://from-file/debug/here/fast!"
              web.env:5:1: "URL=pg://${DB}/$LEVEL/$ONLY/${SPEED}"
                DB is "from-file", from .env:1:1
                LEVEL is "debug", from compose.override.yaml:4:9
                ONLY is "here", from web.env:4:1
                SPEED is "fast!", from .env:3:1
                  MODE is "fast", from .env:2:1
                the file is named here: compose.yaml:6:16
                services.web extends services.base here: compose.yaml:10:14

            """
    )
}

@Test("the name of the project may come from elsewhere")
func explainName() throws {
    #expect(try text("name") == "name: \"app\"\n  implied: the name of the directory\n")
    #expect(
        try text("name", environment: ["COMPOSE_PROJECT_NAME": "named"]) == """
            name: "named"
              variable COMPOSE_PROJECT_NAME: "named"
                COMPOSE_PROJECT_NAME is "named", from the environment of this process

            """
    )
}

@Test("keys with dots, label files, whole commands, short forms and replaced lists are explained")
func explainForms() throws {
    #expect(
        try text("services.web.labels.traefik.enable") == """
            services.web.labels.traefik.enable: "true"
              compose.yaml:8:30: "true"
                services.web extends services.base here: compose.yaml:10:14
              overrides web.labels:1:1: traefik.enable=false
                the file is named here: compose.yaml:7:17
                services.web extends services.base here: compose.yaml:10:14

            """
    )
    #expect(
        try text("services.web.command") == """
            services.web.command: ["sleep", "1"]
              compose.override.yaml:8:14: ["sleep", "1"]
              overrides compose.yaml:13:14: "sh -c \\"run $MODE\\""
                MODE is "fast", from .env:2:1

            """
    )
    #expect(
        try text("services.web.ports[0].target") == """
            services.web.ports[0].target: 90
              compose.override.yaml:7:32: 90
              overrides compose.yaml:11:13: "8080:80"

            """
    )
    #expect(
        try text("services.web.volumes[0].source") == """
            services.web.volumes[0].source: "/app/site"
              compose.yaml:12:15: "./site:/site"
                made an absolute path: "/app/site"

            """
    )
}

@Test("defaults, what follows from the rest, and what is included say so")
func explainImplied() throws {
    #expect(
        try text("services.web.ports[0].mode") + text("services.web.networks") == """
            services.web.ports[0].mode: "ingress"
              implied: a default
            services.web.networks.default: null
              implied: it follows from the rest of the project

            """
    )
    #expect(
        try text("services.inner.user") == """
            services.inner.user: ""
              sub/inc.yaml:1:68: "$WHO"
                WHO is not set and stands for nothing
                included here: compose.yaml:1:11
              overrides sub/deep.yaml:1:36: root
                services.inner extends services.one here: sub/inc.yaml:1:29
                included here: compose.yaml:1:11

            """
    )
}

@Test(
    "a path to nothing names the nearest one",
    arguments: [
        ("services.web.enviroment.DB_HOST", "did you mean services.web.environment.DB_HOST?"),
        ("service.web", "did you mean services.web?"),
        ("services.web.ports[3]", "the nearest is services.web.ports, which has 1 elements"),
        (
            "services.web.volumes[0].source.x",
            "the nearest is services.web.volumes[0].source, which holds a single value"
        ),
        ("services.quux", "the nearest is services, which has base, inner, web"),
    ]
)
func explainUnknown(path: String, expected: String) throws {
    guard case .failure(let unknown)? = explain(path) else {
        Issue.record("\(path) is no mistake")
        return
    }
    #expect("\(unknown)".hasPrefix("there is no \(path)") && "\(unknown)".hasSuffix(expected), "\(unknown)")
}

@Test("programs get explanations as JSON")
func explainJSON() throws {
    let all = try #require(explain("services.web.environment.LEVEL")).get()
    #expect(
        Explanation.json(all).hasPrefix(
            """
            [
              {
                "path": "services.web.environment.LEVEL",
                "value": "debug",
                "sources": [
                  {
                    "kind": "written",
                    "file": "compose.override.yaml",
                    "line": 4,
                    "column": 9,
                    "text": "LEVEL=debug",
                    "variables": [],
                    "via": [],
                    "remarks": []
                  },
            """
        )
    )
}
