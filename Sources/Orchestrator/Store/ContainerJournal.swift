import FoundationEssentials
import LinuxSystem
import Synchronization

/// What is known of one container on disk: `journal` in its directory, one line of JSON for each change.
///
///     {"state":{…}}
///     {"record":{…}}
///     {"process":{…}}
///     {"process":null}
///
/// Of each kind the last line holds. A line is appended by one write(2), which costs no inode and no rename, and a line
/// without its end counts for nothing; so a reader at any moment sees what was true at one moment. Only a project's
/// supervisor writes.
struct ContainerJournal {
    /// What a line is about.
    enum Kind: String, CaseIterable { case state, record, process }

    private let path: String
    /// A container that is started over and over has its lines weeded out at this size.
    private static let limit = 64 << 10
    /// Held while a line is written: threads tell of the same container.
    private static let turn = Mutex(())

    /// The journal of the container whose directory this is.
    init(in directory: String) { path = "\(directory)/\(Self.name)" }

    /// The file's name.
    static let name = "journal"

    /// What the last line of a kind says; nil when there is none, or it says that there is nothing.
    func last<Value: Decodable>(_ kind: Kind, as type: Value.Type) throws(StoreError) -> Value? {
        let bytes = try read()
        guard let line = Self.line(kind, in: bytes[...]) else {
            if !bytes.isEmpty && Kind.allCases.allSatisfy({ Self.line($0, in: bytes[...]) == nil }) { throw unreadable }
            return nil
        }
        do {
            return try JSONDecoder().decode(Value?.self, from: Data(line.dropFirst(Self.head(kind).count).dropLast()))
        } catch { throw unreadable }
    }

    /// Appends a line; the container's directory has to be there.
    func append(_ kind: Kind, _ value: some Encodable) throws(StoreError) {
        let text: Data
        do { text = try JSONEncoder().encode(value) } catch { throw StoreError(.system, "\(path): \(error)") }
        let line = Self.head(kind) + text + Array("}".utf8)
        do throws(SyscallError) {
            try Self.turn.withLock { _ throws(SyscallError) in
                if try appendLine(line, to: path) > Self.limit { try weedOut() }
            }
        } catch { throw StoreError(.system, "\(error)") }
    }

    /// Leaves only the lines that hold.
    private func weedOut() throws(SyscallError) {
        let bytes = try readBytes(path, limit: 4 << 20)
        let lines = Kind.allCases.compactMap { Self.line($0, in: bytes[...]) }
        try replaceFile(path, lines.flatMap { $0 + [Self.newline] })
    }

    private func read() throws(StoreError) -> [UInt8] {
        do throws(SyscallError) { return try readBytes(path, limit: 4 << 20) } catch {
            if error.errno == .notFound { return [] }
            throw StoreError(.system, "\(error)")
        }
    }

    private var unreadable: StoreError {
        StoreError(.unreadable, "\(path) is not what Roost wrote; look at it, and remove it when it is of no use")
    }

    private static let newline = UInt8(ascii: "\n")

    private static func head(_ kind: Kind) -> [UInt8] { Array("{\"\(kind.rawValue)\":".utf8) }

    /// The last whole line of a kind, without its end.
    private static func line(_ kind: Kind, in bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        let head = head(kind)
        guard var end = bytes.lastIndex(of: newline) else { return nil }
        while true {
            let start = bytes[..<end].lastIndex(of: newline).map { $0 + 1 } ?? bytes.startIndex
            if bytes[start..<end].starts(with: head) { return bytes[start..<end] }
            guard start > bytes.startIndex else { return nil }
            end = start - 1
        }
    }
}
