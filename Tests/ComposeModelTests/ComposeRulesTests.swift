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

    @Test("all devices in one word are no list that grows, but a word that a service replaces")
    func gpus() {
        let list = "gpus: [{device_ids: [\"0\"]}]"
        let base = "services: {base: {image: i, gpus: all}, web: {image: i, extends: base, \(list)}}"
        #expect(web([base]) == #"{"gpus":[{"device_ids":["0"]}]}"#)
        let first = "services: {web: {image: i, gpus: all}}"
        #expect(web([first, "services: {web: {\(list)}}"]) == #"{"gpus":[{"count":-1},{"device_ids":["0"]}]}"#)
        #expect(web([first, first]).contains("a list can't be merged with a list of an earlier file"))
    }

    @Test("what scale says is shown in deploy too") func scale() {
        let text = "services: {web: {image: i, scale: 3, deploy: {mode: replicated}}}"
        #expect(web([text]).contains(#""replicas":3"#))
        let (tree, _) = load(["compose.yaml": text]) { $0.checksConsistency = false }
        #expect(tree?["services"]?["web"]?["deploy"]?["replicas"] == nil)
    }

    @Test("lines of an environment file count more than earlier files, and less than the service's own")
    func serviceFiles() {
        let text = "services: {web: {image: i, env_file: [b.env, a.env], environment: {OWN: o}}}"
        let files = ["b.env": "A=2\nQ=9", "a.env": "A=1\nZ=${A}${Q}${OWN}\nOWN=x\nY=${OWN}"]
        #expect(web([text], files) == #"{"environment":{"A":"1","OWN":"o","Q":"9","Y":"o","Z":"19o"}}"#)
    }

    @Test("an empty build context stays one, and none is the project's directory")
    func contexts() {
        let (tree, _) = load(["compose.yaml": "services: {a: {build: \"\"}, b: {build: {target: t}}}"]) {
            $0.normalises = false
        }
        #expect(tree?["services"]?["a"]?["build"]?["context"]?.string == "")
        #expect(tree?["services"]?["b"]?["build"]?["context"]?.string == "/app")
    }

    @Test("paths of other files start at the project's directory when they stay as they are written")
    func writtenPaths() {
        let files = [
            "compose.yaml": "include: [in/c.yaml]\nservices: {web: {extends: {file: up/b.yaml, service: base}}}",
            "in/c.yaml": "include: [deep/c.yaml]\nservices: {a: {image: i, volumes: [\"./d:/d\", \"/h:/h\"]}}",
            "in/deep/c.yaml": "services: {b: {image: i, volumes: [\"../d:/d\", \"./e:/e\"]}}",
            "up/b.yaml": "services: {base: {image: i, volumes: [\"../d:/d\"]}}",
        ]
        let (tree, report) = load(files) { $0.resolvesPaths = false }
        #expect(report == "")
        func sources(_ name: String) -> [String] {
            (tree?["services"]?[name]?["volumes"]?.sequence ?? []).compactMap { $0["source"]?.string }
        }
        #expect(sources("web") == ["d"])
        #expect(sources("a") == ["in/d", "/h"])
        #expect(sources("b") == ["in/d", "in/deep/e"])
    }

    @Test("a list of names asks for no more than names") func names() {
        let text = """
            services:
              a: {image: x, container_name: one, env_file: [{path: e, format: odd}], profiles: ["${P}"]}
              b: {image: x, container_name: one}
            volumes: {unused: {}}
            """
        let (tree, report) = load(["compose.yaml": text, "e": ""], environment: ["P": "p"]) {
            $0.wantsNamesOnly = true
            $0.profiles = ["p"]
        }
        #expect(report == "")
        #expect(tree?["services"]?.mapping?.keys.count == 2)
        let (raw, _) = load(["compose.yaml": text, "e": ""]) {
            $0.wantsNamesOnly = true
            $0.interpolates = false
        }
        #expect(raw?["volumes"]?.mapping?.isEmpty == true)
    }

    @Test("without replaced variables a value is as it was written, and an empty list in JSON none")
    func raw() {
        let text = """
            x-a: []
            services:
              a:
                image: x
                gpus: all
                volumes_from: []
                ports: []
                environment: [E, U]
            """
        let (tree, _) = load(["compose.yaml": text], environment: ["E": ""]) { $0.interpolates = false }
        let shown = tree.map { ConfigTree(form: .json, escapesDollars: false).tree(of: $0) }
        let service = shown?["services"]?["a"]
        #expect(service?["gpus"]?.sequence?.first?["count"]?.string == "all")
        #expect(service?["volumes_from"]?.isNull == true && shown?["x-a"]?.isNull == true)
        #expect(service?["ports"]?.sequence?.isEmpty == true)
        #expect(service?["environment"]?.sequence?.compactMap(\.string) == ["E", "U"])
        let limit = load(["compose.yaml": "services: {a: {image: x, ulimits: {nofile: \"${N}\"}}}"]) {
            $0.interpolates = false
        }
        #expect(limit.report.contains("must be a number or have \"soft\" and \"hard\""), "\(limit.report)")
    }

    @Test("whether .env is read is asked only where no other files are named") func disabled() {
        let text = ["compose.yaml": "services: {web: {image: i}}", "e": ""]
        let variables = ["COMPOSE_DISABLE_ENV_FILE": "x"]
        #expect(load(text, environment: variables).report.contains("is true or false, not \"x\""))
        #expect(load(text, environment: variables) { $0.environmentFiles = ["e"] }.report == "")
    }

    @Test("what is not completed has the name of its files, and targets that are clean") func incomplete() {
        let text =
            "name: A Shop\nservices: {web: {image: i, label_file: l, volumes: [\"vol:/a/../d/\", /x//y]}}\nvolumes: {vol: }"
        let (tree, report) = load(["compose.yaml": text, "l": "a=b"]) {
            $0.normalises = false
            $0.resolvesEnvironment = false
        }
        #expect(report == "" && tree?["name"]?.string == "A Shop")
        let web = tree?["services"]?["web"]
        #expect(web?["volumes"]?.sequence?.compactMap { $0["target"]?.string } == ["/d", "/x/y"])
        #expect(web?["labels"]?["a"]?.string == "b")
        #expect(load(["compose.yaml": text]) { $0.wantsNamesOnly = true }.report.contains("there is no file l"))
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
            ("storage_opt: {a: 1.5}", "services.web.storage_opt.a must be text or a whole number, not 1.5"),
            ("storage_opt: {a: 1, b: }", #"{"storage_opt":{"a":"1","b":""}}"#),
            ("mem_limit: \"0x10\"", "services.web.mem_limit must be an amount such as 512m or 2g, not \"0x10\""),
            ("cpus: \"0x1p-1\"", #"{"cpus":0.5}"#),
            ("group_add: [1.5]", "services.web.group_add must be text or a whole number, not 1.5"),
            ("expose: [1.5]", "services.web.expose must be text or a whole number, not 1.5"),
            ("memswap_limit: \"-1\"", "services.web.memswap_limit must be an amount such as 512m or 2g, not \"-1\""),
            ("ports: [\"80:0\"]", "services.web.ports: a container has no port 0"),
            (
                "labels: {a: 1e6, b: 999999.5, c: 123456789.125, d: 1e-5, e: 0.0001, f: -9223372036854775809, g: -0.0}",
                #"{"labels":{"a":"1e+06","b":"999999.5","c":"1.23456789125e+08","d":"1e-05","e":"0.0001","f":"-9.223372036854776e+18","g":"-0"}}"#
            ),
            (
                "labels: {a: 5.0, b: 1e21, c: 0x8000000000000000}",
                #"{"labels":{"a":"5","b":"1e+21","c":"9223372036854775808"}}"#
            ),
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

    @Test("a line of an environment file counts more than an earlier file, and less than the process")
    func environmentFiles() {
        let files = [
            "compose.yaml": "services: {s: {image: \"$C-$D\"}}", "1.env": "A=1\nB=1",
            "2.env": "B=2\nC=$A$B\nB\nD=$B$P\n",
        ]
        let (tree, _) = load(files, environment: ["P": "p"]) { $0.environmentFiles = ["1.env", "2.env"] }
        #expect(tree?["services"]?["s"]?["image"]?.string == "12-2p")
    }

    @Test("a name that comes out empty is none")
    func emptyName() {
        let (tree, report) = load(["compose.yaml": "name: \"${U:-}\"\nservices: {s: {image: i}}"])
        #expect(tree == nil && report.hasPrefix("compose.yaml:1:7: \"\" is no project name"))
    }
}
