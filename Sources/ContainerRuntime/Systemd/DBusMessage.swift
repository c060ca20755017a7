/// A value of D-Bus, of the types that systemd's properties have: D-Bus Specification, "Type System".
indirect enum DBusValue: Hashable, Sendable {
    case string(String)
    case boolean(Bool)
    case word(UInt32)
    case signedWord(Int32)
    case long(UInt64)
    case signedLong(Int64)
    case bytes([UInt8])
    case words([UInt32])
    case strings([String])
    case variant(DBusValue)
    /// Structures of a name and a variant.
    case properties([DBusProperty])
    /// An empty array of structures `(sa(sv))`.
    case noUnits

    /// Its type in the words of the specification.
    var signature: String {
        switch self {
        case .string: "s"
        case .boolean: "b"
        case .word: "u"
        case .signedWord: "i"
        case .long: "t"
        case .signedLong: "x"
        case .bytes: "ay"
        case .words: "au"
        case .strings: "as"
        case .variant: "v"
        case .properties: "a(sv)"
        case .noUnits: "a(sa(sv))"
        }
    }

    static func == (left: DBusValue, right: DBusValue) -> Bool { left.encoded == right.encoded }
    func hash(into hasher: inout Hasher) { hasher.combine(encoded) }
    private var encoded: [UInt8] {
        var writer = DBusWriter()
        writer.write(.variant(self))
        return writer.bytes
    }
}

/// Bytes of a message, each value at a multiple of its size.
struct DBusWriter {
    private(set) var bytes: [UInt8] = []

    mutating func align(_ size: Int) { while bytes.count % size != 0 { bytes.append(0) } }

    mutating func byte(_ byte: UInt8) { bytes.append(byte) }

    mutating func word(_ word: UInt32) {
        align(4)
        for shift in 0..<4 { bytes.append(UInt8(truncatingIfNeeded: word >> (8 * UInt32(shift)))) }
    }

    mutating func long(_ long: UInt64) {
        align(8)
        for shift in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: long >> (8 * UInt64(shift)))) }
    }

    mutating func string(_ text: String) {
        word(UInt32(text.utf8.count))
        bytes += text.utf8
        bytes.append(0)
    }

    mutating func signature(_ text: String) {
        bytes.append(UInt8(text.utf8.count))
        bytes += text.utf8
        bytes.append(0)
    }

    /// An array, whose length is known when its elements are written; `alignment` is that of its elements.
    mutating func array(alignment: Int, _ elements: (inout DBusWriter) -> Void) {
        word(0)
        let length = bytes.count - 4
        align(alignment)
        let start = bytes.count
        elements(&self)
        let count = UInt32(bytes.count - start)
        for shift in 0..<4 { bytes[length + shift] = UInt8(truncatingIfNeeded: count >> (8 * UInt32(shift))) }
    }

    mutating func write(_ value: DBusValue) {
        switch value {
        case .string(let text): string(text)
        case .boolean(let isTrue): word(isTrue ? 1 : 0)
        case .word(let number): word(number)
        case .signedWord(let number): word(UInt32(bitPattern: number))
        case .long(let number): long(number)
        case .signedLong(let number): long(UInt64(bitPattern: number))
        case .bytes(let content): array(alignment: 1) { $0.bytes += content }
        case .words(let content): array(alignment: 4) { for number in content { $0.word(number) } }
        case .strings(let content): array(alignment: 4) { for text in content { $0.string(text) } }
        case .variant(let inner):
            signature(inner.signature)
            write(inner)
        case .properties(let properties):
            array(alignment: 8) {
                for property in properties {
                    $0.align(8)
                    $0.string(property.name)
                    $0.write(.variant(property.value))
                }
            }
        case .noUnits: array(alignment: 8) { _ in }
        }
    }
}

/// A call of systemd's manager, little endian: D-Bus Specification, "Message Protocol".
struct DBusCall {
    let serial: UInt32
    var interface = DBusCall.manager
    let member: String
    let arguments: [DBusValue]

    static let manager = "org.freedesktop.systemd1.Manager"
    /// What every object's properties are read by.
    static let properties = "org.freedesktop.DBus.Properties"

    var bytes: [UInt8] {
        var body = DBusWriter()
        for argument in arguments { body.write(argument) }
        var message = DBusWriter()
        // Little endian, a call, no flags, version 1.
        for byte in [UInt8(ascii: "l"), 1, 0, 1] { message.byte(byte) }
        message.word(UInt32(body.bytes.count))
        message.word(serial)
        message.array(alignment: 8) {
            $0.field(1, "o", "/org/freedesktop/systemd1")
            $0.field(2, "s", interface)
            $0.field(3, "s", member)
            $0.field(6, "s", "org.freedesktop.systemd1")
            let types = arguments.map(\.signature).joined()
            if !types.isEmpty { $0.field(8, "g", types) }
        }
        message.align(8)
        return message.bytes + body.bytes
    }
}

extension DBusWriter {
    fileprivate mutating func field(_ code: UInt8, _ type: String, _ value: String) {
        align(8)
        byte(code)
        signature(type)
        if type == "g" { signature(value) } else { string(value) }
    }
}

/// What comes from systemd: answers, errors and signals, of which no more is read than is needed.
struct DBusReply: Hashable, Sendable {
    enum Kind: UInt8, Sendable { case call = 1, answer, error, signal }

    var kind: Kind
    var replyTo: UInt32?
    var member: String?
    var errorName: String?
    /// The strings and object paths that the body begins with, those in variants too; a number among them is passed over.
    var texts: [String]

    /// The size of a message whose first 16 bytes are there; nil when it is none, or too large to be meant.
    static func size(of head: [UInt8]) -> Int? {
        var reader = DBusReader(head)
        guard head.count >= 16, head[0] == UInt8(ascii: "l"), head[3] == 1 else { return nil }
        reader.offset = 4
        guard let body = reader.word() else { return nil }
        reader.offset = 12
        guard let fields = reader.word(), body < 1 << 20, fields < 1 << 20 else { return nil }
        return (16 + Int(fields) + 7) / 8 * 8 + Int(body)
    }

    /// Reads a whole message; nil when it is none.
    init?(_ bytes: [UInt8]) {
        guard let size = DBusReply.size(of: bytes), bytes.count == size, let kind = Kind(rawValue: bytes[1]) else {
            return nil
        }
        self.kind = kind
        texts = []
        var reader = DBusReader(bytes)
        reader.offset = 12
        guard let length = reader.word() else { return nil }
        let end = 16 + Int(length)
        var types = ""
        while reader.offset < end {
            reader.align(8)
            guard let code = reader.byte(), let type = reader.signature() else { return nil }
            switch type {
            case "s", "o":
                guard let text = reader.string() else { return nil }
                if code == 3 { member = text }
                if code == 4 { errorName = text }
            case "g":
                guard let text = reader.signature() else { return nil }
                if code == 8 { types = text }
            case "u":
                guard let number = reader.word() else { return nil }
                if code == 5 { replyTo = number }
            default: return nil
            }
        }
        reader.offset = (end + 7) / 8 * 8
        for type in types {
            switch type {
            case "s", "o":
                guard let text = reader.string() else { return nil }
                texts.append(text)
            case "u":
                guard reader.word() != nil else { return nil }
            case "v":
                guard let inner = reader.signature() else { return nil }
                guard inner == "s" || inner == "o" else { return }
                guard let text = reader.string() else { return nil }
                texts.append(text)
            default: return
            }
        }
    }
}

/// Values of a message, never beyond its end.
private struct DBusReader {
    let bytes: [UInt8]
    var offset = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func align(_ size: Int) { offset = (offset + size - 1) / size * size }

    mutating func byte() -> UInt8? {
        guard offset < bytes.count else { return nil }
        offset += 1
        return bytes[offset - 1]
    }

    mutating func word() -> UInt32? {
        align(4)
        guard offset + 4 <= bytes.count else { return nil }
        defer { offset += 4 }
        return (0..<4).reduce(0) { $0 | UInt32(bytes[offset + $1]) << (8 * UInt32($1)) }
    }

    mutating func string() -> String? {
        guard let length = word() else { return nil }
        return text(Int(length))
    }

    mutating func signature() -> String? {
        guard let length = byte() else { return nil }
        return text(Int(length))
    }

    private mutating func text(_ length: Int) -> String? {
        guard length <= bytes.count - offset - 1 else { return nil }
        defer { offset += length + 1 }
        return String(decoding: bytes[offset..<offset + length], as: UTF8.self)
    }
}
