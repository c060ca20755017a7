extension NetlinkSession where Transport: ~Copyable {
    /// Carries a transaction out; all of it or nothing.
    package mutating func perform(_ transaction: NFTransaction) throws(NetlinkError) {
        try perform(transaction.batch())
    }

    /// The names of all inet tables that begin with `prefix`.
    package mutating func tableNames(prefix: String = "") throws(NetlinkError) -> [String] {
        let request = NetlinkRequest("list nf_tables tables", type: Message.getTable) {
            $0.netfilterHeader(family: 1, resource: 0)
        }
        return try dump(request).compactMap { message in
            guard message.type == Message.newTable else { return nil }
            return message.attributes(after: 4).string(1)
        }.filter { $0.hasPrefix(prefix) }
    }

    /// Whether there is an inet table of this name.
    package mutating func hasTable(_ name: String) throws(NetlinkError) -> Bool {
        let request = NetlinkRequest("look up table \(name)", type: Message.getTable) {
            $0.netfilterHeader(family: 1, resource: 0)
            $0.attribute(1, string: name)
        }
        do { return try query(request).type == Message.newTable } catch {
            guard error.code == .notFound else { throw error }
            return false
        }
    }

    /// The number that the next transaction in this namespace will raise.
    package mutating func generation() throws(NetlinkError) -> UInt32 {
        let request = NetlinkRequest("read nf_tables generation", type: Message.getGeneration) {
            $0.netfilterHeader(family: 0, resource: 0)
        }
        let answer = try query(request)
        guard let number = answer.attributes(after: 4).number(1, as: UInt32.self) else {
            throw NetlinkError(code: .unreadable, subject: request.subject, explanation: "unexpected answer")
        }
        return UInt32(bigEndian: number)
    }
}
