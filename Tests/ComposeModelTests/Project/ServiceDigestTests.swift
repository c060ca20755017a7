import ComposeModel
import Testing
import YAMLComposer

private let base = """
    services:
      web:
        image: nginx
        environment: {DEBUG: "0", LEVEL: a}
        networks: [back]
        volumes: ["data:/data"]
        secrets: [key]
        deploy: {resources: {limits: {cpus: "1"}}}
      db: {image: db}
    networks: {back: }
    volumes: {data: }
    secrets: {key: {file: ./key}}
    """

/// The digest of `web` after one text was replaced by another.
private func digest(
    _ text: String = "",
    _ other: String = "",
    contents: [String: String] = ["secrets.key": "1"]
) throws -> ServiceDigest {
    let changed = text.isEmpty ? base : base.replacing(text, with: other)
    try #require(text.isEmpty || changed != base)
    let (tree, report) = load(["compose.yaml": changed])
    let project = try #require(tree, "\(report)")
    return try #require(ServiceDigest(of: "web", in: project, contents: contents))
}

@Test("a digest has 64 characters, and is the same for the same project")
func stableDigest() throws {
    let first = try digest()
    #expect(first.description.count == 64)
    #expect(try digest() == first)
    #expect(try digest("{DEBUG: \"0\", LEVEL: a}", "[LEVEL=a, DEBUG=0]") == first)
}

@Test("a digest survives JSON")
func digestAfterJSON() throws {
    let tree = try #require(load(["compose.yaml": base]).tree)
    let text = Array(JSONPrinter.print(tree).utf8)
    let again = try JSONReader.read(SourceFile(name: "project.json", bytes: text))
    #expect(ServiceDigest(of: "web", in: again) == ServiceDigest(of: "web", in: tree))
    #expect(ServiceDigest(of: "nobody", in: tree) == nil)
}

@Test(
    "what no container is made from does not change the digest",
    arguments: [
        "scale: 3", "depends_on: [db]", "build: .", "profiles: []", "pull_policy: always", "x-own: 1", "attach: false",
        "develop: {watch: [{path: ., action: rebuild}]}", "command:",
    ]
)
func ignoredChange(line: String) throws {
    #expect(try digest("    image: nginx\n", "    image: nginx\n    \(line)\n") == digest())
    #expect(try digest("deploy: {", "deploy: {replicas: 2, update_config: {delay: 1s}, ") == digest())
}

@Test(
    "what containers are made from changes the digest, and is named",
    arguments: [
        ("image: nginx", "image: caddy", "image"), ("DEBUG: \"0\"", "DEBUG: \"1\"", "environment.DEBUG"),
        (", LEVEL: a", "", "environment.LEVEL"), ("[back]", "{back: {aliases: [b]}}", "networks.back.aliases"),
        ("cpus: \"1\"", "cpus: \"2\"", "deploy.resources.limits.cpus"),
        ("data:/data", "data:/other", "volumes"), ("{back: }", "{back: {internal: true}}", "network back: internal"),
        ("{data: }", "{data: {labels: {a: b}}}", "volume data: labels.a"),
        ("    image: nginx\n", "    image: nginx\n    command: a\n", "command"),
        ("    image: nginx\n", "    image: nginx\n    labels: {a.b: c}\n", "labels.a.b"),
    ]
)
func namedChange(text: String, other: String, field: String) throws {
    let (before, after) = (try digest(), try digest(text, other))
    #expect(before.description != after.description)
    #expect(ServiceDigest.changedFields(from: before.form, to: after.form) == [field])
    #expect(ServiceDigest.changedFields(from: before.form, to: before.form) == [])
}

@Test("other content of a secret changes the digest, another place of it does not")
func contentChange() throws {
    let (before, after) = (try digest(), try digest(contents: ["secrets.key": "2"]))
    #expect(before != after)
    #expect(ServiceDigest.changedFields(from: before.form, to: after.form) == ["content of secrets.key"])
    #expect(try digest("./key", "./elsewhere") == before)
}

@Test("a record that nobody wrote gives no fields", arguments: ["", "{", "{\"service\": {}}", "[]"])
func unreadableForm(text: String) throws {
    #expect(ServiceDigest.changedFields(from: text, to: try digest().form) == nil)
}
