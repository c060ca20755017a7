/// Turns what containers have written into lines for people: `web-1  | text`.
///
/// Texts go in as records hold them, and whole lines come out; a line that came in several pieces is put together.
package struct LogPrinter: Sendable {
    /// What stands before the text.
    package struct Options: Hashable, Sendable {
        /// The container's name.
        package var showsNames = true
        /// When it was written.
        package var showsTimes = false
        /// Each container's name in a colour of its own.
        package var isColoured = false

        /// Names without colours.
        package init() {}
    }

    private struct Source {
        var prefix: [UInt8] = []
        var colour: String
        var line: [UInt8] = []
        var time = ""
    }

    /// A line that never ends is shown in pieces of this size; bytes.
    private static let longestLine = 1 << 20
    private static let colours = ["36", "33", "32", "35", "34", "36;1", "33;1", "32;1", "35;1", "34;1"]
    private let options: Options
    private var sources: [String: Source] = [:]
    private var width = 0

    /// A printer that knows no containers yet.
    package init(_ options: Options) { self.options = options }

    /// The name before a container's lines: without the project's, unless the file names the container itself.
    package static func shortName(_ name: String, service: String, number: Int, project: String) -> String {
        let isOwn = ["-", "_"].contains { name == [project, service, String(number)].joined(separator: $0) }
        return isOwn ? String(name.dropFirst(project.utf8.count + 1)) : name
    }

    /// Makes containers known, by the names to show; the longest of all sets the width, and the order the colours.
    package mutating func add(_ names: [String]) {
        for name in names where sources[name] == nil {
            sources[name] = Source(colour: Self.colours[sources.count % Self.colours.count])
            width = max(width, name.displayWidth)
        }
        for name in sources.keys {
            let text = name.padded(to: width + 1) + " | "
            let colour = options.isColoured ? sources[name]?.colour : nil
            sources[name]?.prefix = Array((colour.map { TerminalStyle.coloured(text, $0) } ?? text).utf8)
        }
    }

    /// Appends to `output` the lines that `text` of the container completes.
    package mutating func print(_ text: [UInt8], of name: String, time: String, into output: inout [UInt8]) {
        if sources[name] == nil { add([name]) }
        guard var source = sources.removeValue(forKey: name) else { return }
        defer { sources[name] = source }
        for piece in text.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated() {
            if piece.offset > 0 { write(&source, into: &output) }
            if source.line.isEmpty { source.time = time }
            source.line += piece.element
        }
        if source.line.count >= Self.longestLine { write(&source, into: &output) }
    }

    /// Appends to `output` the lines that have no end yet.
    package mutating func finish(into output: inout [UInt8]) {
        for name in sources.keys.sorted() where sources[name]?.line.isEmpty == false {
            guard var source = sources[name] else { continue }
            write(&source, into: &output)
            sources[name] = source
        }
    }

    private func write(_ source: inout Source, into output: inout [UInt8]) {
        if options.showsNames { output += source.prefix }
        if options.showsTimes && !source.time.isEmpty { output += Array("\(source.time) ".utf8) }
        output += source.line
        output.append(0x0A)
        source.line.removeAll(keepingCapacity: true)
    }
}
