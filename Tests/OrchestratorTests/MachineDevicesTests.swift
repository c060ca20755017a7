import ComposeModel
import Foundation
import Glibc
import Orchestrator
import Testing

@Suite("devices that are looked for")
struct MachineDevicesTests {
    private func with(_ names: [String], _ body: (MachineDevices) throws -> Void) throws {
        let directory = NSTemporaryDirectory() + "/devices-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: directory) }  // a leftover in /tmp harms nobody
        for name in names {
            let url = URL(fileURLWithPath: "\(directory)/\(name)")
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(),
                withIntermediateDirectories: true
            )
            try Data().write(to: url)
        }
        try body(MachineDevices(directory: directory))
    }

    private func request(_ change: (inout DeviceRequest) -> Void = { _ in }) -> DeviceRequest {
        var request = DeviceRequest(place: "services.a.gpus[0]")
        change(&request)
        return request
    }

    private let nvidia = ["nvidia0", "nvidia1", "nvidia10", "nvidiactl", "nvidia-uvm", "nvidia-caps/nvidia-cap1"]

    @Test("all, some, and single devices come with the nodes that they share")
    func nodes() throws {
        try with(nvidia) { devices in
            let requests = [
                request(), request { $0.count = 1 },
                request {
                    $0.ids = ["2", "0"]
                    $0.driver = "nvidia"
                    $0.capabilities = ["gpu", "utility"]
                },
            ]
            let found = try requests.map { try devices.mappings(for: [$0]).map { String($0.target.dropFirst(5)) } }
            #expect(
                found == [
                    ["nvidia0", "nvidia1", "nvidia10", "nvidiactl", "nvidia-uvm"],
                    ["nvidia0", "nvidiactl", "nvidia-uvm"],
                    ["nvidia10", "nvidia0", "nvidiactl", "nvidia-uvm"],
                ]
            )
        }
        try with(["kfd", "dri/card0", "dri/renderD128"]) { devices in
            let found = try devices.mappings(for: [request()]).map(\.target)
            #expect(found == ["/dev/dri/renderD128", "/dev/kfd"])
        }
    }

    @Test("what is not there is named")
    func missing() throws {
        let cases: [([String], DeviceRequest, String)] = [
            (["null"], request(), "neither nvidia nor amdgpu has a device on this machine"),
            (nvidia, request { $0.driver = "amdgpu" }, "the driver amdgpu has no device on this machine"),
            (nvidia, request { $0.driver = "cdi" }, "the driver cdi has no device on this machine"),
            (nvidia, request { $0.count = 4 }, "4 devices of nvidia are asked for, and there are 3"),
            (
                nvidia, request { $0.ids = ["GPU-1"] },
                "nvidia has no device \"GPU-1\" here; devices go by number, 0 to 2"
            ),
            (
                nvidia, request { $0.capabilities = ["tpu"] },
                "there is no device here that is known to have the capability \"tpu\""
            ),
        ]
        for (names, request, message) in cases {
            try with(names) { devices in
                let error = #expect(throws: ExecutionError.self) { try devices.mappings(for: [request]) }
                #expect(error?.message == message)
                #expect(error?.place == "services.a.gpus[0]")
            }
        }
    }

    @Test(
        "a control group that a file names lies where systemd would have it",
        arguments: [
            ("a/b", "/a/b"), ("/a//b/", "/a/b"), ("one.slice", "/one.slice"),
            ("one-two-three.slice", "/one.slice/one-two.slice/one-two-three.slice"), ("m-executor-1", "/m-executor-1"),
            ("/x/one-two.slice", "/x/one-two.slice"),
        ]
    )
    func groups(text: String, path: String) { #expect(Machine.groupPath(below: text) == path) }
}
