import ContainerRuntime
import LinuxSystem
import OCISpec
import Testing

@Suite("interfaces of the host for a container")
struct NetworkDevicePlanTests {
    private func plan(
        _ devices: [String: String?],
        namespaces: [LinuxSpec.Namespace] = ["mount", "pid", "network"].map { .init(type: $0) }
    ) throws -> ContainerPlan {
        var spec = RuntimeSpec()
        spec.root = RootSpec(path: "/srv/root")
        spec.process = ProcessSpec(cwd: "/", args: ["/bin/id"])
        spec.linux = LinuxSpec()
        spec.linux?.namespaces = namespaces
        spec.linux?.netDevices = devices.mapValues { .init(name: $0) }
        return try ContainerPlan(spec, seccomp: nil)
    }

    @Test("the process waits for them as soon as it has its namespaces, with memory of its own")
    func waits() throws {
        let plan = try plan(["eth1": nil, "eth0": "data", "eth2": "net%d", "eth3": "net%d", "eth4": ""])
        #expect(
            plan.devices.map(\.description) == [
                "move eth0 as data", "move eth1 as eth1", "move eth2 as net%d", "move eth3 as net%d",
                "move eth4 as eth4",
            ]
        )
        #expect(!plan.launch.sharesMemory)
        #expect(
            plan.launch.description.hasPrefix(
                """
                clone mount,pid,net
                umask 00
                close $devices-teller
                await $devices  # linux.netDevices

                """
            ),
            "\(plan.launch)"
        )
    }

    @Test("a namespace that is joined must not be ours")
    func joined() throws {
        let file = LinuxSpec.Namespace(type: "network", path: "/run/netns/a")
        let plan = try plan(["eth0": nil], namespaces: [.init(type: "mount"), file])
        #expect(plan.sources.values.contains(.namespace(path: "/run/netns/a", .network, own: true)))
    }

    @Test(
        "names that no interface can have are refused",
        arguments: [
            (["a/b": nil], "linux.netDevices: 'a/b' is not the name of an interface"),
            (["": nil], "linux.netDevices: '' is not the name of an interface"),
            (["eth%d": nil], "linux.netDevices: 'eth%d' is not the name of an interface"),
            (["0123456789abcdef": nil], "linux.netDevices: '0123456789abcdef' is not the name of an interface"),
            (["eth0": ".."], "linux.netDevices.eth0.name: '..' is not the name of an interface"),
            (["eth0": "a b"], "linux.netDevices.eth0.name: 'a b' is not the name of an interface"),
            (["eth0": "a%d%d"], "linux.netDevices.eth0.name: 'a%d%d' is not the name of an interface"),
            (["eth0": "a%s"], "linux.netDevices.eth0.name: 'a%s' is not the name of an interface"),
            (
                ["eth0": "0123456789abcd%d"],
                "linux.netDevices.eth0.name: '0123456789abcd%d' is not the name of an interface"
            ),
            (["eth0": "a", "eth1": "a"], "linux.netDevices.eth1.name: 'a' is what eth0 is to be called"),
            (["eth0": "eth1", "eth1": nil], "linux.netDevices.eth1.name: 'eth1' is what eth0 is to be called"),
        ] as [([String: String?], String)]
    )
    func refused(_ devices: [String: String?], _ message: String) {
        let error = #expect(throws: ContainerError.self) { try plan(devices) }
        #expect(error?.message == message)
    }

    @Test("a container in the host's network gets none")
    func hostNetwork() {
        let error = #expect(throws: ContainerError.self) {
            try plan(["eth0": nil], namespaces: [.init(type: "mount")])
        }
        #expect(error?.message == "linux.netDevices: needs a network namespace in linux.namespaces")
    }
}
