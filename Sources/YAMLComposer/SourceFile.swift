/// A text that was read, kept so that a mistake in it can be shown with its line.
package final class SourceFile: Sendable {
    /// The path as the user would write it.
    package let name: String
    /// The text as it was read.
    package let bytes: [UInt8]

    /// Keeps `bytes` under `name`.
    package init(name: String, bytes: [UInt8]) {
        self.name = name
        self.bytes = bytes
    }

    /// The text of a line, counted from 1, without its line break; nil when the file has no such line.
    package func line(_ number: Int) -> String? {
        var current = 1
        var start = 0
        for (index, byte) in bytes.enumerated() where byte == 0x0A {
            if current == number { return text(start..<index) }
            current += 1
            start = index + 1
        }
        return current == number && start < bytes.count ? text(start..<bytes.count) : nil
    }

    private func text(_ range: Range<Int>) -> String {
        let end = range.isEmpty || bytes[range.upperBound - 1] != 0x0D ? range.upperBound : range.upperBound - 1
        return String(decoding: bytes[range.lowerBound..<end], as: UTF8.self)
    }
}
