import OCISpec
import Orchestrator
import TerminalOutput
import Testing

@Suite("Texts for people")
struct FormattingTests {
    @Test(
        "a duration is told in the one unit that suits it",
        arguments: [
            (0, "Less than a second"), (1, "1 second"), (59, "59 seconds"), (60, "About a minute"),
            (119, "About a minute"),
            (120, "2 minutes"), (3599, "59 minutes"), (3600, "About an hour"), (5399, "About an hour"),
            (5400, "2 hours"),
            (48 * 3600 - 1801, "47 hours"), (48 * 3600, "2 days"), (13 * 86400, "13 days"), (14 * 86400, "2 weeks"),
            (60 * 86400, "2 months"), (729 * 86400, "24 months"), (730 * 86400, "2 years"), (-5, "Less than a second"),
        ] as [(Int, String)]
    )
    func durations(seconds: Int, text: String) { #expect(Duration.seconds(seconds).inWords == text) }

    @Test("width counts columns, not characters")
    func width() {
        #expect("web".displayWidth == 3)
        #expect("日本".displayWidth == 4)
        #expect("é".displayWidth == 1)
        #expect("e\u{301}".displayWidth == 1)
        #expect("🚀".displayWidth == 2)
        #expect("日本語".truncated(to: 5) == "日本…")
        #expect("日本語".truncated(to: 4) == "日…")
        #expect("abc".truncated(to: 3) == "abc")
        #expect("abcd".truncated(to: 3) == "ab…")
        #expect("abc".truncated(to: 0) == "")
        #expect("日".padded(to: 4) == "日  ")
    }

    @Test("columns are as wide as their widest cell, and not narrower than the minimum")
    func table() {
        var table = TextTable(heading: ["NAME", "STATE", "PORTS"])
        table.rows += [["voting-日本-1", "up", ""], ["x", "down", "80/tcp"]]
        #expect(
            table.text
                == [
                    "NAME            STATE     PORTS",
                    "voting-日本-1   up        ",
                    "x               down      80/tcp",
                    "",
                ]
                .joined(separator: "\n")
        )
    }

    @Test("ports show both families, ranges are joined, and moved ports come last")
    func ports() {
        #expect(PortList([port(80, 8080)]).text == "0.0.0.0:8080->80/tcp, [::]:8080->80/tcp")
        #expect(PortList([port(80, 0), port(81, 0), port(53, 0, "udp")]).text == "53/udp, 80-81/tcp")
        let range = (0..<3).map { port(9000 + $0, 9000 + $0, at: "127.0.0.1") }
        #expect(
            PortList(range + [port(80, 8080, at: "::1"), port(9003, 9005, at: "127.0.0.1")]).text
                == "127.0.0.1:9000-9002->9000-9002/tcp, [::1]:8080->80/tcp, 127.0.0.1:9005->9003/tcp"
        )
        let moved = (0..<3).map { port(80 + $0, 8080 + $0, at: "10.0.0.1") }
        #expect(PortList(moved).text == "10.0.0.1:8080-8082->80-82/tcp")
        #expect(PortList([port(65535, 65535, at: "10.0.0.1")]).text == "10.0.0.1:65535->65535/tcp")
        #expect(PortList([]).text == "")
    }

    @Test("the JSON form lists every port at every address")
    func publishers() {
        #expect(
            PortList([port(80, 8080)]).publishers
                == #"[{"URL":"0.0.0.0","TargetPort":80,"PublishedPort":8080,"Protocol":"tcp"},"#
                + #"{"URL":"::","TargetPort":80,"PublishedPort":8080,"Protocol":"tcp"}]"#
        )
        #expect(
            PortList([port(80, 0)]).publishers
                == #"[{"URL":"","TargetPort":80,"PublishedPort":0,"Protocol":"tcp"}]"#
        )
    }

    @Test("JSON stays on one line whatever a text holds")
    func json() {
        var object = JSONText()
        object.add("a\"b", "\u{1B}[1m\n\\ é\u{2028}")
        object.add("n", -3)
        #expect(object.text == "{\"a\\\"b\":\"\\u001b[1m\\n\\\\ é\\u2028\",\"n\":-3}")
    }

    @Test("times on the command line are moments, lengths, or seconds since 1970")
    func times() {
        let now = WallTime(nanoseconds: 1_700_000_000_000_000_000)
        func moment(_ text: String) -> Int64? { TimeArgument.moment(text, now: now)?.nanoseconds }
        #expect(moment("10m") == 1_699_999_400_000_000_000)
        #expect(moment("1h30m") == 1_699_994_600_000_000_000)
        #expect(moment("1699999999.5") == 1_699_999_999_500_000_000)
        #expect(moment("2023-11-14T22:13:20Z") == now.nanoseconds)
        #expect(moment("2023-11-14T23:13:20+01:00") == now.nanoseconds)
        #expect(moment("yesterday") == nil)
        #expect(moment("9999-01-01T00:00:00Z") == nil)
    }

    @Test("colours follow the choice, then the terminal and NO_COLOR")
    func colours() {
        func isColoured(
            _ choice: TerminalStyle.Choice,
            _ isTerminal: Bool,
            _ environment: [String: String] = [:]
        ) -> Bool {
            TerminalStyle.isColoured(choice, isTerminal: isTerminal, environment: environment)
        }
        #expect(isColoured(.auto, true))
        #expect(!isColoured(.auto, false))
        #expect(!isColoured(.auto, true, ["NO_COLOR": "1"]))
        #expect(isColoured(.auto, true, ["NO_COLOR": ""]))
        #expect(isColoured(.always, false, ["NO_COLOR": "1"]))
        #expect(!isColoured(.never, true))
    }
}

/// A port of a container.
func port(_ target: Int, _ published: Int, _ transport: String = "tcp", at address: String = "") -> ContainerRecord.Port
{
    ContainerRecord.Port(
        hostAddress: address,
        published: UInt16(published),
        target: UInt16(target),
        transport: transport
    )
}
