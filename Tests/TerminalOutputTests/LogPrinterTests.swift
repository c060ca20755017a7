import TerminalOutput
import Testing

@Suite("Lines of logs")
struct LogPrinterTests {
    private let time = "2026-11-21T20:15:00.000000000Z"

    private func printed(
        _ records: [(String, String)],
        names: [String] = [],
        _ change: (inout LogPrinter.Options) -> Void = { _ in }
    ) -> String {
        var options = LogPrinter.Options()
        change(&options)
        var printer = LogPrinter(options)
        printer.add(names)
        var output: [UInt8] = []
        for (name, text) in records { printer.print(Array(text.utf8), of: name, time: time, into: &output) }
        printer.finish(into: &output)
        return String(decoding: output, as: UTF8.self)
    }

    @Test("names are as wide as the longest")
    func prefix() {
        #expect(
            printed([("web-1", "a\n"), ("redis-1", "b\n"), ("web-1", "\n")], names: ["redis-1", "web-1"]) == """
                web-1    | a
                redis-1  | b
                web-1    | \n
                """
        )
    }

    @Test("a line that comes in pieces is one line, with the time of its first piece, between lines of others")
    func pieces() {
        #expect(
            printed([("a", "one "), ("b", "x\n"), ("a", "two\nthree")], names: ["a", "b"]) == """
                b  | x
                a  | one two
                a  | three

                """
        )
    }

    @Test("a line without an end is shown before it fills the memory")
    func endless() {
        let piece = String(repeating: "x", count: 1 << 19)
        let text = printed([("a", piece), ("a", piece), ("a", "y\n")])
        #expect(text.split(separator: "\n").map(\.count) == [(1 << 20) + 5, 6])
    }

    @Test("names are left out, and times put in, when asked")
    func options() {
        #expect(printed([("a", "x\n")]) { $0.showsNames = false } == "x\n")
        #expect(printed([("a", "x\n")]) { $0.showsTimes = true } == "a  | \(time) x\n")
        #expect(
            printed([("a", "x\n")]) { options in
                options.showsNames = false
                options.showsTimes = true
            } == "\(time) x\n"
        )
    }

    @Test("each container has the next of ten colours")
    func colours() {
        let names = (0...10).map { "c\($0 < 10 ? "0" : "")\($0)" }
        let text = printed(names.map { ($0, "x\n") }, names: names) { $0.isColoured = true }
        let codes = ["36", "33", "32", "35", "34", "36;1", "33;1", "32;1", "35;1", "34;1", "36"]
        #expect(text == zip(names, codes).map { "\u{1B}[\($1)m\($0)  | \u{1B}[0mx\n" }.joined())
    }

    @Test("a container's name loses the project's, unless the file names it")
    func names() {
        func name(_ name: String) -> String {
            LogPrinter.shortName(name, service: "web", number: 2, project: "voting")
        }
        #expect(name("voting-web-2") == "web-2")
        #expect(name("voting_web_2") == "web_2")
        #expect(name("voting-web-3") == "voting-web-3")
        #expect(name("front") == "front")
    }
}
