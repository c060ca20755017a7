/// NFT_MSG_ in subsystem NFNL_SUBSYS_NFTABLES.
enum Message {
    static let newTable: UInt16 = 0xa00
    static let getTable: UInt16 = 0xa01
    static let deleteTable: UInt16 = 0xa02
    static let newChain: UInt16 = 0xa03
    static let newRule: UInt16 = 0xa06
    static let deleteRule: UInt16 = 0xa08
    static let newSet: UInt16 = 0xa09
    static let newElement: UInt16 = 0xa0c
    static let deleteElement: UInt16 = 0xa0e
    static let newGeneration: UInt16 = 0xa0f
    static let getGeneration: UInt16 = 0xa10
}

extension NFType {
    /// A concatenation's type, six bits for each field.
    static func identifier(_ types: [NFType]) -> UInt32 { types.reduce(0) { $0 << 6 | $1.identifier } }

    /// A concatenation's length; a single value is not padded.
    static func byteCount(_ types: [NFType]) -> UInt32 {
        UInt32(types.count == 1 ? types[0].byteCount : types.reduce(0) { $0 + $1.paddedCount })
    }
}

extension NFSet {
    /// Whether it is a concatenation with intervals, which the kernel keeps in a kind of set of its own.
    var isRanged: Bool { hasIntervals && key.count > 1 }

    /// NFT_SET_INTERVAL, NFT_SET_MAP, NFT_SET_CONCAT.
    var flags: UInt32 {
        (hasIntervals ? 0x4 : 0) | (content == .membership ? 0 : 0x8) | (isRanged ? 0x80 : 0)
    }
}

extension NetlinkWriter {
    /// struct nfgenmsg; family inet is 1.
    mutating func netfilterHeader(family: UInt8, resource: UInt16) {
        append(family)
        append(UInt8(0))
        append(resource.bigEndian)
    }

    /// NFTA_SET_DESC_CONCAT.
    mutating func fieldLengths(_ types: [NFType]) {
        nested(9) {
            $0.nested(2) {
                for type in types {
                    $0.nested(1) { $0.attribute(1, bigEndian: UInt32(type.byteCount)) }
                }
            }
        }
    }

    /// One NFTA_LIST_ELEM, or two where the interval's end is an element of its own.
    mutating func element(_ element: NFElement, of set: NFSet) {
        let end = element.keyEnd ?? element.key
        nested(1) {
            $0.key(1, element.key)
            if set.isRanged { $0.key(10, end) }
            switch element.content {
            case .membership: break
            case .values(let values): $0.key(2, values)
            case .verdict(let verdict): $0.nested(2) { $0.verdict(verdict) }
            }
        }
        guard set.hasIntervals, !set.isRanged, let following = end.first?.following else { return }
        nested(1) {
            $0.data(1, following)
            $0.attribute(3, bigEndian: UInt32(1))
        }
    }

    private mutating func key(_ type: UInt16, _ values: [NFValue]) {
        data(type, values.count == 1 ? values[0].bytes : values.flatMap(\.paddedBytes))
    }
}

extension NFValue {
    /// The bytes one above, where an interval ends; nil at the end of the type's range, where it needs no end.
    var following: [UInt8]? {
        var bytes = bytes
        for index in bytes.indices.reversed() {
            bytes[index] &+= 1
            if bytes[index] != 0 { return bytes }
        }
        return nil
    }
}
