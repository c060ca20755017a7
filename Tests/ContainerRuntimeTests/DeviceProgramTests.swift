import ContainerRuntime
import OCISpec
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
        let text = program.description
        #expect(
            text.hasPrefix(
                """
                0: r2 = u32 [r1 + 0]
                1: w2 &= 65535
                2: r3 = u32 [r1 + 0]
                3: w3 >>= 16
                4: r4 = u32 [r1 + 4]
                5: r5 = u32 [r1 + 8]
                6: if w2 != 2 skip 5
                7: if w4 != 136 skip 4
                8: w3 &= -8
                9: if w3 != 0 skip 2
                10: w0 = 1
                11: exit

                """
            )
        )
        #expect(
            text.hasSuffix(
                """
                68: if w2 != 1 skip 4
                69: w3 &= -2
                70: if w3 != 0 skip 2
                71: w0 = 1
                72: exit
                73: if w2 != 2 skip 4
                74: w3 &= -2
                75: if w3 != 0 skip 2
                76: w0 = 1
                77: exit
                78: if w2 != 1 skip 6
                79: if w4 != 8 skip 5
                80: w0 = w3
                81: w0 &= 4
                82: if w0 == 0 skip 2
                83: w0 = 0
                84: exit
                85: if w2 != 2 skip 6
                86: if w4 != 10 skip 5
                87: if w5 != 229 skip 4
                88: w3 &= -7
                89: if w3 != 0 skip 2
                90: w0 = 1
                91: exit
                92: w0 = 0
                93: exit

                """
            ),
            "the rule before the one for everything is gone, and nothing stands behind it"
        )
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

    @Test("a mistake names its place")
    func mistakes() {
        let error = #expect(throws: ContainerError.self) { try DeviceProgram([.init(allow: true, access: "rx")]) }
        #expect(error?.description == "linux.resources.devices[0].access: 'x' is not r, w or m")
    }
}
