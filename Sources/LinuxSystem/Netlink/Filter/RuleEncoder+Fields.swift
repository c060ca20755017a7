extension RuleEncoder {
    /// Loads one field into a register.
    mutating func load(_ field: NFField, _ register: UInt32) {
        if let place = field.place {
            expression("payload") {
                $0.attribute(1, bigEndian: register)
                $0.attribute(2, bigEndian: place.base)
                $0.attribute(3, bigEndian: place.offset)
                $0.attribute(4, bigEndian: UInt32(field.byteCount))
            }
            return
        }
        switch field {
        case .inputInterface: key("meta", 6, register)
        case .outputInterface: key("meta", 7, register)
        case .networkFamily: key("meta", 15, register)
        case .transport: key("meta", 16, register)
        case .mark: key("meta", 3, register)
        case .connectionState: key("ct", 0, register)
        case .connectionStatus: key("ct", 2, register)
        case .connectionMark: key("ct", 3, register)
        case .sourceType: routeType(1, register)
        case .destinationType: routeType(2, register)
        case .counter(let modulus): generator(0, modulus, register)
        case .random(let modulus): generator(1, modulus, register)
        case .source, .destination, .sourcePort, .destinationPort, .anyDestinationPort: break
        }
    }

    /// Writes the first register to a header field, and puts right the checksums that cover it.
    mutating func store(_ field: NFField) {
        guard let place = field.place else { return }
        expression("payload") {
            $0.attribute(5, bigEndian: UInt32(8))
            $0.attribute(2, bigEndian: place.base)
            $0.attribute(3, bigEndian: place.offset)
            $0.attribute(4, bigEndian: UInt32(field.byteCount))
            if let checksum = field.checksumOffset {
                // NFT_PAYLOAD_CSUM_INET.
                $0.attribute(6, bigEndian: UInt32(1))
                $0.attribute(7, bigEndian: checksum)
            }
            // NFT_PAYLOAD_L4CSUM_PSEUDOHDR: addresses are part of the transport checksum.
            if field.requiredFamily != nil { $0.attribute(8, bigEndian: UInt32(1)) }
        }
    }

    /// meta and ct: destination register 1, key 2.
    private mutating func key(_ name: String, _ key: UInt32, _ register: UInt32) {
        expression(name) {
            $0.attribute(2, bigEndian: key)
            $0.attribute(1, bigEndian: register)
        }
    }

    private mutating func routeType(_ flags: UInt32, _ register: UInt32) {
        expression("fib") {
            $0.attribute(1, bigEndian: register)
            $0.attribute(2, bigEndian: UInt32(3))
            $0.attribute(3, bigEndian: flags)
        }
    }

    private mutating func generator(_ type: UInt32, _ modulus: UInt32, _ register: UInt32) {
        expression("numgen") {
            $0.attribute(1, bigEndian: register)
            $0.attribute(2, bigEndian: modulus)
            $0.attribute(3, bigEndian: type)
            $0.attribute(4, bigEndian: UInt32(0))
        }
    }
}

extension NFField {
    /// Where in the packet the field is: NFT_PAYLOAD_NETWORK_HEADER (1) or _TRANSPORT_HEADER (2) and an offset.
    fileprivate var place: (base: UInt32, offset: UInt32)? {
        switch self {
        case .source(.v4): (1, 12)
        case .destination(.v4): (1, 16)
        case .source(.v6): (1, 8)
        case .destination(.v6): (1, 24)
        case .sourcePort: (2, 0)
        case .destinationPort, .anyDestinationPort: (2, 2)
        default: nil
        }
    }

    /// Where in the same header the internet checksum over the field is; SCTP has another kind of checksum.
    fileprivate var checksumOffset: UInt32? {
        switch self {
        case .source(.v4), .destination(.v4): 10
        case .sourcePort(.tcp), .destinationPort(.tcp): 16
        case .sourcePort(.udp), .destinationPort(.udp): 6
        default: nil
        }
    }
}
