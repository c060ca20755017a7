import ComposeModel
import Testing
import YAMLComposer

@Test("short forms are spelled out")
func shortForms() {
    #expect(
        config(
            """
            services:
              web:
                image: nginx
                ports: ["8080-8081:80-81/udp"]
                volumes: ["./site:/srv:ro", "data:/data"]
                command: sh -c "echo $$HOME"
                mem_limit: 1.5g
            volumes: {data: }
            """
        ) == """
            name: app
            networks:
              default:
                name: app_default
            services:
              web:
                command:
                  - sh
                  - "-c"
                  - echo $$HOME
                image: nginx
                mem_limit: "1610612736"
                networks:
                  default: null
                ports:
                  - mode: ingress
                    protocol: udp
                    published: "8080"
                    target: 80
                  - mode: ingress
                    protocol: udp
                    published: "8081"
                    target: 81
                volumes:
                  - bind:
                      create_host_path: true
                    read_only: true
                    source: /app/site
                    target: /srv
                    type: bind
                  - source: data
                    target: /data
                    type: volume
                    volume: {}
            volumes:
              data:
                name: app_data

            """
    )
}

@Test("all mistakes of a file are reported at once, each with its place")
func mistakes() {
    #expect(
        config(
            """
            services:
              web:
                imaeg: nginx
                ports: 80
                restart: {}
            volums: {}
            """
        ) == """
            compose.yaml:3:5: there is no key "imaeg" in services.web
                    imaeg: nginx
                    ^
              hint: did you mean "image"?
            compose.yaml:4:12: services.web.ports must be a list, not a number
                    ports: 80
                           ^
            compose.yaml:5:14: services.web.restart must be text, not a mapping
                    restart: {}
                             ^
            compose.yaml:6:1: there is no key "volums" at the top of a Compose file
                volums: {}
                ^
              hint: did you mean "volumes"?

            """
    )
}

@Test("a dependency that is not there is shown where it is named")
func missingDependency() {
    #expect(
        config("services:\n  web:\n    image: x\n    depends_on: [bd]\n  db: {image: y}\n") == """
            compose.yaml:4:18: "web" depends on "bd", which is not there or not active
                    depends_on: [bd]
                                 ^
              hint: did you mean "db"?

            """
    )
}

@Test(
    "variables are replaced in every form",
    arguments: [
        ("$A", "a"), ("${A}", "a"), ("${NO:-d}", "d"), ("${EMPTY-d}", "''"), ("${EMPTY:-d}", "d"), ("${A:+set}", "set"),
        ("${NO:-${A}b}", "ab"), ("$$A", "$A"), ("${NO+x}y", "y"),
    ]
)
func interpolation(text: String, value: String) throws {
    let files = ["compose.yaml": "services: {s: {image: \"x\(text)\"}}"]
    let (tree, _) = load(files, environment: ["A": "a", "EMPTY": ""])
    #expect(tree?["services"]?["s"]?["image"]?.string == (value == "''" ? "x" : "x" + value))
}

@Test("a later file wins, adds, resets and overrides")
func merging() throws {
    let files = [
        "a.yaml": "services: {s: {image: a, cap_add: [A], dns: [\"1.1.1.1\"], environment: [X=1, Y=1], user: u}}",
        "b.yaml":
            "services: {s: {image: b, cap_add: [A, B], dns: !override [\"2.2.2.2\"], environment: {Y: 2}, user: !reset }}",
    ]
    let (tree, report) = load(files) { $0.files = ["a.yaml", "b.yaml"] }
    let service = try #require(tree?["services"]?["s"], "\(report)")
    #expect(service["image"]?.string == "b")
    #expect(service["cap_add"]?.sequence?.compactMap(\.string) == ["A", "B"])
    #expect(service["dns"]?.sequence?.compactMap(\.string) == ["2.2.2.2"])
    #expect(service["environment"]?["X"]?.string == "1")
    #expect(service["environment"]?["Y"]?.string == "2")
    #expect(service["user"] == nil)
}

@Test("a service extends one of another file, whose paths start there")
func extending() throws {
    let files = [
        "compose.yaml": "services: {s: {extends: {file: base/b.yaml, service: t}, tty: true}}",
        "base/b.yaml": "services: {t: {build: ., image: x}}",
    ]
    let (tree, report) = load(files)
    let service = try #require(tree?["services"]?["s"], "\(report)")
    #expect(service["build"]?["context"]?.string == "/app/base")
    #expect(service["tty"]?.bool == true)
}

@Test("an included project has its own directory and variables")
func including() throws {
    let files = [
        "compose.yaml": "include: [sub/compose.yaml]\nservices: {a: {image: a, depends_on: [b]}}",
        "sub/compose.yaml": "services: {b: {image: \"$IMAGE\", volumes: [\"./d:/d\"]}}", "sub/.env": "IMAGE=busybox\n",
    ]
    let (tree, report) = load(files)
    let service = try #require(tree?["services"]?["b"], "\(report)")
    #expect(service["image"]?.string == "busybox")
    #expect(service["volumes"]?.sequence?.first?["source"]?.string == "/app/sub/d")
}

@Test("the variables of a service come from its files, then from itself")
func environmentFiles() throws {
    let files = [
        "compose.yaml": "services: {s: {image: x, env_file: v.env, environment: {B: own, C: }}}",
        "v.env": "export A=\"one\\ntwo\" # comment\nB=file\nD='$A'\nE=${A}!\n",
    ]
    let (tree, report) = load(files, environment: ["C": "outer"])
    let variables = try #require(tree?["services"]?["s"]?["environment"]?.mapping, "\(report)")
    let texts = variables.entries.map { "\($0.key)=\($0.value.string ?? "")" }.sorted()
    #expect(texts == ["A=one\ntwo", "B=own", "C=outer", "D=$A", "E=one\ntwo!"])
}

@Test("services are on by profile or by name")
func profiles() {
    let files = [
        "compose.yaml": "services: {a: {image: x}, b: {image: x, profiles: [p]}, c: {image: x, profiles: [q]}}"
    ]
    #expect(load(files).tree?["services"]?.mapping?.keys == ["a"])
    #expect(load(files) { $0.profiles = ["p"] }.tree?["services"]?.mapping?.keys == ["a", "b"])
    #expect(load(files) { $0.services = ["c"] }.tree?["services"]?.mapping?.keys == ["c"])
}

@Test("what config prints reads back as the same project")
func roundTrip() {
    let printed = config("services: {s: {image: x, ports: [\"80\"], ulimits: {nofile: 5}, dns: 1.1.1.1}}")
    #expect(config(printed) == printed)
}

@Test(
    "lengths of time read and print",
    arguments: [
        ("90s", "1m30s"), ("1h", "1h0m0s"), ("1.5s", "1.5s"), ("300ms", "300ms"), ("0", "0s"), ("1d", "24h0m0s"),
    ]
)
func timeSpans(text: String, printed: String) { #expect(TimeSpan(text: text)?.description == printed) }

@Test(
    "amounts read as powers of 1024",
    arguments: [("512", 512), ("1k", 1024), ("1.5kb", 1536), ("2GiB", 2 << 30), ("-1", -1)]
)
func byteCounts(text: String, bytes: Int) { #expect(ByteCount(text: text)?.bytes == bytes) }

@Test("variables in one another have a bound")
func nestedVariables() {
    func report(levels: Int) -> String {
        let value = String(repeating: "${A:-", count: levels) + "x" + String(repeating: "}", count: levels)
        return load(["compose.yaml": "services: {web: {image: a}}\nx-note: \"\(value)\""]).report
    }
    #expect(report(levels: 50).isEmpty)
    #expect(
        report(levels: 100_000).hasPrefix(
            "compose.yaml:2:9: variables stand in one another more than 50 levels deep\n    x-note: \"${A:-${A:-"
        )
    )
    #expect(report(levels: 100_000).count < 500)
}

@Test("a file can't send anything to the terminal but text")
func terminalEscapes() {
    let report = load(["compose.yaml": #"services: {web: {image: a, "\e[2J\x9b1m": 1}}"#]).report
    #expect(report.hasPrefix(#"compose.yaml:1:28: there is no key "\u{1B}[2J\u{009B}1m" in services.web"#))
}

@Test("an unknown key hides no other mistake, and makes none up")
func unknownKeyAndOthers() {
    #expect(
        config(
            """
            services:
              web:
                imge: nginx
                depends_on: [databse]
                ports: [{taget: 80}]
              database:
                image: db
                networks: [back]
            """
        ) == """
            compose.yaml:3:5: there is no key "imge" in services.web
                    imge: nginx
                    ^
              hint: did you mean "image"?
            compose.yaml:4:18: "web" depends on "databse", which is not there or not active
                    depends_on: [databse]
                                 ^
              hint: did you mean "database"?
            compose.yaml:5:14: there is no key "taget" in services.web.ports[0]
                    ports: [{taget: 80}]
                             ^
              hint: did you mean "target"?
            compose.yaml:8:16: "back" is not defined under "networks"
                    networks: [back]
                               ^
              hint: define it, at the left margin: networks: {back: {}}

            """
    )
}

@Test("one run tells what each pass finds, once, and nothing that only follows from it")
func allMistakesInOneRun() {
    #expect(
        config(
            """
            nam: shop
            services:
              web:
                imge: nginx
                ports: ["80:99999", "443"]
                stop_grace_period: soon
                mem_limit: [1g]
                networks: [front, bck]
                extends: {service: bse}
              db:
                image: "${IMAGE:?say which}"
                scale: "many"
                healthcheck: {interval: 5}
                depends_on: [databse]
                volumes: [data:/a, data:/a/]
                env_file: none.env
              job: busybox
              idle: {restart: always}
              base: {depends_on: [job], volumes: ["cache:/c"], secrets: [s]}
            networks: {front: , bck: 5}
            secrets: {s: {fil: x}}
            """
        ) == """
            compose.yaml:1:1: there is no key "nam" at the top of a Compose file
                nam: shop
                ^
              hint: did you mean "name"?
            compose.yaml:4:5: there is no key "imge" in services.web
                    imge: nginx
                    ^
              hint: did you mean "image"?
            compose.yaml:5:13: services.web.ports wants [[address:]published:]target[/protocol], not "80:99999"
                    ports: ["80:99999", "443"]
                            ^
            compose.yaml:6:24: services.web.stop_grace_period must be a length of time such as 1m30s, not "soon"
                    stop_grace_period: soon
                                       ^
            compose.yaml:7:16: services.web.mem_limit must be text or a number, not a list
                    mem_limit: [1g]
                               ^
            compose.yaml:9:14: there is no service "bse" to extend
                    extends: {service: bse}
                             ^
              hint: did you mean "base"?
            compose.yaml:11:12: the variable IMAGE needs a value: say which
                    image: "${IMAGE:?say which}"
                           ^
              hint: set IMAGE in the environment or in .env
            compose.yaml:12:12: services.db.scale must be a number, not "many"
                    scale: "many"
                           ^
            compose.yaml:13:29: services.db.healthcheck.interval must be text, not a number
                    healthcheck: {interval: 5}
                                            ^
              hint: give it a unit: 5s
            compose.yaml:14:18: "db" depends on "databse", which is not there or not active
                    depends_on: [databse]
                                 ^
            compose.yaml:15:24: "data" is not defined under "volumes"
                    volumes: [data:/a, data:/a/]
                                       ^
              hint: define it, at the left margin: volumes: {data: {}}
            compose.yaml:16:15: there is no file none.env
                    env_file: none.env
                              ^
            compose.yaml:17:8: services.job must be a mapping, not text
                  job: busybox
                       ^
            compose.yaml:18:3: the service "idle" has nothing to run
                  idle: {restart: always}
                  ^
              hint: give it an image or a build
            compose.yaml:19:3: the service "base" has nothing to run
                  base: {depends_on: [job], volumes: ["cache:/c"], secrets: [s]}
                  ^
              hint: give it an image or a build
            compose.yaml:19:39: "cache" is not defined under "volumes"
                  base: {depends_on: [job], volumes: ["cache:/c"], secrets: [s]}
                                                      ^
              hint: define it, at the left margin: volumes: {cache: {}}
            compose.yaml:20:26: networks.bck must be a mapping, not a number
                networks: {front: , bck: 5}
                                         ^
            compose.yaml:21:15: there is no key "fil" in secrets.s
                secrets: {s: {fil: x}}
                              ^
              hint: did you mean "file"?

            """
    )
}
