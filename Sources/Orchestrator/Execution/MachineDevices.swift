package import ComposeModel
import LinuxSystem

/// The processors of graphics and the like that this machine has, found by their device nodes.
package struct MachineDevices {
    /// Where device nodes are.
    private let directory: String

    /// The devices whose nodes are in a directory.
    package init(directory: String = "/dev") { self.directory = directory }

    /// What there is of one maker.
    private struct Maker {
        var name: String
        /// The words for it in files.
        var drivers: Set<String>
        /// Nodes of single devices, in order.
        var devices: [String]
        /// Nodes that all of them need.
        var common: [String]
    }

    /// What a request may want of a device; whatever it is, the nodes are the same.
    private static let capabilities: Set = [
        "gpu", "nvidia", "amd", "compute", "compat32", "graphics", "utility", "video", "display",
    ]

    /// The nodes that fulfil the requests; throws for the first that nothing here fulfils.
    package func mappings(for requests: [DeviceRequest]) throws(ExecutionError) -> [DeviceMapping] {
        var paths: [String] = []
        for request in requests {
            for path in try nodes(for: request) where !paths.contains(path) { paths.append(path) }
        }
        return paths.map { path in
            DeviceMapping(source: path, target: "/dev" + path.dropFirst(directory.count), permissions: [.read, .write])
        }
    }

    private func nodes(for request: DeviceRequest) throws(ExecutionError) -> [String] {
        if let unknown = request.capabilities.first(where: { !Self.capabilities.contains($0) }) {
            throw ExecutionError(
                "there is no device here that is known to have the capability \"\(unknown)\"",
                at: request.place,
                hint: "name its device nodes under devices"
            )
        }
        let makers = makers.filter { maker in request.driver.map(maker.drivers.contains) ?? !maker.devices.isEmpty }
        guard let maker = makers.first, !maker.devices.isEmpty else {
            let driver = request.driver.map { "the driver \($0) has no" } ?? "neither nvidia nor amdgpu has a"
            throw ExecutionError(
                "\(driver) device on this machine",
                at: request.place,
                hint: "load the driver, or name the device nodes under devices"
            )
        }
        var chosen = maker.devices
        if !request.ids.isEmpty {
            chosen = try request.ids.map { id throws(ExecutionError) in
                guard let index = Int(id), maker.devices.indices.contains(index) else {
                    throw ExecutionError(
                        "\(maker.name) has no device \"\(id)\" here; devices go by number, 0 to \(maker.devices.count - 1)",
                        at: request.place
                    )
                }
                return maker.devices[index]
            }
        } else if let count = request.count {
            guard count <= chosen.count else {
                throw ExecutionError(
                    "\(count) devices of \(maker.name) are asked for, and there are \(chosen.count)",
                    at: request.place
                )
            }
            chosen = Array(chosen.prefix(count))
        }
        return chosen + maker.common
    }

    private var makers: [Maker] {
        let names = namesInDirectory(directory).sorted()
        let cards = names.filter { $0.hasPrefix("nvidia") && Int($0.dropFirst(6)) != nil }
            .sorted { Int($0.dropFirst(6)) ?? 0 < Int($1.dropFirst(6)) ?? 0 }
        let shared = ["nvidiactl", "nvidia-uvm", "nvidia-uvm-tools", "nvidia-modeset"].filter(names.contains)
        let renderers = names.contains("kfd") ? namesInDirectory("\(directory)/dri").sorted() : []
        return [
            Maker(name: "nvidia", drivers: ["nvidia"], devices: paths(cards), common: paths(shared)),
            Maker(
                name: "amdgpu",
                drivers: ["amdgpu", "amd"],
                devices: paths(renderers.filter { $0.hasPrefix("renderD") }.map { "dri/" + $0 }),
                common: paths(["kfd"])
            ),
        ]
    }

    private func paths(_ names: [String]) -> [String] { names.map { "\(directory)/\($0)" } }
}
