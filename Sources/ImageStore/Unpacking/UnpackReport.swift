import LinuxSystem
import OCISpec

/// What a layer turned out to hold.
struct LayerContents: Hashable {
    /// The digest of the plain archive; nil when nobody asked for it.
    var digest: ContentDigest?
    /// The size of the plain archive in bytes.
    var archiveBytes: Int64 = 0
    /// The sizes of its files together.
    var contentBytes: Int64 = 0
    var entries = 0
    /// Directories that hide what is below them, as paths in the layer.
    var opaque: [[UInt8]] = []
    /// What was left out, for people.
    var notes: [String] = []
}

/// What the process that unpacks a layer tells the one that started it: once, at its end.
///
/// The reader takes it for hostile: the process has read what an image holds.
enum UnpackReport {
    case done(LayerContents)
    case failed(ImageError)

    /// More than this is no report.
    static let longest = 48 << 20

    /// The form in which it goes through the pipe: a letter, then numbers of 64 bits and counted bytes.
    var bytes: [UInt8] {
        var writer = ReportWriter()
        switch self {
        case .done(let contents):
            writer.bytes.append(UInt8(ascii: "d"))
            writer.add(Array((contents.digest?.rawValue ?? "").utf8))
            for number in [contents.archiveBytes, contents.contentBytes, Int64(contents.entries)] { writer.add(number) }
            writer.add(contents.opaque)
            writer.add(contents.notes.map { Array($0.utf8) })
        case .failed(let error):
            writer.bytes.append(UInt8(ascii: "f"))
            writer.add(Int64(error.code.rawValue))
            writer.add(Int64(error.cause?.errno.rawValue ?? 0))
            writer.add([error.message, error.cause?.call ?? "", error.cause?.subject ?? ""].map { Array($0.utf8) })
        }
        return writer.bytes
    }

    /// Reads a report; nil when it is none.
    init?(_ bytes: [UInt8]) {
        var reader = ReportReader(rest: bytes.dropFirst())
        switch bytes.first {
        case UInt8(ascii: "d"):
            guard let digest = reader.block(), let archiveBytes = reader.number(), let contentBytes = reader.number(),
                let entries = reader.number(), let opaque = reader.blocks(), let notes = reader.blocks()
            else { return nil }
            self = .done(
                LayerContents(
                    digest: ContentDigest(rawValue: String(decoding: digest, as: UTF8.self)),
                    archiveBytes: archiveBytes,
                    contentBytes: contentBytes,
                    entries: Int(entries),
                    opaque: opaque,
                    notes: notes.prefix(20).map { Self.text($0) }
                )
            )
        case UInt8(ascii: "f"):
            guard let code = reader.number().flatMap({ UInt8(exactly: $0) }).flatMap(ImageError.Code.init),
                let errno = reader.number().flatMap({ Int32(exactly: $0) }), let texts = reader.blocks(),
                texts.count == 3
            else { return nil }
            let cause = SyscallError(
                call: Self.text(texts[1]),
                subject: Self.text(texts[2]),
                errno: Errno(rawValue: errno)
            )
            self = .failed(ImageError(code, Self.text(texts[0]), cause: errno > 0 ? cause : nil))
        default: return nil
        }
        guard reader.rest.isEmpty else { return nil }
    }

    /// A sentence of ours, with what an archive may have put into it made fit for a terminal.
    private static func text(_ bytes: [UInt8]) -> String {
        printable(String(decoding: bytes.prefix(4096), as: UTF8.self), length: 1000)
    }
}

private struct ReportWriter {
    var bytes: [UInt8] = []

    mutating func add(_ number: Int64) { withUnsafeBytes(of: number.littleEndian) { bytes += $0 } }

    mutating func add(_ block: [UInt8]) {
        add(Int64(block.count))
        bytes += block
    }

    mutating func add(_ blocks: [[UInt8]]) {
        add(Int64(blocks.count))
        for block in blocks { add(block) }
    }
}

private struct ReportReader {
    var rest: ArraySlice<UInt8>

    mutating func number() -> Int64? {
        guard rest.count >= 8 else { return nil }
        let value = rest.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        rest = rest.dropFirst(8)
        return Int64(bitPattern: value)
    }

    mutating func block() -> [UInt8]? {
        guard let count = number(), count >= 0, count <= rest.count else { return nil }
        defer { rest = rest.dropFirst(Int(count)) }
        return Array(rest.prefix(Int(count)))
    }

    mutating func blocks() -> [[UInt8]]? {
        guard let count = number(), count >= 0 else { return nil }
        var blocks: [[UInt8]] = []
        for _ in 0..<count {
            guard let next = block() else { return nil }
            blocks.append(next)
        }
        return blocks
    }
}
