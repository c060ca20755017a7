/// Builds netlink bytes; lengths of messages and nested attributes are filled in when their bodies end.
///
/// Headers and rtnetlink numbers are in the machine's byte order, nf_tables' numbers are big-endian: netlink(7).
package struct NetlinkWriter: Sendable {
    /// What has been written so far, always a multiple of four bytes.
    package private(set) var bytes: [UInt8] = []

    /// Starts empty.
    package init() {}

    /// Appends a number in the machine's byte order, unpadded: for the fixed structures that open a message.
    package mutating func append<Number: FixedWidthInteger>(_ number: Number) {
        withUnsafeBytes(of: number) { bytes.append(contentsOf: $0) }
    }

    /// Appends bytes and pads them to a multiple of four.
    package mutating func append(padded content: some Collection<UInt8>) {
        bytes.append(contentsOf: content)
        pad()
    }

    /// Appends one message: nlmsghdr, then what `body` writes.
    package mutating func message(
        type: UInt16,
        flags: UInt16,
        sequence: UInt32,
        _ body: (inout NetlinkWriter) -> Void
    ) {
        let start = bytes.count
        append(UInt32(0))
        append(type)
        append(flags)
        append(sequence)
        append(UInt32(0))
        body(&self)
        patch(UInt32(bytes.count - start), at: start)
    }

    /// Appends an attribute with the given content.
    package mutating func attribute(_ type: UInt16, bytes content: some Collection<UInt8>) {
        header(type: type, contentCount: content.count)
        append(padded: content)
    }

    /// Appends an attribute holding a zero-terminated string.
    package mutating func attribute(_ type: UInt16, string: String) {
        header(type: type, contentCount: string.utf8.count + 1)
        bytes.append(contentsOf: string.utf8)
        bytes.append(0)
        pad()
    }

    /// Appends an attribute holding a number in the machine's byte order.
    package mutating func attribute<Number: FixedWidthInteger>(_ type: UInt16, number: Number) {
        header(type: type, contentCount: MemoryLayout<Number>.size)
        append(number)
        pad()
    }

    /// Appends an attribute holding a big-endian number.
    package mutating func attribute<Number: FixedWidthInteger>(_ type: UInt16, bigEndian number: Number) {
        attribute(type, number: number.bigEndian)
    }

    /// Appends an attribute that holds what `body` writes, marked NLA_F_NESTED.
    package mutating func nested(_ type: UInt16, _ body: (inout NetlinkWriter) -> Void) {
        let start = bytes.count
        header(type: type | 0x8000, contentCount: 0)
        body(&self)
        // An attribute's length has 16 bits; callers split what could grow past that (set elements).
        precondition(bytes.count - start <= Int(UInt16.max), "netlink attribute too long")
        patch(UInt16(bytes.count - start), at: start)
    }

    private mutating func header(type: UInt16, contentCount: Int) {
        precondition(contentCount <= Int(UInt16.max) - 4, "netlink attribute too long")
        append(UInt16(contentCount + 4))
        append(type)
    }

    private mutating func pad() {
        while bytes.count & 3 != 0 { bytes.append(0) }
    }

    private mutating func patch<Number: FixedWidthInteger>(_ number: Number, at offset: Int) {
        withUnsafeBytes(of: number) { source in
            for (index, byte) in source.enumerated() { bytes[offset + index] = byte }
        }
    }
}
