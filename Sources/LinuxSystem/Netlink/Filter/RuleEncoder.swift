/// Turns the statements of one rule into nf_tables expressions: chooses registers, and adds the checks of IP version
/// and transport protocol that a header field needs before it may be read.
struct RuleEncoder {
    /// The expressions so far, the content of NFTA_RULE_EXPRESSIONS.
    private(set) var writer = NetlinkWriter()
    private var knownFamily: IPFamily?
    private var knownTransport: TransportProtocol?
    /// The maps that are part of the rule, with the numbers by which its lookups name them; they must be made first.
    private(set) var inlineSets: [(set: NFSet, identifier: UInt32)] = []
    private let firstSetID: UInt32

    /// NFT_REG32_00; registers of four bytes follow it, and data starts here in every statement.
    private static let firstRegister: UInt32 = 8

    /// Inline maps are numbered from `firstSetID`, which must be free in the transaction.
    init(firstSetID: UInt32) { self.firstSetID = firstSetID }

    mutating func encode(_ statement: NFStatement) {
        switch statement {
        case .compare(let field, let comparison, let value): compare(field, comparison, value)
        case .range(let field, let first, let last):
            load([field])
            compareRegister(4 + 1, first.bytes)
            compareRegister(2 + 1, last.bytes)
        case .inPrefix(let field, let comparison, let prefix): inPrefix(field, comparison, prefix)
        case .family(let family): require(family)
        case .state(let states): anyBit(.connectionState, states.rawValue)
        case .status(let status): anyBit(.connectionStatus, status.rawValue)
        case .destinationType(let type):
            load([.destinationType])
            compareRegister(0, NFValue.number(type.rawValue).bytes)
        case .sourceType(let type):
            load([.sourceType])
            compareRegister(0, NFValue.number(type.rawValue).bytes)
        case .inSet(let fields, let comparison, let set):
            load(fields)
            lookup(.named(set), destination: nil, isInverted: comparison == .notEqual)
        case .verdictMap(let fields, let map):
            load(fields)
            lookup(map, destination: 0, isInverted: false)
        case .setMark, .setConnectionMark, .restoreMark, .rewrite: encodeChange(statement)
        case .verdict, .count, .noTrack, .reject, .rejectWithReset: encodeEnd(statement)
        case .dnat, .snat, .masquerade, .redirect: encodeTranslation(statement)
        }
    }

    private mutating func encodeChange(_ statement: NFStatement) {
        switch statement {
        case .setMark(let mark):
            immediate(Self.firstRegister, NFValue.mark(mark).bytes)
            storeMark("meta", key: 3, source: 3)
        case .setConnectionMark(let mark):
            immediate(Self.firstRegister, NFValue.mark(mark).bytes)
            storeMark("ct", key: 3, source: 4)
        case .restoreMark:
            load([.connectionMark])
            storeMark("meta", key: 3, source: 3)
        case .rewrite(let field, let value):
            meetRequirements(of: field)
            immediate(Self.firstRegister, value.bytes)
            store(field)
        default: break
        }
    }

    private mutating func encodeEnd(_ statement: NFStatement) {
        switch statement {
        case .verdict(let verdict):
            expression("immediate") {
                $0.attribute(1, bigEndian: UInt32(0))
                $0.nested(2) { $0.verdict(verdict) }
            }
        case .count:
            expression("counter") {
                $0.attribute(1, bigEndian: UInt64(0))
                $0.attribute(2, bigEndian: UInt64(0))
            }
        case .noTrack: expression("notrack") { _ in }
        case .rejectWithReset:
            if knownTransport != .tcp { require(.tcp) }
            reject(type: 1, code: 0)
        case .reject: reject(type: 2, code: 1)
        default: break
        }
    }

    private mutating func encodeTranslation(_ statement: NFStatement) {
        switch statement {
        case .dnat(let translation): translate(1, translation)
        case .snat(let translation): translate(0, translation)
        case .masquerade: expression("masq") { _ in }
        case .redirect(let port):
            immediate(Self.firstRegister, NFValue.port(port).bytes)
            expression("redir") {
                $0.attribute(1, bigEndian: Self.firstRegister)
                $0.attribute(3, bigEndian: NATFlags.ports)
            }
        default: break
        }
    }

    private mutating func compare(_ field: NFField, _ comparison: NFComparison, _ value: NFValue) {
        load([field])
        compareRegister(comparison.rawValue, value.bytes)
        if case .transport(let transport) = value, field == .transport, comparison == .equal {
            knownTransport = transport
        }
    }

    private mutating func inPrefix(_ field: NFField, _ comparison: NFComparison, _ prefix: IPPrefix) {
        load([field])
        let count = prefix.network.bytes.count
        expression("bitwise") {
            $0.attribute(1, bigEndian: Self.firstRegister)
            $0.attribute(2, bigEndian: Self.firstRegister)
            $0.attribute(3, bigEndian: UInt32(count))
            $0.data(4, prefix.mask.bytes)
            $0.data(5, [UInt8](repeating: 0, count: count))
        }
        compareRegister(comparison.rawValue, prefix.network.bytes)
    }

    private mutating func anyBit(_ field: NFField, _ bits: UInt32) {
        load([field])
        expression("bitwise") {
            $0.attribute(1, bigEndian: Self.firstRegister)
            $0.attribute(2, bigEndian: Self.firstRegister)
            $0.attribute(3, bigEndian: UInt32(4))
            $0.data(4, NFValue.number(bits).bytes)
            $0.data(5, NFValue.number(0).bytes)
        }
        compareRegister(NFComparison.notEqual.rawValue, NFValue.number(0).bytes)
    }

    private mutating func reject(type: UInt32, code: UInt8) {
        expression("reject") {
            $0.attribute(1, bigEndian: type)
            $0.attribute(2, number: code)
        }
    }

    private mutating func storeMark(_ name: String, key: UInt32, source: UInt16) {
        expression(name) {
            $0.attribute(2, bigEndian: key)
            $0.attribute(source, bigEndian: Self.firstRegister)
        }
    }

    /// Loads the fields one after the other, each from a new register of four bytes on.
    private mutating func load(_ fields: [NFField]) {
        // The checks come first: they use the register that the first field then stays in.
        for field in fields { meetRequirements(of: field) }
        var register = Self.firstRegister
        for field in fields {
            load(field, register)
            register += UInt32((field.byteCount + 3) / 4)
        }
    }

    private mutating func meetRequirements(of field: NFField) {
        if let family = field.requiredFamily, family != knownFamily { require(family) }
        if let transport = field.requiredTransport, transport != knownTransport { require(transport) }
    }

    private mutating func require(_ family: IPFamily) {
        load(.networkFamily, Self.firstRegister)
        compareRegister(0, [family.number])
        knownFamily = family
    }

    private mutating func require(_ transport: TransportProtocol) {
        load(.transport, Self.firstRegister)
        compareRegister(0, [transport.rawValue])
        knownTransport = transport
    }

    private mutating func translate(_ type: UInt32, _ translation: NFTranslation) {
        // In a table of family inet the kernel itself passes over packets of the other version here.
        let address = Self.firstRegister
        let port = address + (translation.family == .v4 ? 1 : 4)
        var flags: UInt32 = 0
        var ports: ClosedRange<UInt32>?
        switch translation {
        case .address(let target): immediate(address, target.bytes)
        case .endpoint(let target, let number):
            immediate(address, target.bytes)
            immediate(port, NFValue.port(number).bytes)
            ports = port...port
        case .shifted(let target, let shift):
            immediate(address, target.bytes)
            immediate(port, NFValue.port(shift.base).bytes)
            immediate(port + 1, NFValue.port(shift.end).bytes)
            ports = port...port + 1
            flags = NATFlags.offset
        case .map(_, let fields, let map, let withPort):
            load(fields)
            lookup(map, destination: address, isInverted: false)
            ports = withPort ? port...port : nil
        }
        if ports != nil { flags |= NATFlags.ports }
        expression("nat") {
            $0.attribute(1, bigEndian: type)
            $0.attribute(2, bigEndian: UInt32(translation.family.number))
            $0.attribute(3, bigEndian: address)
            if let ports {
                $0.attribute(5, bigEndian: ports.lowerBound)
                if ports.count > 1 { $0.attribute(6, bigEndian: ports.upperBound) }
            }
            if flags != 0 { $0.attribute(7, bigEndian: flags) }
        }
    }

    private mutating func lookup(_ map: NFMapReference, destination: UInt32?, isInverted: Bool) {
        let name: String
        var identifier: UInt32?
        switch map {
        case .named(let given): name = given
        case .inline(let set):
            name = set.name
            let number = firstSetID + UInt32(inlineSets.count)
            inlineSets.append((set, number))
            identifier = number
        }
        expression("lookup") {
            $0.attribute(1, string: name)
            $0.attribute(2, bigEndian: Self.firstRegister)
            if let destination { $0.attribute(3, bigEndian: destination) }
            if let identifier { $0.attribute(4, bigEndian: identifier) }
            if isInverted { $0.attribute(5, bigEndian: UInt32(1)) }
        }
    }

    private mutating func immediate(_ register: UInt32, _ bytes: [UInt8]) {
        expression("immediate") {
            $0.attribute(1, bigEndian: register)
            $0.data(2, bytes)
        }
    }

    private mutating func compareRegister(_ operation: UInt32, _ bytes: [UInt8]) {
        expression("cmp") {
            $0.attribute(1, bigEndian: Self.firstRegister)
            $0.attribute(2, bigEndian: operation)
            $0.data(3, bytes)
        }
    }

    /// One element of NFTA_RULE_EXPRESSIONS.
    mutating func expression(_ name: String, _ body: (inout NetlinkWriter) -> Void) {
        writer.nested(1) {
            $0.attribute(1, string: name)
            $0.nested(2, body)
        }
    }
}

/// NF_NAT_RANGE_.
private enum NATFlags {
    static let ports: UInt32 = 1 << 1
    static let offset: UInt32 = 1 << 5
}

extension NetlinkWriter {
    /// NFTA_DATA_VALUE inside an attribute.
    mutating func data(_ type: UInt16, _ bytes: [UInt8]) { nested(type) { $0.attribute(1, bytes: bytes) } }

    /// NFTA_DATA_VERDICT.
    mutating func verdict(_ verdict: NFVerdict) {
        nested(2) {
            $0.attribute(1, bigEndian: verdict.code)
            if let chain = verdict.chain { $0.attribute(2, string: chain) }
        }
    }
}
