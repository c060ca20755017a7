package import LinuxSystem

/// The part of a message that a resolver has to understand: the header and the one question, RFC 1035.
package struct DNSQuery: Hashable, Sendable {
    /// The question's type.
    package struct RecordType: Hashable, Sendable, RawRepresentable {
        /// The number on the wire.
        package var rawValue: UInt16
        /// Wraps a number.
        package init(rawValue: UInt16) { self.rawValue = rawValue }
        /// A version 4 address.
        package static let a = RecordType(rawValue: 1)
        /// A name.
        package static let ptr = RecordType(rawValue: 12)
        /// A version 6 address.
        package static let aaaa = RecordType(rawValue: 28)
        /// Whatever there is.
        package static let any = RecordType(rawValue: 255)
    }

    /// The number that the answer repeats.
    package var id: UInt16
    /// Whether the client wants others to be asked: RD.
    package var wantsRecursion: Bool
    /// The name asked for.
    package var name: DNSName
    /// What is asked for.
    package var type: RecordType
    /// The longest answer that fits a datagram: 512, or what EDNS (RFC 6891) says, at most 4096.
    package var datagramLimit: Int
    /// The question as it came, to be repeated in answers.
    let question: [UInt8]

    /// Reads a query.
    ///
    /// Throws `.malformedName` for anything but one question of class IN in an ordinary query.
    package init(_ bytes: [UInt8]) throws(NetworkError) {
        var reader = DNSReader(bytes)
        id = try reader.number()
        let flags = try reader.number()
        // QR, opcode: only an ordinary query.
        guard flags & 0xf800 == 0 else { throw DNSReader.malformed("not an ordinary query") }
        let counts = (try reader.number(), try reader.number(), try reader.number(), try reader.number())
        guard counts.0 == 1, counts.1 == 0 else { throw DNSReader.malformed("not one question") }
        wantsRecursion = flags & 0x0100 != 0
        let start = reader.offset
        name = try reader.name()
        type = RecordType(rawValue: try reader.number())
        guard try reader.number() == 1 else { throw DNSReader.malformed("not of class IN") }
        question = Array(bytes[start..<reader.offset])
        datagramLimit = 512
        // Only EDNS matters of what follows, and it is one of very few records.
        for _ in 0..<min(Int(counts.2) + Int(counts.3), 8) {
            _ = try reader.name()
            let kind = try reader.number()
            let size = try reader.number()
            try reader.skip(4)
            try reader.skip(Int(try reader.number()))
            if kind == 41 { datagramLimit = min(max(512, Int(size)), 4096) }
        }
    }

    /// An answer to this query.
    package func answer(_ code: DNSAnswer.Code, _ records: [DNSAnswer.Record] = []) -> DNSAnswer {
        DNSAnswer(query: self, code: code, records: records)
    }

    /// Whether `bytes` answer this question under the number `id`: an upstream server's answer must, or it is another's.
    package func isAnswered(by bytes: [UInt8], id: UInt16) -> Bool {
        var reader = DNSReader(bytes)
        // What cannot be read is no answer.
        guard (try? reader.number()) == id, let flags = try? reader.number(), flags & 0xf800 == 0x8000,
            (try? reader.number()) == 1, (try? reader.skip(6)) != nil, (try? reader.name()) == name,
            (try? reader.number()) == type.rawValue, (try? reader.number()) == 1
        else { return false }
        return true
    }
}

/// An answer of our own.
package struct DNSAnswer: Hashable, Sendable {
    /// RCODE.
    package enum Code: UInt16, Hashable, Sendable {
        /// Answered, perhaps with no records of this type.
        case success = 0
        /// The query cannot be read.
        case malformed = 1
        /// Nobody could be asked.
        case failure = 2
        /// There is no such name.
        case noSuchName = 3
        /// The answerer will not say.
        case refused = 5
    }

    /// One record of the answer, about the name asked for.
    package enum Record: Hashable, Sendable {
        /// An address.
        case address(IPAddress)
        /// A name.
        case name(DNSName)
    }

    let query: DNSQuery
    /// RCODE.
    package var code: Code
    /// The records.
    package var records: [Record]

    /// Seconds for which clients may keep an answer: replicas come and go.
    static let lifetime: UInt32 = 5

    /// The message; records that do not fit `limit` bytes are left out and TC is set.
    package func bytes(limit: Int) -> [UInt8] {
        var body: [UInt8] = []
        var count: UInt16 = 0
        var isTruncated = false
        for record in records {
            // The name asked for stands at offset 12.
            var bytes: [UInt8] = [0xc0, 12]
            let data: [UInt8]
            switch record {
            case .address(let address):
                data = address.bytes
                bytes.append(number: address.family == .v4 ? 1 : 28)
            case .name(let name):
                data = name.bytes
                bytes.append(number: 12)
            }
            bytes.append(number: 1)
            bytes.append(number: UInt16(Self.lifetime >> 16))
            bytes.append(number: UInt16(truncatingIfNeeded: Self.lifetime))
            bytes.append(number: UInt16(data.count))
            bytes += data
            if 12 + query.question.count + body.count + bytes.count > limit {
                isTruncated = true
                break
            }
            body += bytes
            count += 1
        }
        // QR, AA, RA; TC, RD as asked.
        let flags = 0x8480 | (isTruncated ? 0x0200 : 0) | (query.wantsRecursion ? 0x0100 : 0) | code.rawValue
        var message: [UInt8] = []
        for number in [query.id, flags, 1, count, 0, 0] { message.append(number: number) }
        return message + query.question + body
    }

    /// The shortest answer to something that is no query we can read: its number and the code; nil if it is too short
    /// to have a number, or is itself an answer.
    package static func malformed(_ bytes: [UInt8]) -> [UInt8]? {
        guard bytes.count >= 12, bytes[2] & 0x80 == 0 else { return nil }
        return [bytes[0], bytes[1], 0x80, 0x80 | UInt8(Code.malformed.rawValue)] + [UInt8](repeating: 0, count: 8)
    }
}

/// Reads messages within their bounds.
struct DNSReader {
    private let bytes: [UInt8]
    private(set) var offset = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    static func malformed(_ what: String) -> NetworkError { NetworkError(.malformedName, "query refused: \(what)") }

    mutating func number() throws(NetworkError) -> UInt16 {
        guard bytes.count - offset >= 2 else { throw Self.malformed("too short") }
        defer { offset += 2 }
        return UInt16(bytes[offset]) << 8 | UInt16(bytes[offset + 1])
    }

    mutating func skip(_ count: Int) throws(NetworkError) {
        guard bytes.count - offset >= count else { throw Self.malformed("too short") }
        offset += count
    }

    /// A name, whose end may be a pointer to an earlier one: RFC 1035, 4.1.4.
    mutating func name() throws(NetworkError) -> DNSName {
        var labels: [[UInt8]] = []
        var length = 1
        var position = offset
        var end: Int?
        while true {
            guard position < bytes.count else { throw Self.malformed("name too short") }
            let byte = Int(bytes[position])
            switch byte & 0xc0 {
            case 0 where byte == 0:
                offset = end ?? position + 1
                return DNSName(labels: labels)
            case 0:
                length += byte + 1
                guard length <= 255, position + 1 + byte <= bytes.count else { throw Self.malformed("name too long") }
                labels.append(Array(bytes[position + 1..<position + 1 + byte]))
                position += byte + 1
            case 0xc0:
                guard position + 1 < bytes.count else { throw Self.malformed("name too short") }
                let target = (byte & 0x3f) << 8 | Int(bytes[position + 1])
                // Only backwards, so no loop can arise.
                guard target < position else { throw Self.malformed("name points forwards") }
                end = end ?? position + 2
                position = target
            default: throw Self.malformed("unknown kind of label")
            }
        }
    }
}

extension [UInt8] {
    fileprivate mutating func append(number: UInt16) {
        append(UInt8(number >> 8))
        append(UInt8(truncatingIfNeeded: number))
    }
}
