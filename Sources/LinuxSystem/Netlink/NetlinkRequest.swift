/// One request to the kernel as a value: what it does in words, and its bytes without sequence number.
package struct NetlinkRequest: Hashable, Sendable {
    /// The request in words, for errors and plans: "create bridge front".
    package var subject: String
    /// nlmsg_type.
    package var type: UInt16
    /// nlmsg_flags beyond NLM_F_REQUEST.
    package var flags: Flags
    /// The bytes after the header.
    package var body: [UInt8]

    /// Makes a request whose body is what `body` writes.
    package init(_ subject: String, type: UInt16, flags: Flags = [], _ body: (inout NetlinkWriter) -> Void) {
        var writer = NetlinkWriter()
        body(&writer)
        self.subject = subject
        self.type = type
        self.flags = flags
        self.body = writer.bytes
    }

    /// NLM_F_ flags, netlink(7).
    package struct Flags: OptionSet, Hashable, Sendable {
        /// The bits.
        package let rawValue: UInt16
        /// Wraps the bits.
        package init(rawValue: UInt16) { self.rawValue = rawValue }
        /// NLM_F_REQUEST.
        package static let request = Flags(rawValue: 0x1)
        /// NLM_F_ACK: answer even when all went well.
        package static let acknowledge = Flags(rawValue: 0x4)
        /// NLM_F_DUMP_INTR: the list changed while it was read.
        package static let dumpInterrupted = Flags(rawValue: 0x10)
        /// NLM_F_REPLACE: overwrite what is there.
        package static let replace = Flags(rawValue: 0x100)
        /// NLM_F_EXCL: fail if it is there.
        package static let exclusive = Flags(rawValue: 0x200)
        /// NLM_F_CREATE: make it if it is not there.
        package static let create = Flags(rawValue: 0x400)
        /// NLM_F_APPEND: put it at the end of a list.
        package static let append = Flags(rawValue: 0x800)
        /// NLM_F_DUMP: all objects.
        package static let dump = Flags(rawValue: 0x300)
    }
}

/// Requests that travel in one sendmsg(2), in order.
package struct NetlinkBatch: Hashable, Sendable {
    /// The requests.
    package var requests: [NetlinkRequest]
    /// Whether the kernel takes all or none: true for nf_tables transactions.
    package var isAtomic: Bool

    /// Collects requests that succeed or fail each on its own.
    package init(_ requests: [NetlinkRequest]) {
        self.requests = requests
        isAtomic = false
    }

    init(atomic requests: [NetlinkRequest]) {
        self.requests = requests
        isAtomic = true
    }

    /// The request whose answer comes last: in a transaction the closing message is not answered before Linux 6.10.
    var lastAnswered: Int { isAtomic ? requests.count - 2 : requests.count - 1 }

    /// The bytes, numbered from `firstSequence`.
    ///
    /// Only the last request asks for an acknowledgement: failures are always reported, in order, so silence about
    /// a request before the last one's answer means success, and a batch costs one answer instead of one each.
    package func bytes(firstSequence: UInt32) -> [UInt8] {
        var writer = NetlinkWriter()
        for (index, request) in requests.enumerated() {
            var flags = request.flags.union(.request)
            if index == lastAnswered { flags.insert(.acknowledge) }
            writer.message(type: request.type, flags: flags.rawValue, sequence: firstSequence &+ UInt32(index)) {
                $0.append(padded: request.body)
            }
        }
        return writer.bytes
    }
}
