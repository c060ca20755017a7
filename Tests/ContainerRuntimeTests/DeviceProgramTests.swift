import ContainerRuntime
import OCISpec
import TestSupport
import Testing

@Suite("device rules")
struct DeviceProgramTests {
    @Test("the last rule that names an access decides it, and nothing is allowed without a rule")
    func compiled() throws {
        let program = try DeviceProgram([
            .init(allow: true, type: "c", major: 200, minor: 1),
            .init(allow: false),
            .init(allow: true, type: "c", major: 10, minor: 229, access: "rw"),
            .init(allow: false, type: "b", major: 8, access: "w"),
        ])
        #expect(
            program.description == """
                0: r2 = u32 [r1 + 0]
                1: w3 = w2
                2: w2 &= 65535
                3: w3 >>= 16
                4: r4 = u32 [r1 + 4]
                5: r5 = u32 [r1 + 8]
                6: w6 = w4
                7: w6 <<= 20
                8: w6 |= w5
                9: if w2 != 2 skip 9
                10: if w4 == 136 skip 25
                11: if w6 == 5242882 skip 24
                12: if w6 == 5242881 skip 23
                13: if w6 == 5242880 skip 22
                14: if w6 == 1048585 skip 21
                15: if w6 == 1048584 skip 20
                16: if w6 == 1048583 skip 19
                17: if w6 == 1048581 skip 18
                18: if w6 == 1048579 skip 17
                19: if w2 != 1 skip 2
                20: w3 &= -2
                21: if w3 == 0 skip 14
                22: if w2 != 2 skip 2
                23: w3 &= -2
                24: if w3 == 0 skip 11
                25: if w2 != 1 skip 4
                26: if w4 != 8 skip 3
                27: w0 = w3
                28: w0 &= 4
                29: if w0 != 0 skip 4
                30: if w2 != 2 skip 3
                31: if w6 != 10485989 skip 2
                32: w3 &= -7
                33: if w3 == 0 skip 2
                34: w0 = 0
                35: exit
                36: w0 = 1
                37: exit

                """,
            "the rule before the one for everything is gone, and nothing stands behind it"
        )
    }

    @Test("random rules decide as the specification says")
    func random() throws {
        var random = SeededNumbers(seed: 1)
        for _ in 0..<400 {
            let rules = (0..<Int.random(in: 0...6, using: &random)).map { _ in randomRule(&random) }
            let program = try DeviceProgram(rules)
            let lines = program.description.split(separator: "\n").map { $0.split(separator: " ").dropFirst() }
            for _ in 0..<60 {
                let type = Int.random(in: 1...2, using: &random), access = Int.random(in: 1...7, using: &random)
                let major = [1, 5, 8, 136, 200].randomElement(using: &random) ?? 0
                let minor = [0, 1, 3, 9].randomElement(using: &random) ?? 0
                // `always` as the text says: nodes, the usual devices, terminals.
                let isUsual =
                    type == 2 && (major == 136 || major == 1 && [3, 9].contains(minor) || major == 5 && minor < 2)
                let isAllowed = [1, 2, 4].filter { access & $0 != 0 }.allSatisfy { bit in
                    if isUsual || bit == 1 { return true }
                    let deciding = rules.last { rule in
                        (rule.type == nil || rule.type == "a" || rule.type == (type == 1 ? "b" : "c"))
                            && [nil, -1, Int64(major)].contains(rule.major)
                            && [nil, -1, Int64(minor)].contains(rule.minor)
                            && (rule.access ?? "rwm").contains([1: "m", 2: "r", 4: "w"][bit] ?? "")
                    }
                    return deciding?.allow ?? false
                }
                let answer = run(lines.map(Array.init), [access << 16 | type, major, minor])
                #expect(answer == (isAllowed ? 1 : 0), "\(rules) \(type) \(major):\(minor) \(access)\n\(program)")
            }
        }
    }

    private func randomRule(_ random: inout SeededNumbers) -> ResourcesSpec.Device {
        ResourcesSpec.Device(
            allow: Bool.random(using: &random),
            type: [nil, "a", "b", "c"].randomElement(using: &random) ?? nil,
            major: [nil, -1, 1, 5, 8, 200, 5000].randomElement(using: &random) ?? nil,
            minor: [nil, -1, 0, 1, 1 << 20].randomElement(using: &random) ?? nil,
            access: [nil, "r", "rw", "wm", "m", "rwm"].randomElement(using: &random) ?? nil
        )
    }

    /// What a program answers, read from its text.
    private func run(_ lines: [[Substring]], _ words: [Int]) -> Int? {
        var registers: [Substring: Int] = [:]
        func value(_ word: Substring) -> Int { Int(word) ?? registers[word.dropFirst()] ?? 0 }
        var index = 0
        while index < lines.count {
            let line = lines[index]
            index += 1
            if line == ["exit"] { return registers["0"] }
            if line[0] == "if" {
                let isEqual = UInt32(truncatingIfNeeded: value(line[1])) == UInt32(truncatingIfNeeded: value(line[3]))
                if isEqual == (line[2] == "==") { index += Int(line[5]) ?? 0 }
                continue
            }
            let target = line[0].dropFirst(), old = registers[target] ?? 0
            registers[target] =
                switch line[1] {
                case "&=": old & value(line[2])
                case "|=": old | value(line[2])
                case "<<=": old << value(line[2])
                case ">>=": old >> value(line[2])
                default: line[2] == "u32" ? words[(Int(line[5].dropLast()) ?? 0) / 4] : value(line[2])
                }
        }
        return nil
    }

    @Test("v1 hosts get the same rules as text")
    func legacy() throws {
        let program = try DeviceProgram([.init(allow: false), .init(allow: true, type: "c", major: 10, access: "rw")])
        #expect(
            program.legacyWrites.map { "\($0.file) \($0.value)" }.prefix(5) == [
                "devices.deny a", "devices.allow c 10:* rw", "devices.allow c *:* m", "devices.allow b *:* m",
                "devices.allow c 1:3 rwm",
            ]
        )
    }

    @Test("rules of which there are too many for the jumps of a program are refused")
    func bounds() throws {
        func rules(_ count: Int) -> [ResourcesSpec.Device] {
            (0..<count).map { .init(allow: $0 % 2 == 0, type: $0 % 3 == 0 ? "b" : "c", major: 200, access: "rw") }
        }
        #expect(try DeviceProgram(rules(5900)).instructions.count > 17_000)
        let error = #expect(throws: ContainerError.self) { try DeviceProgram(rules(40_000)) }
        #expect(error?.description == "linux.resources.devices: 40011 rules; at most 6000 fit into a program")
    }

    @Test("a mistake names its place")
    func mistakes() {
        let error = #expect(throws: ContainerError.self) { try DeviceProgram([.init(allow: true, access: "rx")]) }
        #expect(error?.description == "linux.resources.devices[0].access: 'x' is not r, w or m")
    }
}
