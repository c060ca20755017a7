/// A conversation with the kernel over one transport: numbers requests, matches answers, reads lists.
package struct NetlinkSession<Transport: NetlinkTransport & ~Copyable>: ~Copyable {
    private var transport: Transport
    private var nextSequence: UInt32

    /// Takes over a transport; the first request will carry `firstSequence`.
    package init(over transport: consuming Transport, firstSequence: UInt32 = 1) {
        self.transport = transport
        nextSequence = firstSequence
    }

    /// Sends all requests at once and waits for the outcome; throws the first failure.
    ///
    /// Outside of transactions the requests after a failed one have been tried too.
    package mutating func perform(_ batch: NetlinkBatch) throws(NetlinkError) {
        for case .failure(let error) in try outcomes(of: batch) { throw error }
    }

    /// Sends all requests at once; throws the first failure.
    package mutating func perform(_ requests: NetlinkRequest...) throws(NetlinkError) {
        try perform(NetlinkBatch(requests))
    }

    /// Sends all requests at once and returns the outcome of each; throws only when the exchange itself fails.
    package mutating func outcomes(of batch: NetlinkBatch) throws(NetlinkError) -> [Result<Void, NetlinkError>] {
        // Older kernels do not answer a transaction's opening and closing messages, should there be no others.
        guard let subject = batch.requests.first?.subject, !batch.isAtomic || batch.requests.count > 2 else {
            return batch.requests.map { _ in .success(()) }
        }
        let first = claim(batch.requests.count)
        try send(batch.bytes(firstSequence: first), subject: subject)
        var outcomes = [Result<Void, NetlinkError>](repeating: .success(()), count: batch.requests.count)
        while true {
            for message in NetlinkMessage.parse(try receive(subject: subject)) where message.type == Self.errorType {
                let index = Int(message.sequence &- first)
                guard outcomes.indices.contains(index) else { continue }
                if let error = Self.failure(in: message, subject: batch.requests[index].subject) {
                    outcomes[index] = .failure(error)
                    // A transaction refused as a whole is answered under its opening message, perhaps only there.
                    if batch.isAtomic && index == 0 { return outcomes }
                }
                if index == batch.lastAnswered { return outcomes }
            }
        }
    }

    /// Asks for a list and returns its messages; starts over, a few times, when the list changes under way.
    package mutating func dump(_ request: NetlinkRequest) throws(NetlinkError) -> [NetlinkMessage] {
        for _ in 0..<8 {
            if let messages = try dumpOnce(request) { return messages }
        }
        throw NetlinkError(
            code: .unreadable,
            subject: request.subject,
            explanation: "the list kept changing while it was read"
        )
    }

    /// Asks for one object and returns the message that describes it.
    package mutating func query(_ request: NetlinkRequest) throws(NetlinkError) -> NetlinkMessage {
        let sequence = claim(1)
        var writer = NetlinkWriter()
        writer.message(type: request.type, flags: request.flags.union(.request).rawValue, sequence: sequence) {
            $0.append(padded: request.body)
        }
        try send(writer.bytes, subject: request.subject)
        while true {
            for message in NetlinkMessage.parse(try receive(subject: request.subject))
            where message.sequence == sequence {
                guard message.type == Self.errorType else { return message }
                guard let error = Self.failure(in: message, subject: request.subject) else { continue }
                throw error
            }
        }
    }

    private mutating func dumpOnce(_ request: NetlinkRequest) throws(NetlinkError) -> [NetlinkMessage]? {
        let sequence = claim(1)
        var writer = NetlinkWriter()
        let flags = request.flags.union([.request, .dump])
        writer.message(type: request.type, flags: flags.rawValue, sequence: sequence) {
            $0.append(padded: request.body)
        }
        try send(writer.bytes, subject: request.subject)
        var messages: [NetlinkMessage] = []
        var wasInterrupted = false
        while true {
            for message in NetlinkMessage.parse(try receive(subject: request.subject))
            where message.sequence == sequence {
                let flags = NetlinkRequest.Flags(rawValue: message.flags)
                wasInterrupted = wasInterrupted || flags.contains(.dumpInterrupted)
                switch message.type {
                case Self.doneType, Self.errorType:
                    if let error = Self.failure(in: message, subject: request.subject) { throw error }
                    return wasInterrupted ? nil : messages
                default: messages.append(message)
                }
            }
        }
    }

    private mutating func claim(_ count: Int) -> UInt32 {
        defer { nextSequence &+= UInt32(count) }
        return nextSequence
    }

    private mutating func send(_ bytes: [UInt8], subject: String) throws(NetlinkError) {
        do { try transport.send(bytes) } catch {
            throw NetlinkError(subject: subject, errno: error.errno, explanation: error.call)
        }
    }

    private mutating func receive(subject: String) throws(NetlinkError) -> [UInt8] {
        do { return try transport.receive() } catch {
            throw NetlinkError(subject: subject, errno: error.errno, explanation: error.call)
        }
    }

    private static var errorType: UInt16 { 2 }
    private static var doneType: UInt16 { 3 }

    /// The failure that an NLMSG_ERROR or NLMSG_DONE reports, or nil for an acknowledgement.
    private static func failure(in message: NetlinkMessage, subject: String) -> NetlinkError? {
        guard let code = message.body.number(at: 0, as: Int32.self) else {
            // An NLMSG_DONE may come without a code; an NLMSG_ERROR may not.
            guard message.type == errorType else { return nil }
            return NetlinkError(code: .unreadable, subject: subject, explanation: "answer too short")
        }
        guard code < 0, code != .min else { return nil }
        // NLM_F_CAPPED (0x100): only the request's header is repeated; NLM_F_ACK_TLVS (0x200): attributes follow it.
        var skip = 4
        if message.type == errorType {
            let echoed = message.body.number(at: 4, as: UInt32.self).map(Int.init) ?? 16
            skip += message.flags & 0x100 != 0 ? 16 : min(echoed, message.body.count)
        }
        let attributes = message.flags & 0x200 != 0 ? message.attributes(after: skip) : NetlinkAttributes([])
        return NetlinkError(
            subject: subject,
            errno: Errno(rawValue: -code),
            explanation: attributes.string(1),
            offset: attributes.number(2, as: UInt32.self).map(Int.init)
        )
    }
}

extension NetlinkSession: Sendable where Transport: Sendable & ~Copyable {}

extension NetlinkSession where Transport == NetlinkSocket {
    /// Opens a session in the calling thread's network namespace.
    package static func open(_ netlinkProtocol: NetlinkProtocol) throws(SyscallError) -> NetlinkSession<NetlinkSocket> {
        NetlinkSession(over: try NetlinkSocket(netlinkProtocol))
    }
}
