/// Changes to nf_tables that happen all at once or not at all.
package struct NFTransaction: Sendable {
    private var requests: [NetlinkRequest] = []
    private var nextSetID: UInt32 = 1

    /// Starts empty.
    package init() {}

    /// Deletes what the table holds, if it is there, and makes it anew.
    package mutating func replace(_ table: NFTable) {
        // Deleting what is not there fails, adding what is there does not.
        addTable(table.name)
        delete(table: table.name)
        add(table)
    }

    /// Adds a table and all it holds to what may be there.
    package mutating func add(_ table: NFTable) {
        addTable(table.name)
        // Chains before maps, as verdicts lead to chains; rules last, as they look into maps.
        for chain in table.chains { add(chain, to: table.name) }
        for set in table.sets { add(set, to: table.name, identifier: claimSetID(), isInline: false) }
        for chain in table.chains {
            for rule in chain.rules { add(rule, to: chain.name, of: table.name) }
        }
    }

    /// Deletes a table and all it holds; fails with `.notFound` if it is not there.
    package mutating func delete(table: String) {
        append("delete table \(table)", Message.deleteTable) { $0.attribute(1, string: table) }
    }

    /// Adds elements to a set or map; those that are there stay.
    package mutating func add(_ elements: [NFElement], to set: NFSet, of table: String) {
        append(elements, of: set, in: table, "add elements to", Message.newElement, flags: .create)
    }

    /// Deletes elements of a set or map; all must be there.
    package mutating func delete(_ elements: [NFElement], from set: NFSet, of table: String) {
        append(elements, of: set, in: table, "delete elements of", Message.deleteElement)
    }

    /// Deletes all rules of a chain; add new ones in the same transaction to change the chain at once.
    package mutating func flush(chain: String, of table: String) {
        append("flush chain \(table) \(chain)", Message.deleteRule) {
            $0.attribute(1, string: table)
            $0.attribute(2, string: chain)
        }
    }

    /// Deletes all elements of a set or map.
    package mutating func flush(set: String, of table: String) {
        append("flush set \(table) \(set)", Message.deleteElement) {
            $0.attribute(1, string: table)
            $0.attribute(2, string: set)
        }
    }

    /// Adds a rule at the end of a chain.
    package mutating func add(_ rule: NFRule, to chain: String, of table: String) {
        var encoder = RuleEncoder(firstSetID: nextSetID)
        for statement in rule.statements { encoder.encode(statement) }
        nextSetID += UInt32(encoder.inlineSets.count)
        let expressions = encoder.writer.bytes
        for (set, identifier) in encoder.inlineSets { add(set, to: table, identifier: identifier, isInline: true) }
        append("add rule \(table) \(chain) \(rule)", Message.newRule, flags: [.create, .append]) {
            $0.attribute(1, string: table)
            $0.attribute(2, string: chain)
            $0.nested(4) { $0.append(padded: expressions) }
            if let comment = rule.comment {
                // NFTNL_UDATA_RULE_COMMENT as libnftnl lays it out: type, length with the zero, text.
                let text = Array(comment.utf8.prefix(120)) + [0]
                $0.attribute(7, bytes: [0, UInt8(text.count)] + text)
            }
        }
    }

    /// The transaction between its opening and closing messages; with a generation, it fails if another has come
    /// between the reading of that generation and this transaction.
    package func batch(generation: UInt32? = nil) -> NetlinkBatch {
        let begin = NetlinkRequest("nf_tables transaction", type: 0x10) {
            $0.netfilterHeader(family: 0, resource: 10)
            if let generation { $0.attribute(1, bigEndian: generation) }
        }
        let end = NetlinkRequest("end of nf_tables transaction", type: 0x11) {
            $0.netfilterHeader(family: 0, resource: 10)
        }
        return NetlinkBatch(atomic: [begin] + requests + [end])
    }

    private mutating func addTable(_ name: String) {
        append("add table \(name)", Message.newTable, flags: .create) {
            $0.attribute(1, string: name)
            $0.attribute(2, bigEndian: UInt32(0))
        }
    }

    private mutating func add(_ chain: NFChain, to table: String) {
        append("add chain \(table) \(chain.name)", Message.newChain, flags: .create) {
            $0.attribute(1, string: table)
            $0.attribute(3, string: chain.name)
            guard let hook = chain.hook else { return }
            $0.nested(4) {
                $0.attribute(1, bigEndian: hook.point.rawValue)
                $0.attribute(2, bigEndian: hook.priority)
            }
            $0.attribute(5, bigEndian: UInt32(hook.dropsByDefault ? 0 : 1))
            $0.attribute(7, string: hook.kind.rawValue)
        }
    }

    private mutating func add(_ set: NFSet, to table: String, identifier: UInt32, isInline: Bool) {
        append("add set \(table) \(set.name)", Message.newSet, flags: .create) {
            $0.attribute(1, string: table)
            $0.attribute(2, string: set.name)
            $0.attribute(3, bigEndian: set.flags | (isInline ? 0x3 : 0))
            $0.attribute(4, bigEndian: NFType.identifier(set.key))
            $0.attribute(5, bigEndian: NFType.byteCount(set.key))
            switch set.content {
            case .membership: break
            case .values(let types):
                $0.attribute(6, bigEndian: NFType.identifier(types))
                $0.attribute(7, bigEndian: NFType.byteCount(types))
            case .verdicts:
                $0.attribute(6, bigEndian: UInt32(0xffff_ff00))
                $0.attribute(7, bigEndian: UInt32(16))
            }
            if set.isRanged { $0.fieldLengths(set.key) }
            $0.attribute(10, bigEndian: identifier)
            // NFTNL_UDATA_SET_KEYBYTEORDER, host: how `nft list` is to print the keys.
            if set.key.count == 1 && set.key[0].isHostOrder { $0.attribute(13, bytes: [0, 4, 1, 0, 0, 0]) }
        }
        append(
            set.elements,
            of: set,
            in: table,
            "add elements to",
            Message.newElement,
            flags: .create,
            identifier: identifier
        )
    }

    private mutating func append(
        _ elements: [NFElement],
        of set: NFSet,
        in table: String,
        _ words: String,
        _ type: UInt16,
        flags: NetlinkRequest.Flags = [],
        identifier: UInt32? = nil
    ) {
        // An attribute holds at most 64 KiB; an element takes less than 200 bytes.
        for start in stride(from: 0, to: elements.count, by: 250) {
            append("\(words) \(table) \(set.name)", type, flags: flags) {
                $0.attribute(1, string: table)
                $0.attribute(2, string: set.name)
                if let identifier { $0.attribute(4, bigEndian: identifier) }
                $0.nested(3) {
                    for element in elements[start..<min(start + 250, elements.count)] { $0.element(element, of: set) }
                }
            }
        }
    }

    private mutating func claimSetID() -> UInt32 {
        defer { nextSetID += 1 }
        return nextSetID
    }

    private mutating func append(
        _ subject: String,
        _ type: UInt16,
        flags: NetlinkRequest.Flags = [],
        _ body: (inout NetlinkWriter) -> Void
    ) {
        requests.append(
            NetlinkRequest(subject, type: type, flags: flags) {
                $0.netfilterHeader(family: 1, resource: 0)
                body(&$0)
            }
        )
    }
}
