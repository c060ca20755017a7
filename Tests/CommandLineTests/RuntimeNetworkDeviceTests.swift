import Glibc
import LinuxSystem
import Testing

/// `linux.netDevices`, in network namespaces of the test's own in the place of the host's.
struct RuntimeNetworkDeviceTests {
    /// What a shell says that runs the container among interfaces of its own making.
    private func answer(
        _ box: BundleScratch,
        making setup: String,
        _ rest: String = "\"$@\" run --bundle \"$BUNDLE\" \"$ID\""
    ) throws -> CommandLineScratch.Answer {
        let script = """
            export BUNDLE='\(box.bundle)' ID='\(box.id)'
            up() { ip -o link show "$1" | grep -o '<.*>' | tr ',<>' '\\n\\n\\n' | grep -x UP; }
            show() { ip -o addr show "$1" | sed -E 's/ +/ /g; s/^[0-9]+: //; s/ scope .*//'; }
            ip link set lo up
            \(setup)
            \(rest)
            """
        return try box.scratch.run(
            "/usr/bin/unshare",
            ["--net", "--mount", "/bin/sh", "-c", script, "sh", box.scratch.program, "runtime", "--root", box.state]
        )
    }

    private static let two = """
        ip link add data type veth peer name data-; ip link set data address 02:00:00:00:00:07 mtu 1400
        ip addr add 192.0.2.7/24 brd + dev data; ip addr add 2001:db8::7/64 dev data nodad
        ip addr add 169.254.1.1/16 scope link dev data; ip addr add 192.0.2.8/24 valid_lft 1000 preferred_lft 1000 dev data
        ip link set data up
        ip link add near type veth peer name far; ip addr add 198.51.100.1 peer 198.51.100.2 dev far; ip link set near up
        """

    @Test func theyKeepTheirLastingAddressesAndAreUp() throws {
        let box = try BundleScratch()
        let script = """
            for i in data eth7; do
              ip -o link show $i | grep -o 'mtu [0-9]*'; ip -o link show $i | grep -o '02:00:00:00:00:07'
              ip -o link show $i | grep -oE '[<,]UP[,>]' | tr -d '<,>'
              ip -o addr show $i scope global | sed -E 's/ +/ /g; s/^[0-9]+: //; s/ scope .*//'
              ip -o addr show $i scope link | grep -o 169.254
            done; exit 0
            """
        try box.write(script) {
            BundleScratch.change(&$0, "linux") { $0["netDevices"] = ["data": [:], "far": ["name": "eth7"]] }
        }
        let answer = try answer(
            box,
            making: Self.two,
            """
            "$@" run --bundle "$BUNDLE" "$ID"; echo $?
            """
        )
        #expect(
            answer.output
                == """
                mtu 1400
                02:00:00:00:00:07
                UP
                data inet 192.0.2.7/24 brd 192.0.2.255
                data inet6 2001:db8::7/64
                mtu 1500
                UP
                eth7 inet 198.51.100.1 peer 198.51.100.2/32
                0

                """,
            "\(answer.error)"
        )
        #expect(try box.leftovers() == [])
    }

    @Test func aNumberIsLeftToTheKernelAndSettingsAreForWhatWasMoved() throws {
        let box = try BundleScratch()
        try box.write(
            "ip -o link | cut -d: -f2 | cut -d@ -f1 | tr -d ' '; cat /proc/sys/net/ipv4/conf/net0/arp_ignore"
        ) {
            BundleScratch.change(&$0, "linux") {
                $0["netDevices"] = ["one": ["name": "net%d"], "two": ["name": "net%d"]]
                $0["sysctl"] = ["net.ipv4.conf.net0.arp_ignore": "2"]
            }
        }
        let answer = try answer(box, making: "for i in one two; do ip link add $i type veth peer name $i-; done")
        #expect(answer.output == "lo\nnet0\nnet1\n2\n", "\(answer)")
    }

    @Test func aFailureGivesThemBackAsTheyWere() throws {
        // Each is refused after the first has been moved, but for the last.
        let failures: [(error: String, change: (inout [String: Any]) -> Void)] = [
            (
                "linux.netDevices.lo: ",
                {
                    BundleScratch.change(&$0, "linux") {
                        $0["netDevices"] = ["data": ["name": "x"], "lo": ["name": "y"]]
                    }
                }
            ),
            (
                "the container has no program",
                { BundleScratch.change(&$0, "process") { $0["args"] = ["/no/such/program"] } }
            ),
            ("hooks.createRuntime[0]", { $0["hooks"] = ["createRuntime": [["path": "/bin/false"]]] }),
            (
                "there is no such interface",
                { BundleScratch.change(&$0, "linux") { $0["netDevices"] = ["data": [:], "nothing": [:]] } }
            ),
        ]
        for (error, change) in failures {
            let box = try BundleScratch()
            try box.write("true") { spec in
                BundleScratch.change(&spec, "linux") {
                    $0["netDevices"] = ["data": ["name": "x"], "near": ["name": "y"]]
                }
                change(&spec)
            }
            let answer = try answer(
                box,
                making: Self.two + """

                    ip link add front type bridge; ip link set near master front
                    before() { for i in data near far; do up $i; show $i; ip -o link show $i | grep -oE '^[0-9]+|mtu [0-9]+|master [a-z]+|link/ether [^ ]+'; done | grep -v 'fe80\\|192.0.2.8\\|169.254'; }
                    """,
                """
                before > ../before; "$@" run --bundle "$BUNDLE" "$ID"
                before > ../after; diff ../before ../after
                """
            )
            #expect(answer.error.contains(error), "\(answer.error)")
            #expect(answer.output == "", "\(error): \(answer)")
            #expect(try box.leftovers() == [])
        }
    }

    @Test func aNameThatIsTakenInANamespaceThatIsJoinedIsRefused() throws {
        let box = try BundleScratch()
        let setup = """
            ip link add one type veth peer name one-
            unshare --net sh -c 'ip link add taken type veth peer name other; echo > ../ready; read line < ../end' & other=$!
            read line < ../ready
            """
        for (name, said) in [
            ("taken", "linux.netDevices.one: the container's namespace has an interface 'taken' already"), ("b", "b"),
        ] {
            try box.write("ip -o link | cut -d: -f2 | cut -d@ -f1 | tr -d ' ' | tail -1") {
                BundleScratch.change(&$0, "linux") {
                    $0["netDevices"] = ["one": ["name": name]]
                    $0["namespaces"] = [
                        ["type": "pid"], ["type": "mount"], ["type": "network", "path": box.scratch.path + "/ns"],
                    ]
                }
                $0["hostname"] = nil
            }
            let answer = try answer(
                box,
                making: "rm -f ../ready ../end; mkfifo ../ready ../end; touch ../ns;" + setup,
                """
                mount --bind /proc/$other/ns/net ../ns
                "$@" run --bundle "$BUNDLE" "$ID"; echo > ../end; wait; umount ../ns
                """
            )
            #expect((answer.output + answer.error).contains(said), "\(answer)")
        }
    }

    @Test func someoneWithoutRightsMovesNone() throws {
        let box = try BundleScratch()
        try box.write("true") {
            BundleScratch.change(&$0, "linux") { $0["netDevices"] = ["lo": ["name": "mine"]] }
            BundleScratch.change(&$0, "root") { $0["readonly"] = nil }
            BundleScratch.addUserNamespace(&$0, first: BundleScratch.ordinaryUser, count: 1)
        }
        box.giveToOrdinaryUser()
        let answer = try box.asOrdinaryUser(["run", "--bundle", box.bundle, box.id])
        #expect(answer.status == 1)
        #expect(answer.error.contains("linux.netDevices: takes CAP_NET_ADMIN"), "\(answer.error)")
    }
}
