import OCISpec
import Testing

@testable import ContainerRuntime

@Suite("scopes of systemd")
struct SystemdTests {
    private func scope(_ path: String) throws -> SystemdScope {
        try SystemdScope(cgroupsPath: path, id: ContainerID("box"))
    }

    @Test("a slice, a prefix and a name are a unit and the path of its group")
    func paths() throws {
        #expect(try scope("system.slice:docker:0123").path == "/system.slice/docker-0123.scope")
        #expect(
            try scope("user-0-app.slice:libpod:x").path == "/user.slice/user-0.slice/user-0-app.slice/libpod-x.scope"
        )
        #expect(try scope("-.slice::x").path == "/x.scope")
        #expect(try scope("").path == "/system.slice/roost-box.scope")
        #expect(try scope("::").path == "/system.slice/box.scope")
    }

    @Test(
        "what is no unit is refused",
        arguments: [
            "/a/b", "a:b", "../x.slice:a:b", "a/b.slice:p:n", "x:a:b", "a--b.slice:p:n", "-a.slice:p:n",
            "s.slice:p:a b",
        ]
    )
    func mistakes(_ path: String) {
        let error = #expect(throws: ContainerError.self) { try scope(path) }
        #expect(error?.description.hasPrefix("linux.cgroupsPath: ") == true)
    }

    @Test("a call is laid out as D-Bus has it")
    func call() {
        let call = DBusCall(
            serial: 7,
            member: "M",
            arguments: [.string("u"), .boolean(true), .properties([("P", .words([5]))])]
        )
        let header: [UInt8] =
            [0x6c, 1, 0, 1, 44, 0, 0, 0, 7, 0, 0, 0]
            + [129, 0, 0, 0]
            + [1, 1, 0x6f, 0, 25, 0, 0, 0] + Array("/org/freedesktop/systemd1".utf8) + [0] + [0, 0, 0, 0, 0, 0]
            + [2, 1, 0x73, 0, 32, 0, 0, 0] + Array("org.freedesktop.systemd1.Manager".utf8) + [0]
            + [0, 0, 0, 0, 0, 0, 0]
            + [3, 1, 0x73, 0, 1, 0, 0, 0] + Array("M".utf8) + [0] + [0, 0, 0, 0, 0, 0]
            + [6, 1, 0x73, 0, 24, 0, 0, 0] + Array("org.freedesktop.systemd1".utf8) + [0]
            + [0, 0, 0, 0, 0, 0, 0]
            + [8, 1, 0x67, 0, 7] + Array("sba(sv)".utf8) + [0]
        let padding = [UInt8](repeating: 0, count: (8 - header.count % 8) % 8)
        let body: [UInt8] =
            [1, 0, 0, 0, 0x75, 0, 0, 0]  // the string
            + [1, 0, 0, 0]  // the boolean
            + [20, 0, 0, 0]  // the length of the array, which begins at a multiple of 8
            + [1, 0, 0, 0, 0x50, 0, 2, 0x61, 0x75, 0, 0, 0, 4, 0, 0, 0, 5, 0, 0, 0]
        var expected = header + padding + body
        expected[4] = UInt8(body.count)
        // The length of the fields, without their padding.
        expected[12] = UInt8(header.count - 16)
        #expect(call.bytes == expected)
    }

    @Test("answers, errors and signals are read, and what is cut short is none")
    func replies() throws {
        // An error in answer to call 7: its name and its words.
        var writer = DBusWriter()
        for byte: UInt8 in [0x6c, 3, 0, 1] { writer.byte(byte) }
        writer.word(8)
        writer.word(1)
        writer.array(alignment: 8) {
            $0.align(8)
            $0.byte(5)
            $0.signature("u")
            $0.word(7)
            $0.align(8)
            $0.byte(4)
            $0.signature("s")
            $0.string("org.E")
            $0.align(8)
            $0.byte(8)
            $0.signature("g")
            $0.signature("s")
        }
        writer.align(8)
        writer.string("no.")
        let bytes = writer.bytes
        #expect(DBusReply.size(of: bytes) == bytes.count)
        let reply = try #require(DBusReply(bytes))
        #expect(reply.kind == .error && reply.replyTo == 7 && reply.errorName == "org.E" && reply.texts == ["no."])
        for count in 0..<bytes.count { #expect(DBusReply(Array(bytes[..<count])) == nil) }
    }

    @Test("limits are told in systemd's words")
    func limits() {
        var resources = ResourcesSpec()
        var memory = ResourcesSpec.Memory()
        (memory.limit, memory.swap) = (100, 300)
        resources.memory = memory
        var time = ResourcesSpec.CPU()
        (time.quota, time.shares) = (50_000, 1024)
        resources.cpu = time
        resources.pids = .init(limit: -1)
        let found = SystemdScope.limits(resources).map { "\($0.name) \($0.value)" }
        #expect(
            found == [
                "MemoryMax long(100)", "MemorySwapMax long(200)", "CPUWeight long(39)",
                "CPUQuotaPerSecUSec long(500000)",
                "TasksMax long(18446744073709551615)",
            ]
        )
    }
}
