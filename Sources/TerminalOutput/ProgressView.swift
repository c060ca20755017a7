import OCISpec
package import Orchestrator

/// What a command shows while it works: `Progress` goes in, text for standard error comes out.
package struct ProgressView: Sendable {
    /// The forms of the output.
    package enum Mode: String, CaseIterable, Sendable {
        /// One line per resource, drawn again and again in place.
        case tty
        /// One line per change.
        case plain
        /// One JSON object per change and line.
        case json
        /// Nothing.
        case quiet

        /// What `--progress` asks for; nil and `auto` are `tty` on a terminal that can do it.
        package init?(option: String?, isTerminal: Bool, environment: [String: String]) {
            switch option {
            case nil, "", "auto": self = isTerminal && environment["TERM"] != "dumb" ? .tty : .plain
            case let name?: self.init(rawValue: name)
            }
        }
    }

    /// The size of a terminal, in characters.
    package struct Size: Hashable, Sendable {
        /// Its width.
        package var columns: Int
        /// Its height.
        package var rows: Int

        /// A terminal of that size.
        package init(columns: Int, rows: Int) {
            self.columns = columns
            self.rows = rows
        }
    }

    private struct Item {
        var latest: Progress
        var begun: Duration
        var ended: Duration?
        /// When bytes began to move, and how many had moved before.
        var moving: (since: Duration, before: Int64)?

        /// The word for where it stands, with how many bytes have moved and how fast.
        func text(at time: Duration) -> String {
            guard let bytes = latest.bytes else { return latest.text }
            let done = Amount.decimal(UInt64(max(0, bytes.done)))
            var text = "\(latest.text) \(done)/\(Amount.decimal(UInt64(max(0, bytes.total))))"
            guard let moving, time > moving.since else { return text }
            let spent = (time - moving.since).components
            let seconds = Double(spent.seconds) + Double(spent.attoseconds) * 1e-18
            let rate = Double(bytes.done - moving.before) / seconds
            if rate >= 1, rate < 1e15 { text += " \(Amount.decimal(UInt64(rate)))/s" }
            return text
        }
    }

    private static let spinner = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"]
    private static let showsCursor = "\u{1B}[?25h"
    private static let hidesCursor = "\u{1B}[?25l"

    private let title: String
    private let mode: Mode
    private let isColoured: Bool
    private var items: [Item] = []
    private var places: [String: Int] = [:]
    /// What has had its line already, in the mode `plain`.
    private var moved: Set<String> = []
    /// The widths of the lines that stand on the terminal.
    private var drawn: [Int] = []
    private var hasHiddenCursor = false

    /// A view of the command `title`, which has nothing to show yet.
    package init(_ title: String, mode: Mode, isColoured: Bool) {
        self.title = title
        self.mode = mode
        self.isColoured = isColoured
    }

    /// Whether something is under way, so that `frame` would show movement.
    package var isMoving: Bool { mode == .tty && items.contains { $0.ended == nil } }

    /// Takes in a change at a time since the command began; returns what to write at once.
    package mutating func update(_ progress: Progress, at time: Duration) -> String {
        switch mode {
        case .quiet: return ""
        case .plain:
            if progress.bytes != nil {
                // One line for all of the way.
                guard moved.insert("\(progress.kind.rawValue) \(progress.name) \(progress.text)").inserted else {
                    return ""
                }
            }
            let words = [progress.text, progress.message].compactMap { $0 }.joined(separator: "  ")
            return " \(progress.kind.rawValue) \(progress.name)  \(words)\n"
        case .json: return Self.json(progress)
        case .tty: break
        }
        let key = "\(progress.kind.rawValue) \(progress.name)"
        let ended = progress.status == .working ? nil : time
        if let place = places[key] {
            items[place].latest = progress
            items[place].ended = ended
        } else {
            places[key] = items.count
            items.append(Item(latest: progress, begun: time, ended: ended))
        }
        if let bytes = progress.bytes, let place = places[key], items[place].moving == nil {
            items[place].moving = (time, bytes.done)
        }
        return ""
    }

    /// The bytes that draw the view anew over its last picture; nothing but in the mode `tty`.
    package mutating func frame(at time: Duration, size: Size) -> String {
        guard mode == .tty, !items.isEmpty else { return "" }
        var result = hasHiddenCursor ? "" : Self.hidesCursor
        hasHiddenCursor = true
        // Lines that are wider than a terminal which has become smaller take several of its rows now.
        let rows = drawn.reduce(0) { $0 + max(1, ($1 + size.columns - 1) / max(1, size.columns)) }
        if rows > 0 { result += "\u{1B}[\(rows)A\r" }
        let picture = lines(at: time, size: size)
        for line in picture { result += line.text + "\u{1B}[K\n" }
        if rows > picture.count { result += "\u{1B}[J" }
        drawn = picture.map(\.width)
        return result
    }

    /// The last picture, and the cursor's return.
    package mutating func finish(at time: Duration, size: Size) -> String {
        let result = frame(at: time, size: Size(columns: size.columns, rows: max(size.rows, items.count + 2)))
        defer { (items, places, drawn, hasHiddenCursor) = ([], [:], [], false) }
        return hasHiddenCursor ? result + Self.showsCursor : result
    }

    /// The bytes that make room for text of others: the picture goes, and comes again with the next frame.
    package mutating func clear(size: Size) -> String {
        guard !drawn.isEmpty else { return "" }
        let rows = drawn.reduce(0) { $0 + max(1, ($1 + size.columns - 1) / max(1, size.columns)) }
        drawn = []
        return "\u{1B}[\(rows)A\r\u{1B}[J"
    }

    /// A failure of the whole command in the mode `json`.
    package static func json(error message: String) -> String {
        var object = JSONText()
        object.add("error", literal: "true")
        object.add("message", message)
        return object.text + "\n"
    }

    private static func json(_ progress: Progress) -> String {
        let status =
            switch progress.status {
            case .working: "Working"
            case .done: "Done"
            case .failed: "Error"
            }
        var object = JSONText()
        object.add("id", "\(progress.kind.rawValue) \(progress.name)")
        object.add("status", status)
        object.add("text", progress.text)
        if let message = progress.message { object.add("details", message) }
        if let bytes = progress.bytes {
            object.add("current", literal: "\(bytes.done)")
            object.add("total", literal: "\(bytes.total)")
        }
        return object.text + "\n"
    }

    // The picture

    private func lines(at time: Duration, size: Size) -> [(text: String, width: Int)] {
        // The last column stays free: some terminals go to the next row when it is written.
        let width = max(1, size.columns - 1)
        let done = items.count { $0.latest.status == .done }
        let header = "[+] \(title) \(done)/\(items.count)".truncated(to: width)
        var result = [(painted(header, done == items.count ? "32" : "1"), header.displayWidth)]
        let shown = shownItems(room: max(1, size.rows - 2))
        let names = shown.map { "\($0.latest.kind.rawValue) \($0.latest.name)" }
        let nameWidth = names.map(\.displayWidth).max() ?? 0
        let texts = shown.map { $0.text(at: time) }
        let wordWidth = texts.map(\.displayWidth).max() ?? 0
        for (item, (name, text)) in zip(shown, zip(names, texts)) {
            let words = "\(text.padded(to: wordWidth))  \(((item.ended ?? time) - item.begun).inSeconds)"
            let room = max(0, width - 3)
            let left = min(nameWidth, max(8, room - words.displayWidth - 2))
            var line = name.truncated(to: left).padded(to: left) + "  " + words
            if let message = item.latest.message { line += "  \(Self.firstLine(message))" }
            line = line.truncated(to: room)
            result.append((" \(mark(of: item, at: time)) \(line)", line.displayWidth + 3))
        }
        if shown.count < items.count {
            let text = " … \(items.count - shown.count) more".truncated(to: width)
            result.append((text, text.displayWidth))
        }
        return result
    }

    /// As many items as there is room for: those that are done leave first, the oldest before the others.
    private func shownItems(room: Int) -> [Item] {
        guard items.count > room else { return items }
        var excess = items.count - max(0, room - 1)
        let open = items.filter { item in
            guard excess > 0, item.latest.status == .done else { return true }
            excess -= 1
            return false
        }
        return Array(open.prefix(max(0, room - 1)))
    }

    private func mark(of item: Item, at time: Duration) -> String {
        switch item.latest.status {
        case .done: return painted("✔", "32")
        case .failed: return painted("✘", "31")
        case .working:
            let tenths = max(0, time.components.seconds) * 10 + time.components.attoseconds / 100_000_000_000_000_000
            return painted(Self.spinner[Int(tenths) % Self.spinner.count], "36")
        }
    }

    private func painted(_ text: String, _ code: String) -> String {
        isColoured ? TerminalStyle.coloured(text, code) : text
    }

    private static func firstLine(_ text: String) -> Substring { text.prefix { !$0.isNewline } }
}
