import Synchronization

/// A text that was read, kept so that a mistake in it can be shown with its line.
package final class SourceFile: Sendable {
    /// The path as the user would write it.
    package let name: String
    /// The text as it was read.
    package let bytes: [UInt8]

    /// Where each line starts; found when a line is first asked for.
    private let lineStarts = Mutex<[Int]>([])

    /// Keeps `bytes` under `name`.
    package init(name: String, bytes: [UInt8]) {
        self.name = name
        self.bytes = bytes
    }

    /// The text of a line, counted from 1, without its line break; nil when the file has no such line.
    package func line(_ number: Int) -> String? {
        lineStarts.withLock { starts in
            if starts.isEmpty { starts = [0] + bytes.indices.filter { bytes[$0] == 0x0A }.map { $0 + 1 } }
            guard starts.indices.contains(number - 1), starts[number - 1] < bytes.count else { return nil }
            let end = number < starts.count ? starts[number] - 1 : bytes.count
            return text(starts[number - 1]..<end)
        }
    }

    private func text(_ range: Range<Int>) -> String {
        let end = range.isEmpty || bytes[range.upperBound - 1] != 0x0D ? range.upperBound : range.upperBound - 1
        return String(decoding: bytes[range.lowerBound..<end], as: UTF8.self)
    }
}
