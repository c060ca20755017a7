import LinuxSystem
import Orchestrator
@testable import roost
import Testing

@Suite("Commands that look at projects", .timeLimit(.minutes(1)))
struct ReadingCommandsTests {
    private let machine: CommandLineScratch
    private let running = ContainerState.Phase.running(since: WallTime(nanoseconds: 0))
    private let ended = ContainerState.Phase.exited(code: 3, at: WallTime(nanoseconds: 0))

    init() throws {
        machine = try CommandLineScratch()
        try machine.put("voting", "web", running, id: "a", log: [(1, "one\n"), (3, "three\n")])
        try machine.put("voting", "db", ended, id: "b", log: [(2, "two\n")])
        try machine.put("voting", "web", running, number: 0, id: "c", log: [(4, "aside\n")])
        try machine.put("idle", "x", ended, id: "d")
    }

    @Test("every command is known by its name", arguments: Roost.commands.map(\.name))
    func commandName(name: String) throws {
        #expect(try machine.roost(name, "--help").output.contains("USAGE: roost \(name)"))
    }

    @Test("ps shows what runs, and with -a everything")
    func ps() throws {
        #expect(try machine.roost("-p", "voting", "ps", "-q").output == String(repeating: "a", count: 64) + "\n")
        #expect(try machine.roost("-p", "voting", "ps", "-a", "--services").output == "db\nweb\n")
        let all = try machine.roost("-p", "Voting", "ps", "-a").output.split(separator: "\n").map { $0.prefix(17) }
        #expect(all == ["NAME             ", "voting-db-1      ", "voting-web-1     ", "voting-web-run-1 "])
        for option in [["--status", "exited"], ["--filter", "status=exited"], ["--status=exited"]] {
            let arguments = ["-p", "voting", "ps", "-q"] + option
            #expect(try machine.roost(arguments).output == String(repeating: "b", count: 64) + "\n")
        }
        let json = try machine.roost("-p", "voting", "ps", "-a", "--format", "json", "db").output
        #expect(json.contains(#""ExitCode":3,"#))
        #expect(json.contains(#""State":"exited""#))
    }

    @Test("ps of a project that is not there shows its columns, and says what it does not know")
    func psErrors() throws {
        #expect(
            try machine.roost("-p", "nobody", "ps")
                == .init(
                    output: "NAME      IMAGE     COMMAND   SERVICE   CREATED   STATUS    PORTS\n",
                    error: "",
                    status: 0
                )
        )
        #expect(
            try machine.roost("-p", "voting", "ps", "redis")
                == .init(
                    output: "",
                    error: "error: project voting has no service \"redis\"; `roost ps -a` shows what it has\n",
                    status: 1
                )
        )
        #expect(
            try machine.roost("-p", "voting", "ps", "--format", "{{range .}}").error
                == "error: {{range}} is not known; use --format json and jq(1)\n"
        )
        #expect(try machine.roost("-p", "voting", "ps", "--bogus").status == 1)
        #expect(try machine.roost("--progress", "loud", "ls").status == 1)
    }

    @Test("a state file that is damaged is named")
    func damaged() throws {
        let file = "\(machine.roots.projects)/voting/containers/voting-db-1/journal"
        try replaceFile(file, Array("{".utf8))
        #expect(
            try machine.roost("-p", "voting", "ps").error
                == "error: \(file) is not what Roost wrote; look at it, and remove it when it is of no use\n"
        )
    }

    @Test("orphans are those whose service the file does not have")
    func orphans() throws {
        try replaceFile(machine.path + "/work/compose.yaml", Array("name: voting\nservices: {db: {image: x}}\n".utf8))
        #expect(try machine.roost("ps", "-a", "--services").output == "db\nweb\n")
        #expect(try machine.roost("ps", "-a", "--services", "--orphans=false").output == "db\n")
    }

    @Test("ls shows projects of which something runs, and with -a all")
    func ls() throws {
        #expect(
            try machine.roost("ls").output == """
                NAME                STATUS              CONFIG FILES
                voting              running(2)          /srv/voting/compose.yaml

                """
        )
        #expect(
            try machine.roost("ls", "-a", "--format", "json").output
                == #"[{"Name":"idle","Status":"exited(1)","ConfigFiles":"/srv/idle/compose.yaml"},"#
                + #"{"Name":"voting","Status":"exited(1), running(2)","ConfigFiles":"/srv/voting/compose.yaml"}]"#
                + "\n"
        )
        #expect(try machine.roost("ls", "-aq", "--filter", "name=^i").output == "idle\n")
    }

    @Test("logs are merged by time, without those of run")
    func logs() throws {
        #expect(
            try machine.roost("-p", "voting", "logs").output == """
                web-1  | one
                db-1   | two
                web-1  | three

                """
        )
        #expect(try machine.roost("-p", "voting", "logs", "-n1", "--no-log-prefix").output == "two\nthree\n")
        #expect(
            try machine.roost("-p", "voting", "logs", "-t", "db").output
                == "db-1  | 1970-01-01T00:00:00.000000002Z two\n"
        )
        #expect(try machine.roost("-p", "voting", "logs", "--since", "1h").output == "")
        #expect(try machine.roost("-p", "voting", "logs", "--index", "2", "web").output == "")
        #expect(
            try machine.roost("-p", "voting", "logs", "--index", "2").error
                == "error: --index needs exactly one service\n"
        )
    }

    @Test("following ends at once when nothing runs; -f is the command's own after its name")
    func follow() throws {
        #expect(try machine.roost("-p", "voting", "logs", "-f", "db").output == "db-1  | two\n")
    }
}
