package import ImageBuilder

/// What a build shows while it goes: steps and their output go in, text comes out.
///
/// Plain, every line names its step by number, as steps run at the same time. On a terminal, steps that have ended stand
/// for good, and those that run are drawn in place below them, each with the last line that it wrote.
package struct BuildView: Sendable {
    private struct Step {
        var label: String
        var title: String
        var begun: Duration
        /// What was written since the last line break.
        var rest: [UInt8] = []
        /// The last lines that are whole.
        var lines: [String] = []
        /// What comes from a server: how much of it, and how fast.
        var fetched: (done: Int64, total: Int64?, pace: TransferPace)?
        var hasEnded = false
    }

    /// How many lines of a step that runs are drawn.
    private static let shownLines = 4
    private static let spinner = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"]

    private let mode: ProgressView.Mode
    private let isColoured: Bool
    private var steps: [Step] = []
    private var places: [String: Int] = [:]
    /// How many lines stand on the terminal that are drawn again.
    private var drawn = 0

    /// A view with nothing in it yet.
    package init(mode: ProgressView.Mode, isColoured: Bool) {
        self.mode = mode
        self.isColoured = isColoured
    }

    /// Whether something runs, so that `frame` would show movement.
    package var isMoving: Bool { mode == .tty && steps.contains { !$0.hasEnded } }

    /// A step has begun; `key` names it from here on.
    package mutating func begin(_ key: String, _ label: String, _ title: String, at time: Duration) -> String {
        places[key] = steps.count
        steps.append(Step(label: label, title: Self.oneLine(title), begun: time))
        return mode == .plain ? "#\(steps.count) \(label) \(Self.oneLine(title))\n" : ""
    }

    /// So many bytes of a file that a step takes from a server have come; plain, one line says that they come.
    package mutating func fetch(_ key: String, _ done: Int64, of total: Int64?, at time: Duration) -> String {
        guard let index = places[key] else { return "" }
        // A second file begins anew.
        let known = steps[index].fetched.flatMap { $0.total == total && $0.done <= done ? $0.pace : nil }
        steps[index].fetched = (done, total, known ?? TransferPace(since: time, before: done))
        guard mode == .plain, known == nil else { return "" }
        let amount = total.map { " \(Amount.decimal(UInt64(max(0, $0))))" } ?? ""
        return "#\(index + 1) \(Self.seconds(time - steps[index].begun)) downloading\(amount)\n"
    }

    /// A step has written something.
    package mutating func write(_ key: String, _ bytes: [UInt8], at time: Duration) -> String {
        guard let index = places[key] else { return "" }
        steps[index].rest += bytes
        var text = ""
        while let end = steps[index].rest.firstIndex(of: 0x0A) {
            text += line(index, steps[index].rest[..<end], at: time)
            steps[index].rest.removeSubrange(...end)
        }
        // Nobody reads a line that is longer, and it shall not fill our memory.
        if steps[index].rest.count > 65_536 {
            text += line(index, steps[index].rest[...], at: time)
            steps[index].rest = []
        }
        return text
    }

    private mutating func line(_ index: Int, _ bytes: ArraySlice<UInt8>, at time: Duration) -> String {
        let text = Self.printable(String(decoding: bytes, as: UTF8.self))
        steps[index].lines.append(text)
        if steps[index].lines.count > Self.shownLines { steps[index].lines.removeFirst() }
        return mode == .plain ? "#\(index + 1) \(Self.seconds(time - steps[index].begun)) \(text)\n" : ""
    }

    /// A step has ended; one that never began was in the cache.
    package mutating func end(
        _ key: String,
        _ label: String,
        _ title: String,
        _ outcome: StepOutcome,
        at time: Duration
    ) -> String {
        var text = ""
        if places[key] == nil { text += begin(key, label, title, at: time) }
        guard let index = places[key] else { return text }
        if !steps[index].rest.isEmpty {
            text += line(index, steps[index].rest[...], at: time)
            steps[index].rest = []
        }
        steps[index].hasEnded = true
        switch mode {
        case .quiet, .json: return ""
        case .plain:
            switch outcome {
            case .cached: return text + "#\(index + 1) CACHED\n"
            case .done(let duration): return text + "#\(index + 1) DONE \(Self.seconds(duration))s\n"
            case .failed(let duration): return text + "#\(index + 1) FAILED \(Self.seconds(duration))s\n"
            }
        case .tty:
            let (sign, colour, end) =
                switch outcome {
                case .cached: ("=", "36", "cached")
                case .done(let duration): ("✔", "32", "\(Self.seconds(duration))s")
                case .failed(let duration): ("✘", "31", "\(Self.seconds(duration))s")
                }
            let mark = isColoured ? TerminalStyle.coloured(sign, colour) : sign
            return "\(mark) \(steps[index].label) \(steps[index].title)  \(end)\n"
        }
    }

    /// Something to say that is no step.
    package func note(_ text: String) -> String {
        switch mode {
        case .quiet, .json: ""
        case .plain: "\(text)\n"
        case .tty: "\(isColoured ? TerminalStyle.coloured("✔", "32") : "✔") \(text)\n"
        }
    }

    /// Takes away what is drawn in place.
    package mutating func clear() -> String {
        guard drawn > 0 else { return "" }
        let text = "\u{1B}[\(drawn)A\r\u{1B}[J"
        drawn = 0
        return text
    }

    /// The picture of what runs, in the place of the last one.
    package mutating func frame(at time: Duration, size: ProgressView.Size) -> String {
        guard mode == .tty else { return "" }
        var lines: [String] = []
        let frame = Self.spinner[Int(time / .milliseconds(100)) % Self.spinner.count]
        for step in steps where !step.hasEnded {
            lines.append("\(frame) \(step.label) \(step.title)  \(Self.seconds(time - step.begun))s")
            if let (done, total, pace) = step.fetched {
                lines.append("    Downloading \(pace.text(done: done, total: total, at: time))")
            }
            lines += step.lines.map { "    \($0)" }
        }
        // More than the terminal has could not be taken away again.
        lines = lines.suffix(max(1, size.rows - 2)).map { Self.cut($0, to: size.columns - 1) }
        let text = clear() + lines.map { "\($0)\n" }.joined()
        drawn = lines.count
        return text
    }

    // MARK: texts

    private static func seconds(_ duration: Duration) -> String {
        let tenths = max(0, Int(duration / .milliseconds(100)))
        return "\(tenths / 10).\(tenths % 10)"
    }

    private static func oneLine(_ text: String) -> String {
        let words = text.split(whereSeparator: \.isNewline).joined(separator: " ")
        let line = printable(words)
        return line.count > 160 ? "\(line.prefix(159))…" : line
    }

    /// Control characters would move the cursor, or worse; what stands before a carriage return is overwritten.
    private static func printable(_ text: String) -> String {
        let last = text.split(separator: "\r").last.map(String.init) ?? ""
        var result = ""
        for scalar in last.unicodeScalars {
            if scalar == "\t" {
                result += "    "
            } else if scalar.value >= 0x20, !(0x7F..<0xA0).contains(scalar.value) {
                result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    private static func cut(_ text: String, to width: Int) -> String {
        text.count <= max(1, width) ? text : "\(text.prefix(max(0, width - 1)))…"
    }
}
