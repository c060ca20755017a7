import Synchronization

/// A text that was read, kept so that a mistake in it can be shown with its line.
///
/// The marks of a value refer to it, and so it also is where a value's history hangs: a file that was included, or a
/// value that took another one's place, has a file of its own that shares the text and knows one `step` more. Values
/// without a history cost nothing.
package final class SourceFile: Sendable {
    /// What a text is written in.
    package enum Kind: Sendable {
        case yaml
        /// `NAME=value`, line by line.
        case variables
        /// Anything else: a Dockerfile, a list of patterns.
        case lines
    }

    /// The path as the user would write it.
    package let name: String
    /// The text as it was read.
    package let bytes: [UInt8]
    /// What the text is written in.
    package let kind: Kind
    /// What happened last to the values that refer to this file.
    package let step: SourceStep?
    /// The same file as it was before that.
    package let earlier: SourceFile?

    /// Where each line starts; found when a line is first asked for.
    private let lineStarts = Mutex<[Int]>([])

    /// Keeps `bytes` under `name`; `step` says why the file was read when the project does not name it.
    package init(name: String, bytes: [UInt8], kind: Kind = .yaml, step: SourceStep? = nil) {
        self.name = name
        self.bytes = bytes
        self.kind = kind
        self.step = step
        earlier = nil
    }

    private init(_ earlier: SourceFile, _ step: SourceStep) {
        name = earlier.name
        bytes = earlier.bytes
        kind = earlier.kind
        self.step = step
        self.earlier = earlier
    }

    /// The same file for values to which `step` happened.
    package func after(_ step: SourceStep) -> SourceFile { SourceFile(self, step) }

    /// What happened to the values that refer to this file, in order.
    package var steps: [SourceStep] {
        var result: [SourceStep] = []
        var next: SourceFile? = self
        while let file = next {
            if let step = file.step { result.append(step) }
            next = file.earlier
        }
        return result.reversed()
    }

    /// The file as it was read, without what happened to its values afterwards.
    package var asRead: SourceFile {
        var file = self
        while let earlier = file.earlier { file = earlier }
        return file
    }

    /// The text of a line, counted from 1, without its line break; nil when the file has no such line.
    package func line(_ number: Int) -> String? {
        guard earlier == nil else { return asRead.line(number) }
        return lineStarts.withLock { starts -> String? in
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
