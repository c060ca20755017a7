import ComposeModel
import Testing
import YAMLComposer

/// What is said about a project of several files, also when it is made ready to run.
private func report(_ files: [String: String], environment: [String: String] = [:]) -> String {
    let (tree, report) = load(files, environment: environment)
    guard let tree else { return report }
    let diagnostics = DiagnosticCollector()
    _ = Project(tree: tree, directory: "/app", diagnostics: diagnostics)
    return report + DiagnosticRenderer().render(diagnostics.all)
}

@Test("a mistake in a file that a service extends names the service")
func extendedFrom() {
    let files = [
        "compose.yaml": """
        services:
          web:
            extends: {file: base.yaml, service: common}
        """,
        "base.yaml": """
        services:
          common:
            image: nginx
            ports: 80
        """,
    ]
    #expect(
        report(files) == """
            base.yaml:4:12: services.common.ports must be a list, not a number
                    ports: 80
                           ^
              compose.yaml:3:14: services.web extends services.common here

            """
    )
}

@Test("a value that came through two services and an include tells the whole way")
func longWay() {
    let files = [
        "compose.yaml": "include: [sub/inc.yaml]",
        "sub/inc.yaml": """
        services:
          a: {image: nginx, stop_signal: NOPE1, scale: 0}
          b: {extends: a, image: other}
        """,
    ]
    let told = report(files)
    #expect(
        told.hasSuffix(
            """
            sub/inc.yaml:2:34: services.b.stop_signal can't be "NOPE1"
                  a: {image: nginx, stop_signal: NOPE1, scale: 0}
                                                 ^
              hint: use a name such as SIGINT, or a number from 1 to 64
              sub/inc.yaml:3:16: services.b extends services.a here
              compose.yaml:1:11: included here

            """
        ),
        "\(told)"
    )
}

@Test("a value from a variable tells where the variable is set")
func variableNotes() {
    let file = """
        services:
          web: {image: nginx, mem_limit: "${LIMIT}", shm_size: "$SIZE"}
        """
    #expect(
        report(["compose.yaml": file, ".env": "A=1\nLIMIT=lots\n"], environment: ["SIZE": "none"]) == """
            compose.yaml:2:34: services.web.mem_limit must be an amount such as 512m or 2g, not "lots"
                  web: {image: nginx, mem_limit: "${LIMIT}", shm_size: "$SIZE"}
                                                 ^
              .env:2:1: LIMIT is set here
            compose.yaml:2:56: services.web.shm_size must be an amount such as 512m or 2g, not "none"
                  web: {image: nginx, mem_limit: "${LIMIT}", shm_size: "$SIZE"}
                                                                       ^
              SIZE comes from the environment of this process

            """
    )
}

@Test("whoever takes env_file for the file's own variables is told")
func missingVariableOfEnvironmentFile() {
    let files = [
        "compose.yaml": """
        services:
          web: {image: nginx, env_file: web.env, command: ["run", "$PASS"]}
          db: {image: "db:$TAG", environment: {A: "$PASS"}}
        """,
        "web.env": "# ours\nPASS=x\nTAG=1\n",
    ]
    #expect(
        report(files) == """
            compose.yaml:2:59: warning: the variable PASS is not set and stands for nothing here
                  web: {image: nginx, env_file: web.env, command: ["run", "$PASS"]}
                                                                          ^
              hint: what env_file has reaches the container, not this file: put PASS into .env, or use --env-file web.env
              web.env:2:1: PASS is set here
            compose.yaml:3:15: warning: the variable TAG is not set and stands for nothing here
                  db: {image: "db:$TAG", environment: {A: "$PASS"}}
                              ^

            """
    )
}

@Test("programs get a diagnostic as one line of JSON, with the path of the value")
func diagnosticLines() throws {
    let files = [
        "compose.yaml": """
        services:
          web:
            extends: {file: base.yaml, service: common}
            ports:
              - "80:80"
              - target: 1
                publish: 3
        """,
        "base.yaml": "services: {common: {image: nginx, cap_add: [SYS_TIME, 'NO\"PE']}}",
    ]
    let diagnostics = DiagnosticCollector()
    let options = LoadOptions(environment: [:], workingDirectory: "/app")
    let placed = Dictionary(uniqueKeysWithValues: files.map { ("/app/" + $0.key, $0.value) })
    _ = Loader(options, reader: MemoryFiles(files: placed), diagnostics: diagnostics).load()
    #expect(
        DiagnosticJSON().render(diagnostics.all)
            == #"{"severity":"error","file":"compose.yaml","line":7,"column":9,"endColumn":16,"#
            + #""path":"services.web.ports[1].publish","#
            + #""message":"there is no key \"publish\" in services.web.ports[1]","hint":"did you mean \"published\"?","#
            + #""notes":[]}"# + "\n"
    )
    let (tree, _) = load(
        files.merging(["compose.yaml": "services: {web: {extends: {file: base.yaml, service: common}}}"]) { $1 }
    )
    let found = DiagnosticCollector()
    _ = Project(tree: try #require(tree), directory: "/app", diagnostics: found)
    #expect(
        DiagnosticJSON().render(found.all)
            == #"{"severity":"error","file":"base.yaml","line":1,"column":55,"endColumn":62,"#
            + #""path":"services.web.cap_add[1]","#
            + #""message":"services.web.cap_add[1]: there is no capability \"NO\"PE\"","hint":"capabilities(7) lists them","#
            + #""notes":[{"message":"services.web extends services.common here","file":"compose.yaml","line":1,"column":27}]}"#
            + "\n"
    )
}
