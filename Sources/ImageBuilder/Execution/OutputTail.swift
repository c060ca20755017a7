/// The last lines of what a command writes.
struct OutputTail {
    private var bytes: [UInt8] = []
    private static let limit = 8192

    mutating func add(_ more: [UInt8]) {
        bytes += more
        if bytes.count > 2 * Self.limit { bytes.removeFirst(bytes.count - Self.limit) }
    }

    /// At most twenty.
    var lines: [String] {
        bytes.split(separator: 0x0A).suffix(20).map { String(decoding: $0, as: UTF8.self) }
    }
}
