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
        #expect(try scope("-::x").path == "/x.scope")
        #expect(try SystemdScope(cgroupsPath: "", id: ContainerID("box"), isUsers: true).slice == "user.slice")
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

    @Test("a property of another object is asked for by its interface, and the text of the answer is read")
    func property() throws {
        let call = DBusCall(serial: 1, interface: DBusCall.properties, member: "Get", arguments: [])
        #expect(String(decoding: call.bytes, as: UTF8.self).contains("org.freedesktop.DBus.Properties"))
        var body = DBusWriter()
        body.write(.variant(.string("/user.slice")))
        var writer = DBusWriter()
        for byte: UInt8 in [0x6c, 2, 0, 1] { writer.byte(byte) }
        writer.word(UInt32(body.bytes.count))
        writer.word(1)
        writer.array(alignment: 8) {
            $0.align(8)
            $0.byte(8)
            $0.signature("g")
            $0.signature("v")
        }
        writer.align(8)
        let reply = try #require(DBusReply(writer.bytes + body.bytes))
        #expect(reply.texts == ["/user.slice"])
        for count in 0..<(writer.bytes + body.bytes).count {
            #expect(DBusReply(Array((writer.bytes + body.bytes)[..<count])) == nil)
        }
    }

    private func limits(_ resources: ResourcesSpec) throws -> [String] {
        try SystemdScope.limits(resources).map { "\($0.name) \($0.value)" }
    }

    @Test("limits are told in systemd's words")
    func limits() throws {
        var resources = ResourcesSpec()
        var memory = ResourcesSpec.Memory()
        (memory.limit, memory.swap, memory.reservation) = (100, 300, 50)
        resources.memory = memory
        var time = ResourcesSpec.CPU()
        (time.quota, time.shares, time.cpus, time.mems) = (50_000, 1024, "0-1,9", "0")
        resources.cpu = time
        resources.pids = .init(limit: -1)
        resources.blockIO = .init()
        resources.blockIO?.weight = 500
        #expect(
            try limits(resources) == [
                "MemoryMax long(100)", "MemoryLow long(50)", "MemorySwapMax long(200)", "CPUWeight long(39)",
                "CPUQuotaPerSecUSec long(500000)", "CPUQuotaPeriodUSec long(100000)", "AllowedCPUs bytes([3, 2])",
                "AllowedMemoryNodes bytes([1])", "IOWeight long(4950)", "TasksMax long(18446744073709551615)",
            ]
        )
        resources = ResourcesSpec()
        time = ResourcesSpec.CPU()
        (time.quota, time.period) = (-1, 20_000)
        resources.cpu = time
        memory = ResourcesSpec.Memory()
        (memory.limit, memory.swap) = (-1, -1)
        resources.memory = memory
        #expect(
            try limits(resources) == [
                "MemoryMax long(18446744073709551615)", "MemorySwapMax long(18446744073709551615)",
                "CPUQuotaPerSecUSec long(18446744073709551615)", "CPUQuotaPeriodUSec long(20000)",
            ]
        )
    }

    @Test("files of the unified hierarchy that systemd writes too are told to it, and win")
    func unified() throws {
        var resources = ResourcesSpec()
        resources.pids = .init(limit: 5)
        resources.unified = [
            "pids.max": "7", "memory.high": "max", "cpu.max": "25000 50000", "cpuset.cpus": "1", "cpu.weight": "300",
            "memory.oom.group": "1", "hugetlb.2MB.max": "0",
        ]
        #expect(
            try limits(resources) == [
                "CPUQuotaPerSecUSec long(500000)", "CPUQuotaPeriodUSec long(50000)", "CPUWeight long(300)",
                "AllowedCPUs bytes([2])", "MemoryHigh long(18446744073709551615)", "TasksMax long(7)",
            ]
        )
    }

    @Test(
        "a list of processors that is none is refused",
        arguments: ["a", "1-", "3-2", "-1", "1,,2", "0-70000", "9999"]
    )
    func strangeLists(text: String) {
        #expect(SystemdScope.mask(text) == nil)
        var resources = ResourcesSpec()
        resources.cpu = .init()
        resources.cpu?.cpus = text
        #expect(throws: ContainerError.self) { try SystemdScope.limits(resources) }
    }

    @Test("a configuration's properties are those of its scope, and annotations add to them and win")
    func properties() throws {
        var spec = RuntimeSpec()
        let prefix = "org.systemd.property."
        spec.annotations = [
            "\(prefix)TimeoutStopUSec": "uint64 5", "\(prefix)CollectMode": "'inactive'",
            "\(prefix)Before": "['a.service']",
            "\(prefix)SendSIGHUP": "true", "\(prefix)KillSignal": "37", "other": "x",
        ]
        let found = try scope("").properties(process: 7, spec).map { "\($0.name) \($0.value)" }
        #expect(
            found == [
                #"Description string("container roost-box.scope")"#, #"Slice string("system.slice")"#,
                "PIDs words([7])", "Delegate boolean(true)", "DefaultDependencies boolean(false)",
                "CPUAccounting boolean(true)", "IOAccounting boolean(true)", "MemoryAccounting boolean(true)",
                "TasksAccounting boolean(true)", #"Before strings(["a.service"])"#, #"CollectMode string("inactive")"#,
                "KillSignal signedWord(37)", "SendSIGHUP boolean(true)", "TimeoutStopUSec long(5)",
            ]
        )
        for (key, value) in [
            ("\(prefix)X", "a"), ("\(prefix)X", ""), ("\(prefix)X", "uint64 -1"), ("\(prefix)X", "'a"),
            ("\(prefix)X", "[1]"), ("\(prefix)x", "1"), (prefix, "1"), ("\(prefix)A.B", "1"), ("\(prefix)X", "[]"),
        ] {
            spec.annotations = [key: value]
            #expect(throws: ContainerError.self, "\(key) \(value)") { try scope("").properties(process: 7, spec) }
        }
    }
}
