import ImageBuilder
import Testing

@testable import TerminalOutput

@Test("plain builds name each line's step, and what was in the cache in two lines")
func plainBuild() {
    var view = BuildView(mode: .plain, isColoured: false)
    var text = view.end("a", "[1/3]", "COPY . /", .cached, at: .zero)
    text += view.begin("b", "[2/3]", "RUN make\nall", at: .seconds(1))
    text += view.write("b", Array("one\ntw".utf8), at: .milliseconds(1200))
    text += view.begin("c", "[3/3]", "RUN test", at: .milliseconds(1300))
    text += view.write("b", Array("o\r50%\r100%\n\u{1B}[31mred\nlast".utf8), at: .milliseconds(1500))
    text += view.end("b", "[2/3]", "RUN make\nall", .done(.milliseconds(900)), at: .milliseconds(1900))
    text += view.end("c", "[3/3]", "RUN test", .failed(.milliseconds(600)), at: .milliseconds(1900))
    #expect(
        text == """
            #1 [1/3] COPY . /
            #1 CACHED
            #2 [2/3] RUN make all
            #2 0.2 one
            #3 [3/3] RUN test
            #2 0.5 100%
            #2 0.5 [31mred
            #2 0.9 last
            #2 DONE 0.9s
            #3 FAILED 0.6s

            """
    )
}

@Test("on a terminal what has ended stays, and what runs is drawn again below")
func liveBuild() {
    var view = BuildView(mode: .tty, isColoured: false)
    let size = ProgressView.Size(columns: 30, rows: 24)
    var text = view.begin("a", "[1/2]", "RUN make", at: .zero)
    text += view.write("a", Array("compiling a very long name of a file\n".utf8), at: .zero)
    text += view.frame(at: .milliseconds(100), size: size)
    text += view.clear()
    text += view.end("a", "[1/2]", "RUN make", .done(.seconds(1)), at: .seconds(1))
    #expect(
        text == """
            ⠙ [1/2] RUN make  0.1s
                compiling a very long na…
            \u{1B}[2A\r\u{1B}[J✔ [1/2] RUN make  1.0s

            """
    )
}

@Test("what a step downloads is told once in plain text, and with its rate on a terminal")
func downloads() {
    var plain = BuildView(mode: .plain, isColoured: false)
    var text = plain.begin("a", "[1/1]", "ADD https://h/f /", at: .zero)
    for done in [Int64(0), 1_000_000, 2_000_000] { text += plain.fetch("a", done, of: 30_000_000, at: .seconds(1)) }
    text += plain.fetch("a", 5, of: nil, at: .seconds(2)) + plain.fetch("b", 5, of: nil, at: .seconds(2))
    #expect(
        text == """
            #1 [1/1] ADD https://h/f /
            #1 1.0 downloading 30MB
            #1 2.0 downloading

            """
    )
    var live = BuildView(mode: .tty, isColoured: false)
    var picture = live.begin("a", "[1/1]", "ADD https://h/f /", at: .zero)
    picture += live.fetch("a", 0, of: 30_000_000, at: .seconds(1))
    picture += live.fetch("a", 12_300_000, of: 30_000_000, at: .seconds(3))
    picture += live.frame(at: .seconds(4), size: .init(columns: 80, rows: 24))
    #expect(
        picture == """
            ⠋ [1/1] ADD https://h/f /  4.0s
                Downloading 12.3MB/30MB 4.1MB/s

            """
    )
}

@Test("quiet builds say nothing")
func quietBuild() {
    var view = BuildView(mode: .quiet, isColoured: false)
    let text =
        view.begin("a", "[1/1]", "RUN a", at: .zero) + view.write("a", Array("x\n".utf8), at: .zero)
        + view.end("a", "[1/1]", "RUN a", .done(.zero), at: .zero) + view.note("built")
    #expect(text == "")
}
