package import LinuxSystem
package import OCISpec

/// Device rules of a container as a program for its control group: `BPF_PROG_TYPE_CGROUP_DEVICE`, Linux 4.15.
///
/// Each of the three kinds of access is decided by the last rule that names it, and refused when there is none.
package struct DeviceProgram: Hashable, Sendable, CustomStringConvertible {
    /// Bits of an access: `BPF_DEVCG_ACC_…`.
    private struct Access: OptionSet, Hashable {
        let rawValue: Int32
        static let make = Access(rawValue: 1)
        static let read = Access(rawValue: 2)
        static let write = Access(rawValue: 4)
        static let all: Access = [.make, .read, .write]
    }

    /// A rule whose words have been read.
    private struct Rule: Hashable {
        var allow: Bool
        /// `BPF_DEVCG_DEV_…`: 1 is block, 2 is character; nil for both.
        var type: Int32?
        var major: Int32?
        var minor: Int32?
        var access: Access
        var isTotal: Bool { type == nil && major == nil && minor == nil && access == .all }
    }

    private let rules: [Rule]
    /// The instructions as the kernel reads them.
    package let instructions: [BPFInstruction]

    /// Compiles rules, and adds those for the devices that every container has.
    package init(_ spec: [ResourcesSpec.Device]) throws(ContainerError) {
        var rules: [Rule] = []
        for (index, device) in (spec + DeviceProgram.always).enumerated() {
            let rule = try DeviceProgram.rule(device, place: "linux.resources.devices[\(index)]")
            // Nothing before a rule for everything has an effect.
            if rule.isTotal { rules = [] }
            rules.append(rule)
        }
        self.rules = rules
        instructions = DeviceProgram.compiled(rules)
    }

    /// One instruction a line.
    package var description: String {
        instructions.enumerated().map { "\($0.offset): \($0.element)\n" }.joined()
    }

    /// Loads the program, unless `loaded` has it already, and attaches it to a directory of the unified hierarchy.
    ///
    /// An earlier program there keeps its say: what one of them refuses is refused.
    package func attach(to group: Int32, sharing loaded: LoadedDevicePrograms? = nil) throws(SyscallError) {
        guard let loaded else {
            return try BPFInstruction.attachDeviceProgram(BPFInstruction.loadDeviceProgram(instructions), to: group)
        }
        try loaded.attach(self, to: group)
    }

    /// The same rules for the v1 controller: files and values in order.
    package var legacyWrites: [(file: String, value: String)] {
        var writes = [(file: "devices.deny", value: "a")]
        for rule in rules where rule.allow || rules.first != rule || !rule.isTotal {
            let types: [Int32] = rule.type.map { [$0] } ?? (rule.isTotal ? [0] : [1, 2])
            for type in types {
                let numbers = [rule.major, rule.minor].map { $0.map { "\($0)" } ?? "*" }.joined(separator: ":")
                let letters = [(Access.read, "r"), (.write, "w"), (.make, "m")]
                    .filter { rule.access.contains($0.0) }.map(\.1).joined()
                let value = type == 0 ? "a" : "\(type == 1 ? "b" : "c") \(numbers) \(letters)"
                writes.append((rule.allow ? "devices.allow" : "devices.deny", value))
            }
        }
        return writes
    }

    private static func rule(_ device: ResourcesSpec.Device, place: String) throws(ContainerError) -> Rule {
        let type: Int32?
        switch device.type ?? "a" {
        case "a": type = nil
        case "b": type = 1
        case "c", "u": type = 2
        default: throw .invalid("\(place).type", "'\(device.type ?? "")' is not a, b or c")
        }
        var access: Access = []
        for letter in device.access ?? "rwm" {
            switch letter {
            case "r": access.insert(.read)
            case "w": access.insert(.write)
            case "m": access.insert(.make)
            default: throw .invalid("\(place).access", "'\(letter)' is not r, w or m")
            }
        }
        guard !access.isEmpty else { throw .invalid("\(place).access", "empty") }
        func number(_ value: Int64?) throws(ContainerError) -> Int32? {
            guard let value, value != -1 else { return nil }
            guard let number = Int32(exactly: value), number >= 0 else {
                throw .invalid(place, "\(value) is not a device number")
            }
            return number
        }
        return Rule(
            allow: device.allow,
            type: type,
            major: try number(device.major),
            minor: try number(device.minor),
            access: access
        )
    }

    /// Register 2 holds the type, 3 the access that no rule has decided yet, 4 and 5 the numbers.
    private static func compiled(_ rules: [Rule]) -> [BPFInstruction] {
        var program: [BPFInstruction] = [
            .loadWord(2, from: 1, offset: 0), .and(2, 0xffff),
            .loadWord(3, from: 1, offset: 0), .shiftRight(3, 16),
            .loadWord(4, from: 1, offset: 4), .loadWord(5, from: 1, offset: 8),
        ]
        for rule in rules.reversed() {
            // What stands behind a rule for everything is never reached, and the kernel refuses such programs.
            if rule.isTotal { return program + [.set(0, rule.allow ? 1 : 0), .exit] }
            let decision: [BPFInstruction] =
                rule.allow
                ? [.and(3, ~rule.access.rawValue), .jumpUnlessEqual(3, 0, over: 2), .set(0, 1), .exit]
                : [.move(0, from: 3), .and(0, rule.access.rawValue), .jumpIfEqual(0, 0, over: 2), .set(0, 0), .exit]
            let tests: [(UInt8, Int32)] = [(2, rule.type), (4, rule.major), (5, rule.minor)]
                .compactMap { register, value in value.map { (register, $0) } }
            for (index, (register, value)) in tests.enumerated() {
                let rest = tests.count - index - 1 + decision.count
                program.append(.jumpUnlessEqual(register, value, over: Int16(rest)))
            }
            program += decision
        }
        return program + [.set(0, 0), .exit]
    }

    /// The specification's default devices, terminals, and the making of nodes, which gives no access by itself.
    private static let always: [ResourcesSpec.Device] =
        [("c", nil, nil, "m"), ("b", nil, nil, "m")].map { device($0.0, $0.1, $0.2, $0.3) }
        + [(1, 3), (1, 5), (1, 7), (1, 8), (1, 9), (5, 0), (5, 1), (5, 2)].map { device("c", $0.0, $0.1, "rwm") }
        + [device("c", 136, nil, "rwm")]

    private static func device(
        _ type: String,
        _ major: Int64?,
        _ minor: Int64?,
        _ access: String
    )
        -> ResourcesSpec.Device
    {
        ResourcesSpec.Device(allow: true, type: type, major: major, minor: minor, access: access)
    }
}
