import Foundation
import OCISpec
import TestSupport
import Testing

@Suite("reading JSON")
struct JSONTests {
    private func text(_ document: String) throws -> String { try JSONNode(parsing: Array(document.utf8)).text() }

    @Test("escapes, and characters as they are")
    func texts() throws {
        #expect(try text(#""\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00é😀""#) == "\"\\/\u{8}\u{c}\n\r\té😀é😀")
        #expect(try text("\u{FEFF} \"after a mark\" \n") == "after a mark")
        #expect(try text(#""""#) == "")
    }

    @Test(
        "numbers are whole, and within their type",
        arguments: [
            ("0", 0), ("-0", 0), ("255", 255), ("2.0", 2), ("1e2", 100), ("25E-1", nil), ("-1", nil), ("256", nil),
            ("1e400", nil),
        ] as [(String, UInt8?)]
    )
    func numbers(document: String, expected: UInt8?) throws {
        let node = try JSONNode(parsing: Array(document.utf8))
        #expect((try? node.integer() as UInt8) == expected)
    }

    @Test("numbers of 64 bits keep every bit")
    func wideNumbers() throws {
        #expect(try JSONNode(parsing: Array("18446744073709551615".utf8)).integer() as UInt64 == .max)
        #expect(try JSONNode(parsing: Array("-9223372036854775808".utf8)).integer() as Int64 == .min)
    }

    @Test(
        "what is no JSON is refused where it goes wrong",
        arguments: [
            ("", "1:1 the document ends where a value is expected"),
            ("{} {}", "1:4 there is more than one value"),
            ("{\n  \"a\": 1,\n}", "3:1 '}' stands where a name in quotes is expected"),
            ("[1,]", "1:4 ']' stands where a value is expected"),
            ("[1 2]", "1:4 '2' stands where ',' or ']' is expected"),
            ("{\"a\" 1}", "1:6 '1' stands where ':' is expected"),
            ("[01]", "1:3 '1' stands where ',' or ']' is expected"),
            ("[1.]", "1:4 ']' stands where a digit is expected"), ("[-]", "1:3 ']' stands where a digit is expected"),
            ("[+1]", "1:2 '+' stands where a value is expected"), ("[.5]", "1:2 '.' stands where a value is expected"),
            (
                "[nil]",
                "1:2 this is neither a word of JSON nor a text: write true, false, null, or quotes around it"
            ),
            ("[\"é\", \"a", "1:7 the text that begins here has no end"),
            ("[\"a\u{1}\"]", "1:4 a control character stands in a text: write it as an escape"),
            (#"["\x"]"#, "1:3 there is no such escape in JSON"),
            (#"["\u12"]"#, "1:7 '\"' stands where a hexadecimal digit is expected"),
            (#"["\ud83d"]"#, "1:3 half of a character stands alone"),
            (#"["\ude00"]"#, "1:3 half of a character stands alone"),
            (#"["\ud83da"]"#, "1:3 half of a character stands alone"),
            ("['a']", "1:2 ''' stands where a value is expected"),
            ("// a\n1", "1:1 '/' stands where a value is expected"),
        ]
    )
    func mistakes(document: String, expected: String) {
        let bytes = Array(document.utf8)
        let error = #expect(throws: JSONError.self) { try JSONNode(parsing: bytes) }
        let position = error?.position(in: bytes)
        #expect("\(position?.line ?? 0):\(position?.column ?? 0) \(error?.message ?? "")" == expected)
    }

    @Test("a text that is not UTF-8 is refused, and so is endless nesting")
    func bounds() {
        #expect(throws: JSONError.self) { try JSONNode(parsing: [0x22, 0xff, 0x22]) }
        let deep = String(repeating: "[", count: 100_000)
        let error = #expect(throws: JSONError.self) { try JSONNode(parsing: Array(deep.utf8)) }
        #expect(error?.message == "more than 512 values are inside each other")
    }

    @Test("documents that were changed at random are taken and refused as Foundation does")
    func random() throws {
        var random = SeededNumbers(seed: 7)
        let original = Array(fullConfiguration.utf8)
        for _ in 0..<3000 {
            var document = Array(original.prefix(Int.random(in: 1...900, using: &random)))
            for _ in 0..<Int.random(in: 0...2, using: &random) {
                let place = Int.random(in: 0..<document.count, using: &random)
                document[place] = Array("{}[]:,\"\\0123eE.-+tfn \n\u{1}".utf8).randomElement(using: &random) ?? 0
            }
            document += Array("\"]}]]}}}".utf8.prefix(Int.random(in: 0...8, using: &random)))
            let theirs = (try? JSONSerialization.jsonObject(with: Data(document), options: .fragmentsAllowed)) != nil
            let ours = (try? JSONNode(parsing: document)) != nil
            #expect(theirs == ours, "\(String(decoding: document, as: UTF8.self))")
        }
    }
}

@Suite("reading config.json")
struct ConfigurationTests {
    @Test("every attribute that is written is read")
    func complete() throws {
        let spec = try RuntimeSpec(document: Array(fullConfiguration.utf8))
        func sorted(_ bytes: Data) throws -> String {
            let value = try JSONSerialization.jsonObject(with: bytes)
            return String(
                decoding: try JSONSerialization.data(withJSONObject: value, options: .sortedKeys),
                as: UTF8.self
            )
        }
        #expect(try sorted(JSONEncoder().encode(spec)) == sorted(Data(fullConfiguration.utf8)))
        #expect(absent(in: spec, "") == [], "the document above has every attribute")
    }

    /// Attributes that have no value.
    private func absent(in value: Any, _ place: String) -> [String] {
        let mirror = Mirror(reflecting: value)
        if mirror.displayStyle == .optional && mirror.children.isEmpty { return [place] }
        return mirror.children.flatMap { child in
            absent(in: child.value, mirror.displayStyle == .struct ? "\(place).\(child.label ?? "")" : place)
        }
    }

    @Test(
        "a mistake names the attribute and its place",
        arguments: [
            (#"{"ociVersion": 1}"#, "1:16 ociVersion: a number stands where a text is expected"),
            (#"{}"#, "1:1 ociVersion: is missing"),
            (#"[]"#, "1:1 not valid JSON: a list stands where an object is expected"),
            (
                "{\"ociVersion\": \"1.2.0\",\n \"process\": {\"cwd\": \"/\", \"args\": [\"a\", 1]}}",
                "2:40 process.args[1]: a number stands where a text is expected"
            ),
            (
                #"{"ociVersion": "1.2.0", "linux": {"resources": {"rdma": {"mlx": {"hcaHandles": -1}}}}}"#,
                "1:80 linux.resources.rdma.mlx.hcaHandles: -1 is not a whole number from 0 to 4294967295"
            ),
            (
                #"{"ociVersion": "1.2.0", "mounts": [{"type": "tmpfs"}]}"#, "1:36 mounts[0].destination: is missing"
            ),
        ]
    )
    func mistakes(document: String, expected: String) {
        let bytes = Array(document.utf8)
        let error = #expect(throws: JSONError.self) { try RuntimeSpec(document: bytes) }
        let position = error?.position(in: bytes)
        #expect("\(position?.line ?? 0):\(position?.column ?? 0) \(error?.explanation ?? "")" == expected)
    }

    @Test("null is as good as nothing, the last of two counts, and what nobody knows is passed over")
    func leniency() throws {
        let spec = try RuntimeSpec(
            document: Array(#"{"ociVersion": "1.0.0", "ociVersion": "1.2.0", "hostname": null, "x": [{"y": 1}]}"#.utf8)
        )
        #expect(spec == RuntimeSpec(ociVersion: "1.2.0"))
    }
}

/// A configuration with every attribute, of no use as such.
private let fullConfiguration = #"""
    {
        "ociVersion": "1.2.0",
        "hostname": "h",
        "domainname": "d",
        "annotations": {"a": "b"},
        "root": {"path": "rootfs", "readonly": true},
        "process": {
            "terminal": true,
            "consoleSize": {"height": 24, "width": 80},
            "cwd": "/",
            "env": ["A=1"],
            "args": ["true"],
            "commandLine": "c",
            "user": {"uid": 1, "gid": 2, "umask": 18, "additionalGids": [3]},
            "capabilities": {
                "bounding": ["CAP_KILL"],
                "effective": ["CAP_KILL"],
                "inheritable": ["CAP_KILL"],
                "permitted": ["CAP_KILL"],
                "ambient": ["CAP_KILL"]
            },
            "rlimits": [{"type": "RLIMIT_CORE", "soft": 1, "hard": 2}],
            "noNewPrivileges": true,
            "apparmorProfile": "p",
            "selinuxLabel": "l",
            "oomScoreAdj": -5,
            "scheduler": {
                "policy": "SCHED_DEADLINE",
                "nice": -1,
                "priority": 2,
                "flags": ["SCHED_FLAG_RECLAIM"],
                "runtime": 1,
                "deadline": 2,
                "period": 3
            },
            "ioPriority": {"class": "IOPRIO_CLASS_BE", "priority": 4},
            "execCPUAffinity": {"initial": "0", "final": "1"}
        },
        "mounts": [
            {
                "destination": "/m",
                "type": "bind",
                "source": "/s",
                "options": ["idmap"],
                "uidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}],
                "gidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}]
            }
        ],
        "hooks": {
            "prestart": [{"path": "/bin/h", "args": ["h"], "env": ["A=1"], "timeout": 3}],
            "createRuntime": [{"path": "/bin/h", "args": ["h"], "env": ["A=1"], "timeout": 3}],
            "createContainer": [{"path": "/bin/h", "args": ["h"], "env": ["A=1"], "timeout": 3}],
            "startContainer": [{"path": "/bin/h", "args": ["h"], "env": ["A=1"], "timeout": 3}],
            "poststart": [{"path": "/bin/h", "args": ["h"], "env": ["A=1"], "timeout": 3}],
            "poststop": [{"path": "/bin/h", "args": ["h"], "env": ["A=1"], "timeout": 3}]
        },
        "linux": {
            "memoryPolicy": {"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES"]},
            "uidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}],
            "gidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}],
            "sysctl": {"net.ipv4.ip_forward": "1"},
            "cgroupsPath": "/c",
            "namespaces": [{"type": "pid", "path": "/p"}],
            "devices": [{"type": "c", "path": "/dev/n", "major": 1, "minor": 3, "fileMode": 438, "uid": 1, "gid": 2}],
            "seccomp": {
                "defaultAction": "SCMP_ACT_ERRNO",
                "defaultErrnoRet": 1,
                "architectures": ["SCMP_ARCH_X86_64"],
                "flags": ["SECCOMP_FILTER_FLAG_LOG"],
                "listenerPath": "/l",
                "listenerMetadata": "m",
                "syscalls": [
                    {
                        "names": ["read"],
                        "action": "SCMP_ACT_ALLOW",
                        "errnoRet": 2,
                        "args": [{"index": 1, "value": 18446744073709551615, "valueTwo": 3, "op": "SCMP_CMP_EQ"}]
                    }
                ]
            },
            "rootfsPropagation": "shared",
            "maskedPaths": ["/proc/kcore"],
            "readonlyPaths": ["/proc/sys"],
            "mountLabel": "l",
            "intelRdt": {"closID": "c", "l3CacheSchema": "l", "memBwSchema": "m", "enableCMT": true, "enableMBM": false},
            "personality": {"domain": "LINUX", "flags": ["f"]},
            "timeOffsets": {"monotonic": {"secs": -1, "nanosecs": 2}},
            "netDevices": {"eth1": {"name": "eth0"}},
            "resources": {
                "devices": [{"allow": true, "type": "c", "major": 1, "minor": 2, "access": "rwm"}],
                "memory": {
                    "limit": 1,
                    "reservation": 2,
                    "swap": -1,
                    "kernel": 4,
                    "kernelTCP": 5,
                    "swappiness": 6,
                    "disableOOMKiller": true,
                    "useHierarchy": false,
                    "checkBeforeUpdate": true
                },
                "cpu": {
                    "shares": 1,
                    "quota": -1,
                    "burst": 2,
                    "period": 3,
                    "realtimeRuntime": 4,
                    "realtimePeriod": 5,
                    "cpus": "0",
                    "mems": "0",
                    "idle": 1
                },
                "pids": {"limit": 5},
                "blockIO": {
                    "weight": 10,
                    "leafWeight": 11,
                    "weightDevice": [{"major": 8, "minor": 0, "weight": 12, "leafWeight": 13}],
                    "throttleReadBpsDevice": [{"major": 8, "minor": 0, "rate": 100}],
                    "throttleWriteBpsDevice": [{"major": 8, "minor": 0, "rate": 100}],
                    "throttleReadIOPSDevice": [{"major": 8, "minor": 0, "rate": 100}],
                    "throttleWriteIOPSDevice": [{"major": 8, "minor": 0, "rate": 100}]
                },
                "hugepageLimits": [{"pageSize": "2MB", "limit": 9}],
                "network": {"classID": 1, "priorities": [{"name": "eth0", "priority": 2}]},
                "rdma": {"mlx": {"hcaHandles": 1, "hcaObjects": 2}},
                "unified": {"memory.high": "1"}
            }
        }
    }
    """#
