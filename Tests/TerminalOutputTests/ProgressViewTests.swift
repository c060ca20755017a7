import Orchestrator
import TerminalOutput
import Testing

@Suite("The progress of a command")
struct ProgressViewTests {
    private let size = ProgressView.Size(columns: 80, rows: 24)

    private func view(_ mode: ProgressView.Mode, isColoured: Bool = false) -> ProgressView {
        ProgressView("up", mode: mode, isColoured: isColoured)
    }

    private func shown(_ text: String) -> String { text.replacing("\u{1B}", with: "␛") }

    @Test("plain progress is one line per change")
    func plain() {
        var view = view(.plain)
        #expect(
            view.update(Progress(.container, "voting-web-1", "Started", .done), at: .zero)
                == " Container voting-web-1  Started\n"
        )
        #expect(
            view.update(Progress(.network, "n", "Error", .failed, message: "name taken"), at: .zero)
                == " Network n  Error  name taken\n"
        )
        #expect(view.frame(at: .zero, size: size) == "")
        #expect(view.finish(at: .zero, size: size) == "")
    }

    @Test("JSON progress is one object per change")
    func json() {
        var view = view(.json)
        #expect(
            view.update(Progress(.volume, "v", "Creating", .working), at: .zero)
                == #"{"id":"Volume v","status":"Working","text":"Creating"}"# + "\n"
        )
        #expect(
            view.update(Progress(.volume, "v", "Error", .failed, message: "no \"room\""), at: .zero)
                == #"{"id":"Volume v","status":"Error","text":"Error","details":"no \"room\""}"# + "\n"
        )
        #expect(ProgressView.json(error: "a\nb") == #"{"error":true,"message":"a\nb"}"# + "\n")
    }

    @Test("quiet progress is nothing")
    func quiet() {
        var view = view(.quiet)
        #expect(view.update(Progress(.volume, "v", "Created", .done), at: .zero) == "")
        #expect(view.finish(at: .zero, size: size) == "")
    }

    @Test("the live view is drawn in place, line over line, and gives the cursor back")
    func live() {
        var view = view(.tty)
        #expect(view.update(Progress(.network, "voting_default", "Created", .done), at: .milliseconds(100)) == "")
        #expect(view.update(Progress(.container, "voting-web-1", "Starting", .working), at: .milliseconds(100)) == "")
        #expect(view.isMoving)
        #expect(
            shown(view.frame(at: .milliseconds(450), size: size)) == """
                ␛[?25l[+] up 1/2␛[K
                 ✔ Network voting_default  Created   0.0s␛[K
                 ⠼ Container voting-web-1  Starting  0.3s␛[K

                """
        )
        #expect(view.update(Progress(.container, "voting-web-1", "Started", .done), at: .seconds(1)) == "")
        #expect(!view.isMoving)
        #expect(
            shown(view.finish(at: .seconds(9), size: size)) == """
                ␛[3A\r[+] up 2/2␛[K
                 ✔ Network voting_default  Created  0.0s␛[K
                 ✔ Container voting-web-1  Started  0.9s␛[K
                ␛[?25h
                """
        )
    }

    @Test("marks have colours, and failures their reason on the line")
    func colours() {
        var view = view(.tty, isColoured: true)
        _ = view.update(Progress(.network, "n", "Error", .failed, message: "taken\nby eth0"), at: .zero)
        #expect(
            shown(view.frame(at: .seconds(5), size: size)) == """
                ␛[?25l␛[1m[+] up 0/1␛[0m␛[K
                 ␛[31m✘␛[0m Network n  Error  0.0s  taken␛[K

                """
        )
    }

    @Test("a narrow terminal shortens names before states, and no line reaches its edge")
    func narrow() {
        var view = view(.tty)
        _ = view.update(Progress(.container, "voting-frontend-1", "Creating", .working), at: .zero)
        let small = ProgressView.Size(columns: 36, rows: 24)
        #expect(
            shown(view.frame(at: .zero, size: small)) == """
                ␛[?25l[+] up 0/1␛[K
                 ⠋ Container votin…  Creating  0.0s␛[K

                """
        )
        let tiny = ProgressView.Size(columns: 1, rows: 1)
        #expect(!view.frame(at: .zero, size: tiny).isEmpty)
    }

    @Test("a terminal that has become narrower has more rows to go back over")
    func narrower() {
        var view = view(.tty)
        _ = view.update(Progress(.container, "voting-web-1", "Creating", .working), at: .zero)
        _ = view.frame(at: .zero, size: size)
        let frame = shown(view.frame(at: .zero, size: ProgressView.Size(columns: 20, rows: 24)))
        #expect(frame.hasPrefix("␛[4A\r"))
        #expect(frame.hasSuffix("␛[J"))
    }

    @Test("a low terminal shows what is under way, and counts the rest; the last picture is whole")
    func low() {
        var view = view(.tty)
        for number in 1...5 {
            _ = view.update(Progress(.volume, "v\(number)", "Created", number == 5 ? .working : .done), at: .zero)
        }
        #expect(
            shown(view.frame(at: .zero, size: ProgressView.Size(columns: 80, rows: 5))) == """
                ␛[?25l[+] up 4/5␛[K
                 ✔ Volume v4  Created  0.0s␛[K
                 ⠋ Volume v5  Created  0.0s␛[K
                 … 3 more␛[K

                """
        )
        #expect(view.finish(at: .zero, size: ProgressView.Size(columns: 80, rows: 5)).split(separator: "\n").count == 7)
    }

    @Test("the picture makes room for text of others")
    func clearing() {
        var view = view(.tty)
        #expect(view.clear(size: size) == "")
        _ = view.update(Progress(.volume, "v", "Creating", .working), at: .zero)
        _ = view.frame(at: .zero, size: size)
        #expect(shown(view.clear(size: size)) == "␛[2A\r␛[J")
        #expect(!view.frame(at: .zero, size: size).contains("A\r"))
    }

    @Test("the mode is what the option says, else what the terminal can do")
    func mode() {
        func mode(_ option: String?, _ isTerminal: Bool, _ environment: [String: String] = [:]) -> ProgressView.Mode? {
            ProgressView.Mode(option: option, isTerminal: isTerminal, environment: environment)
        }
        #expect(mode(nil, true) == .tty)
        #expect(mode("auto", false) == .plain)
        #expect(mode("", true, ["TERM": "dumb"]) == .plain)
        #expect(mode("tty", false) == .tty)
        #expect(mode("quiet", true) == .quiet)
        #expect(mode("loud", true) == nil)
    }
}
