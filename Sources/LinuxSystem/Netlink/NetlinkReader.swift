/// A message received over netlink: its header's fields and its body.
package struct NetlinkMessage: Hashable, Sendable {
    /// nlmsg_type.
    package var type: UInt16
    /// nlmsg_flags.
    package var flags: UInt16
    /// nlmsg_seq.
    package var sequence: UInt32
    /// Everything after the header.
    package var body: ArraySlice<UInt8>

    /// Splits a datagram into messages; bytes that do not form a whole message end the list.
    package static func parse(_ datagram: [UInt8]) -> [NetlinkMessage] {
        var messages: [NetlinkMessage] = []
        var rest = datagram[...]
        while let length = rest.number(at: 0, as: UInt32.self).map(Int.init), length >= 16, length <= rest.count {
            let whole = rest.prefix(length)
            messages.append(
                NetlinkMessage(
                    type: whole.number(at: 4) ?? 0,
                    flags: whole.number(at: 6) ?? 0,
                    sequence: whole.number(at: 8) ?? 0,
                    body: whole.dropFirst(16)
                )
            )
            rest = rest.dropFirst((length + 3) & ~3)
        }
        return messages
    }

    /// The attributes after a fixed structure of `skip` bytes.
    package func attributes(after skip: Int) -> NetlinkAttributes { NetlinkAttributes(body.dropFirst((skip + 3) & ~3)) }
}

/// The attributes in a stretch of bytes; of several with one type the last counts.
package struct NetlinkAttributes: Hashable, Sendable {
    private var contents: [UInt16: ArraySlice<UInt8>] = [:]

    /// Reads attributes until the bytes end or stop making sense.
    package init(_ bytes: ArraySlice<UInt8>) {
        var rest = bytes
        while let length = rest.number(at: 0, as: UInt16.self).map(Int.init), length >= 4, length <= rest.count,
            let type = rest.number(at: 2, as: UInt16.self)
        {
            contents[type & 0x3fff] = rest.prefix(length).dropFirst(4)
            rest = rest.dropFirst((length + 3) & ~3)
        }
    }

    /// The content of the attribute of this type.
    package subscript(_ type: UInt16) -> ArraySlice<UInt8>? { contents[type] }

    /// A number in the machine's byte order; nil if missing or too short.
    package func number<Number: FixedWidthInteger>(_ type: UInt16, as: Number.Type = Number.self) -> Number? {
        contents[type]?.number(at: 0)
    }

    /// A string up to its terminating zero, or to the end.
    package func string(_ type: UInt16) -> String? {
        contents[type].map { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }

    /// The attributes inside the attribute of this type.
    package func nested(_ type: UInt16) -> NetlinkAttributes? { contents[type].map(NetlinkAttributes.init) }
}

extension ArraySlice<UInt8> {
    /// The number in the machine's byte order `offset` bytes in; nil if the slice is too short.
    func number<Number: FixedWidthInteger>(at offset: Int, as: Number.Type = Number.self) -> Number? {
        guard count >= offset + MemoryLayout<Number>.size else { return nil }
        return withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: Number.self) }
    }
}
