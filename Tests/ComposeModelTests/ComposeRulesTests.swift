import ComposeModel
import Testing
import YAMLComposer

/// Rules of Compose that nobody would guess, found by comparing with it on files that a program made up.
struct ComposeRulesTests {
    /// What a value of the label `v` becomes.
    private func value(_ text: String) -> String {
        let quoted = text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
        let files = ["compose.yaml": "services: {s: {image: x, labels: {v: \"\(quoted)\"}}}"]
        let (tree, report) = load(files, environment: ["A": "v", "E": ""])
        return tree?["services"]?["s"]?["labels"]?["v"]?.string ?? report.split(separator: "\n").first.map(String.init)
            ?? ""
    }

    @Test(
        "braces count in what stands behind a variable",
        arguments: [
            ("${A:-{x}}", "v"), ("${U:-{x}}", "{x}"), ("${A:-{\"a\":{\"b\":1}}}!", "v!"),
            ("${U:-{\"a\":\"b\"}}", "{\"a\":\"b\"}"),
            ("${U:+{a}}", ""), ("${A:-{}}", "v"), ("${U:-{}}", "{}"), ("{${A}}", "{v}"), ("${E:-${U:-{y}}}", "{y}"),
        ]
    )
    func braces(text: String, expected: String) { #expect(value(text) == expected) }

    @Test(
        "what stands behind a variable is on its line, and right even when nobody needs it",
        arguments: [
            ("${U:-a\nb}", "holds a malformed variable"), ("${A:-a\nb}", "holds a malformed variable"),
            ("${U:-${A}\n}", "holds a malformed variable"),
            ("${A-${U:?is missing}}", "the variable U needs a value: is missing"),
            ("${A:-${}}", "holds a malformed variable"),
        ]
    )
    func badStandIns(text: String, expected: String) { #expect(value(text).hasSuffix(expected), "\(value(text))") }

    /// The service `web` of a project as JSON, or the first line of what is wrong with it.
    private func web(_ files: [String], _ others: [String: String] = [:]) -> String {
        var placed = others
        for (index, text) in files.enumerated() { placed["f\(index).yaml"] = text }
        let (tree, report) = load(placed) { $0.files = files.indices.map { "f\($0).yaml" } }
        guard let tree else { return report.split(separator: "\n").first.map(String.init) ?? "" }
        var service = ConfigTree(form: .json, escapesDollars: true).tree(of: tree)["services"]?["web"]
        for key in ["command", "entrypoint", "networks", "image"] { service?.remove(key) }
        return service.map { JSONPrinter.print($0).filter { $0 != "\n" && $0 != " " } } ?? ""
    }

    @Test(
        "tags act where they stand",
        arguments: [
            // What !override stands before is text.
            ("hostname: old", "hostname: !override 1.5", #"{"hostname":"1.5"}"#),
            ("hostname: old", "hostname: !override null", #"{"hostname":"null"}"#),
            ("privileged: true", "privileged: !override false", "{}"),
            // What !reset stands before may be anything.
            ("privileged: true", "privileged: !reset \"${U:?}\"", "{}"),
            ("cpu_shares: 5", "cpu_shares: !reset few", "{}"),
            ("dns_opt: [a]", "dns_opt: [b, !reset a]", #"{"dns_opt":["a","b"]}"#),
            // What is taken away where nothing is yet comes back with nobody.
            ("expose: !reset [1]", "expose: [2]", #"{"expose":["2"]}"#),
            ("cpus: 1, extends: !reset {service: nobody}", "cpus: 2", #"{"cpus":2}"#),
            // Only what has the same form is merged.
            ("x-a: {b: 1}", "x-a: [1]", "a list can't be merged with a mapping of an earlier file"),
            (
                "x-a: {b: {c: 1}}", "x-a: {b: 1}",
                "a number can't be merged with a mapping of an earlier file"
            ),
        ]
    )
    func tags(earlier: String, later: String, expected: String) {
        let first = "services: {web: {image: i, \(earlier)}}"
        #expect(web([first, "services: {web: {image: i, \(later)}}"]).hasSuffix(expected))
    }

    @Test("tags of a file that others take from act in that file only")
    func foreignTags() {
        let others = ["b.yaml": "services: {base: {image: i, expose: !override [1], dns_opt: !reset [a]}}"]
        let first = "services: {web: {image: i, expose: [2], dns_opt: [b]}}"
        let second = "services: {web: {extends: {file: b.yaml, service: base}}}"
        #expect(web([first, second], others) == #"{"dns_opt":["b"],"expose":["2","1"]}"#)
    }

    @Test("options of a provider take each other's place, and lists of them join")
    func providerOptions() {
        let files = [
            "services: {web: {provider: {type: t, options: {a: 1, b: [x], c: []}}}}",
            "services: {web: {provider: {type: t, options: {a: 2, b: [y]}}}}",
        ]
        #expect(web(files) == #"{"provider":{"options":{"a":["2"],"b":["x","y"]},"type":"t"}}"#)
        let other = "services: {web: {provider: {type: t, options: {b: y}}}}"
        #expect(web([files[0], other]) == "f1.yaml:1:51: text can't be merged with a list of an earlier file")
    }

    @Test(
        "a service extends what is in its file",
        arguments: [
            ("{file: b.yaml}", "services.web.extends needs \"service\""),
            ("{file: !reset b.yaml, service: base}", "there is no service \"base\" to extend"),
            ("inc", "there is no service \"inc\" to extend"),
            ("{file: b.yaml, service: base}", "the variable NEEDED needs a value: no"),
        ]
    )
    func extending(extends: String, expected: String) {
        let others = [
            "b.yaml": "services: {base: {image: i}, other: {image: \"${NEEDED:?no}\"}}",
            "i.yaml": "services: {inc: {image: i}}",
        ]
        let report = web(["include: [i.yaml]\nservices: {web: {image: i, extends: \(extends)}}"], others)
        #expect(report.contains(expected), "\(report)")
    }

    @Test(
        "a value is taken, shown or refused as by Compose",
        arguments: [
            ("ulimits: {nofile: 0, core: {soft: 0, hard: 1}}", #"{"ulimits":{"core":{"hard":1},"nofile":{}}}"#),
            (
                "build: {context: /, ulimits: {n: \"5\"}}",
                "services.web.build.ulimits.n must be a number without quotes and variables"
            ),
            (
                "blkio_config: {weight: \"300\"}",
                "services.web.blkio_config.weight must be a number without quotes and variables"
            ),
            (
                "blkio_config: {weight_device: [{path: /a}], device_read_bps: [{rate: 1k}]}",
                #"{"blkio_config":{"device_read_bps":[{"Path":"","Rate":"1024"}],"weight_device":[{"Path":"/a","Weight":0}]}}"#
            ),
            ("group_add: [1.5]", "services.web.group_add must be text or a whole number, not 1.5"),
            ("expose: [1.5]", "services.web.expose must be text or a whole number, not 1.5"),
            ("memswap_limit: \"-1\"", "services.web.memswap_limit must be an amount such as 512m or 2g, not \"-1\""),
            ("ports: [\"80:0\"]", "services.web.ports: a container has no port 0"),
            ("memswap_limit: -1", #"{"memswap_limit":"-1"}"#), ("healthcheck: {test: []}", #"{"healthcheck":{}}"#),
            ("logging: {options: {a: }}", #"{"logging":{"options":{"a":""}}}"#),
            ("profiles: [\"\"]", #"{"profiles":[""]}"#),
            ("env_file: [{path: e, format: \"\"}]", #"{"environment":{"E":"1"}}"#),
            (
                "depends_on: {nobody: {condition: service_started, required: false}}",
                "depends on \"nobody\", which is not there or not active"
            ),
            ("build: {context: /, secrets: [{}]}", "\"\" is not defined under \"secrets\""),
        ]
    )
    func values(attribute: String, expected: String) {
        let found = web(["services: {web: {image: i, \(attribute)}}"], ["e": "E=1"])
        #expect(found.contains(expected), "\(found)")
    }

    @Test("an optional dependency may be off, but not unknown")
    func optionalDependency() {
        let text =
            "services: {web: {image: i, depends_on: {b: {condition: service_started, required: false}}}, b: {image: i, profiles: [p]}}"
        #expect(web([text]).contains("depends_on"))
    }

    @Test("a name that comes out empty is none")
    func emptyName() {
        let (tree, report) = load(["compose.yaml": "name: \"${U:-}\"\nservices: {s: {image: i}}"])
        #expect(tree == nil && report.hasPrefix("compose.yaml:1:7: \"\" is no project name"))
    }
}
