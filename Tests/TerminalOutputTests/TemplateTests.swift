import LinuxSystem
import Orchestrator
import Supervisor
import TerminalOutput
import Testing

@Suite("Templates, amounts, events and processes as text")
struct TemplateTests {
    private var row: OutputRow {
        var row = OutputRow()
        row["Name"] = .text("web-1")
        row["RunningFor"] = .text("2 minutes ago")
        row["ExitCode"] = .number(3)
        row["Publishers"] = .literal("[]")
        row.labels = ["my.key": "value"]
        return row
    }

    @Test(
        "A template makes of a row what Go's would",
        arguments: [
            ("{{.Name}}", "web-1"), ("a{{ .Name -}}  b", "aweb-1b"), ("x  {{- .ExitCode}}", "x3"),
            ("{{json .Name}} {{json .ExitCode}} {{json .Publishers}}", "\"web-1\" 3 []"),
            ("{{.Label \"my.key\"}}{{.Label `none`}}", "value"), ("{{.Name | upper}}", "WEB-1"),
            ("{{upper (truncate .Name 3) | lower | title}}", "Web"), ("{{pad .Name 1 2}}|", " web-1  |"),
            ("{{if eq .Name \"a\" \"web-1\"}}yes{{else}}no{{end}}", "yes"),
            ("{{if .Publishers}}some{{else if .ExitCode}}failed{{else}}fine{{end}}", "failed"),
            ("{{if and .Name (not .Publishers)}}{{print .Name \"!\"}}{{end}}", "web-1!"),
            ("{{len .Name}}\\t{{/* nobody sees this */}}\\n", "5\t\n"), ("{{or .Publishers .Name}}", "web-1"),
            ("{{json .}}", "{\"Name\":\"web-1\",\"RunningFor\":\"2 minutes ago\",\"ExitCode\":3,\"Publishers\":[]}"),
            ("{{\"quoted \\\"text\\\"\"}}", "quoted \"text\""),
        ]
    )
    func templates(template: String, text: String) throws {
        #expect(try OutputTemplate(template).text(of: row) == text)
    }

    @Test(
        "A template that can't be used says why",
        arguments: [
            ("{{.Name", "\"{{\" without \"}}\""),
            ("{{range .}}{{end}}", "{{range}} is not known; use --format json and jq(1)"),
            ("{{if .Name}}", "an {{if}} without its {{end}}"), ("{{end}}", "an {{end}} or {{else}} without an {{if}}"),
            ("{{bogus .Name}}", "there is no function \"bogus\""), ("{{upper}}", "upper takes 1 arguments, not 0"),
            ("{{.Name | .Name}}", "only functions stand after a pipe"), ("{{(.Name}}", "a \"(\" without its \")\""),
            ("{{.Name)}}", "a \")\" without its \"(\""), ("{{\"open}}", "a text without its last quote"),
            ("{{.None}}", "there is no field .None"),
            ("{{truncate .Name .Name}}", "\"web-1\" is no number of characters"),
            ("{{+}}", "\"+\" has no place in a template"),
            (String(repeating: "{{if .Name}}", count: 70), "too many conditions in each other"),
            ("{{" + String(repeating: "(", count: 70) + "}}", "too many parentheses in each other"),
        ]
    )
    func mistakes(template: String, words: String) {
        let mistake = #expect(throws: OutputTemplate.Mistake.self) {
            _ = try OutputTemplate(template).text(of: row)
        }
        #expect(mistake?.description == words)
    }

    @Test("A table of a template has headings, its own or the fields' names")
    func table() throws {
        #expect(
            try OutputRow.text([row], format: "table {{.Name}}\\t{{.RunningFor}}", headings: ["RunningFor": "CREATED"])
                == "NAME      CREATED\nweb-1     2 minutes ago\n"
        )
        #expect(
            try OutputRow.text([row], format: "table {{.ExitCode}}\\t{{.RunningFor}}", headings: [:])
                == "EXIT CODE   RUNNING FOR\n3           2 minutes ago\n"
        )
        #expect(try OutputRow.text([], format: "{{.Name}}", headings: [:]).isEmpty)
    }

    @Test(
        "Amounts are as docker writes them",
        arguments: [
            (0, "0B", "0B"), (999, "999B", "999B"), (1000, "1000B", "1kB"), (1024, "1KiB", "1.02kB"),
            (1536, "1.5KiB", "1.54kB"), (10_326_144, "9.848MiB", "10.3MB"), (104_857_600, "100MiB", "105MB"),
            (.max, "16EiB", "18.4EB"),
        ] as [(UInt64, String, String)]
    )
    func amounts(bytes: UInt64, binary: String, decimal: String) {
        #expect(Amount.binary(bytes) == binary)
        #expect(Amount.decimal(bytes) == decimal)
    }

    @Test("Percentages have two decimals, and none of nothing")
    func percentages() {
        #expect(Amount.percentage(0.12345, of: 1) == "12.35%")
        #expect(Amount.percentage(3, of: 200) == "1.50%")
        #expect(Amount.percentage(1, of: 0) == "0.00%")
    }

    @Test("An event is a line or an object")
    func event() {
        var event = ContainerEvent(.exited, container: "voting-web-1", service: "web")
        event.time = WallTime(nanoseconds: 1_700_000_000_123_456_789)
        event.code = 137
        let text = EventText(event, id: "abc", image: "rootfs:/")
        #expect(
            text.line
                == "2023-11-14 22:13:20.123456 container die abc (exitCode=137, image=rootfs:/, name=voting-web-1)\n"
        )
        #expect(
            text.json
                == #"{"action":"die","attributes":{"exitCode":"137","image":"rootfs:/","name":"voting-web-1"},"id":"abc","service":"web","time":"2023-11-14T22:13:20.123456789Z","type":"container"}"#
                + "\n"
        )
    }

    @Test("A process is shown as ps -ef shows it, and nothing that it calls itself reaches the terminal")
    func process() throws {
        let fields = "S 1 7 7 34817 7 0 0 0 0 0 500 250 0 0 20 0 1 0 6000 1000 42 0"
        let process = try #require(
            ProcessSnapshot(
                pid: 7,
                stat: "7 (we) ird) \(fields)",
                status: "Name:\tx\nUid:\t33\t33\t33\t33\n",
                command: Array("sh\0-c\0echo \u{1b}[31m\0".utf8)
            )
        )
        #expect(process.residentPages == 42 && process.ticks == 750 && process.parent == 1)
        let definition = ContainerDefinition(digest: "d")
        let container = ContainerState(name: "a-web-2", service: "web", number: 2, definition: definition, goal: .keep)
        let moment = ProcessTable.Moment(
            time: WallTime(nanoseconds: 1_700_000_000_000_000_000),
            ticks: 10_000,
            ticksPerSecond: 100
        )
        var table = ProcessTable(at: moment, users: [33: "www-data"])
        table.add([process], of: container)
        let words = table.text.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
        #expect(words[0] == ["SERVICE", "#", "UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"])
        #expect(words[1].prefix(6) == ["web", "2", "www-data", "7", "1", "18"])
        #expect(words[1].suffix(6) == ["pts/1", "00:00:07", "sh", "-c", "echo", "?[31m"])
    }

    @Test("What is cut short or no process at all is none")
    func noProcess() {
        #expect(ProcessSnapshot(pid: 1, stat: "1 (x) S 1", status: "Uid:\t0\t0\t0\t0\n", command: []) == nil)
        #expect(ProcessSnapshot(pid: 1, stat: ")(", status: "", command: []) == nil)
    }
}
