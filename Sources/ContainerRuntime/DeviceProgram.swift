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
        /// Whether the kernel has devices of such numbers.
        var canMatch: Bool { (major ?? 0) < 1 << 12 && (minor ?? 0) < 1 << DeviceProgram.minorBits }
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
        guard rules.count <= Self.mostRules else {
            throw .invalid(
                "linux.resources.devices",
                "\(rules.count) rules; at most \(Self.mostRules) fit into a program"
            )
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

    /// A part of a program: how far its jumps go is known when the whole is there.
    private enum Step {
        case plain(BPFInstruction)
        /// Passes over some steps unless a register has a value.
        case skip(_ register: UInt8, unless: Int32, over: Int)
        /// Ends with a verdict when a register has a value.
        case end(_ register: UInt8, if: Int32, allowed: Bool)
        /// Ends with a verdict unless a register has a value.
        case endUnless(_ register: UInt8, is: Int32, allowed: Bool)
    }

    // Few jumps, and registers that all ways leave alike: the kernel follows every way through a program before it takes
    // it, but for those that come to where another came with the same values.
    private static func compiled(_ rules: [Rule]) -> [BPFInstruction] {
        var program: [BPFInstruction] = [
            .loadWord(Register.type, from: 1, offset: 0),
            .move(Register.access, from: Register.type), .and(Register.type, 0xffff), .shiftRight(Register.access, 16),
            .loadWord(Register.major, from: 1, offset: 4), .loadWord(Register.minor, from: 1, offset: 8),
            .move(Register.number, from: Register.major), .shiftLeft(Register.number, minorBits),
            .or(Register.number, from: Register.minor),
        ]
        // What stands before a rule for everything is gone, so there is one only at the start.
        let isAllowedElse = rules.first.map { $0.isTotal && $0.allow } ?? false
        var steps: [Step] = []
        var rest = rules.reversed().filter { !$0.isTotal && $0.canMatch }[...]
        while let first = rest.first {
            let alike = rest.prefix { $0.type == first.type }
            rest = rest.dropFirst(alike.count)
            let body = alike.flatMap(Self.steps)
            if let type = first.type { steps.append(.skip(Register.type, unless: type, over: body.count)) }
            steps += body
        }
        // The verdicts stand at the end, that of no rule first.
        let end = steps.count
        func distance(from index: Int, to verdict: Bool) -> Int16 {
            Int16(end - index - 1 + (verdict == isAllowedElse ? 0 : 2))
        }
        var isOtherReached = false
        for (index, step) in steps.enumerated() {
            switch step {
            case .plain(let instruction): program.append(instruction)
            case .skip(let register, let value, let count):
                program.append(.jumpUnlessEqual(register, value, over: Int16(count)))
            case .end(let register, let value, let allowed):
                isOtherReached = isOtherReached || allowed != isAllowedElse
                program.append(.jumpIfEqual(register, value, over: distance(from: index, to: allowed)))
            case .endUnless(let register, let value, let allowed):
                isOtherReached = isOtherReached || allowed != isAllowedElse
                program.append(.jumpUnlessEqual(register, value, over: distance(from: index, to: allowed)))
            }
        }
        program += [.set(0, isAllowedElse ? 1 : 0), .exit]
        // The kernel refuses what nothing leads to.
        if isOtherReached { program += [.set(0, isAllowedElse ? 0 : 1), .exit] }
        return program
    }

    /// A rule, for devices of its type.
    private static func steps(_ rule: Rule) -> [Step] {
        let (register, value): (UInt8, Int32?) =
            switch (rule.major, rule.minor) {
            case (let major?, let minor?):
                (Register.number, Int32(truncatingIfNeeded: Int64(major) << minorBits | Int64(minor)))
            case (let major, nil): (Register.major, major)
            case (nil, let minor): (Register.minor, minor)
            }
        if rule.access == .all {
            // Some access is undecided, or the program would have ended.
            if let value { return [.end(register, if: value, allowed: rule.allow)] }
            return [.endUnless(Register.access, is: 0, allowed: rule.allow)]
        }
        let decision: [Step] =
            rule.allow
            ? [
                .plain(.and(Register.access, ~rule.access.rawValue)),
                .end(Register.access, if: 0, allowed: true),
            ]
            : [
                .plain(.move(0, from: Register.access)), .plain(.and(0, rule.access.rawValue)),
                .endUnless(0, is: 0, allowed: false),
            ]
        return (value.map { [.skip(register, unless: $0, over: decision.count)] } ?? []) + decision
    }

    /// What the program keeps where.
    private enum Register {
        static let type: UInt8 = 2
        /// The accesses that no rule has decided yet.
        static let access: UInt8 = 3
        static let major: UInt8 = 4
        static let minor: UInt8 = 5
        /// Both in one, as the kernel keeps them.
        static let number: UInt8 = 6
    }

    /// How many rules there may be: each is at most five steps, and a jump reaches over 32,767.
    private static let mostRules = 6000

    /// Bits of a minor number: `MINORBITS`.
    fileprivate static let minorBits: Int32 = 20

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
