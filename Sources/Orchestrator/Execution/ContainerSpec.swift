import ComposeModel
import ContainerRuntime
import FoundationEssentials
import LinuxSystem
import OCISpec

/// The OCI configuration of a container, from its service and from what was decided for it.
struct ContainerSpec {
    let service: Service
    let blueprint: Blueprint
    let hostname: String
    let domainName: String?
    let user: ContainerUser
    let mounts: [MountSpec]
    /// Namespaces that are other containers' or the host's.
    var sharing = NamespaceSharing()

    /// Whose namespaces a container is in, where they are not its own.
    struct NamespaceSharing {
        var network = StandardOptions.Sharing.own
        var ipc = StandardOptions.Sharing.own
        var pid = StandardOptions.Sharing.own
        var uts = StandardOptions.Sharing.own
        var cgroup = StandardOptions.Sharing.own
    }

    /// Kernel parameters beside those of the service.
    var sysctls: [String: String] = [:]

    /// What the supervisor needs of descriptors itself is not the containers'.
    var descriptorLimit: ResourceLimit?

    private var limits: [ProcessSpec.Rlimit]? {
        var limits = service.ulimits.map(\.specification)
        if let descriptorLimit, !service.ulimits.contains(where: { $0.resource == .nofile }) {
            limits.append(.init(type: "RLIMIT_NOFILE", soft: descriptorLimit.soft, hard: descriptorLimit.hard))
        }
        return limits.isEmpty ? nil : limits
    }

    /// The configuration.
    func runtimeSpec() throws -> RuntimeSpec {
        var process = ProcessSpec(
            cwd: blueprint.workingDirectory,
            args: blueprint.arguments,
            env: Self.environment(blueprint, hostname: hostname, home: user.home, hasTerminal: service.hasTerminal)
        )
        process.user = user.user
        process.terminal = service.hasTerminal ? true : nil
        process.rlimits = limits
        process.oomScoreAdj = service.resources.oomScoreAdjustment
        process.noNewPrivileges = service.securityOptions.contains(.noNewPrivileges(true)) ? true : nil
        var options = StandardOptions(process)
        options.sensors = StandardOptions.sensorsOfHost
        options.hostname = hostname
        options.domainname = domainName
        options.isReadOnly = service.hasReadOnlyRoot
        options.isPrivileged = service.isPrivileged
        options.addedCapabilities = service.addedCapabilities.words
        options.droppedCapabilities = service.droppedCapabilities.words
        options.showsSystemPaths = service.securityOptions.contains(.systemPathsUnconfined)
        options.isUnconfined = service.securityOptions.contains(.seccompUnconfined)
        options.network = sharing.network
        options.ipc = sharing.ipc
        options.pid = sharing.pid
        options.uts = sharing.uts
        options.cgroup = sharing.cgroup
        options.sysctl = service.sysctls.merging(sysctls) { own, _ in own }
        options.hasSharedMemory = service.ipcMode != .none
        if let size = service.resources.sharedMemoryBytes { options.sharedMemorySize = size }
        if case .joined = sharing.ipc {
            options.sharedMemory = .init(
                destination: "/dev/shm",
                type: MountSpec.preparedType,
                source: PreparedMounts.sharedMemory
            )
        }
        options.resources = try service.resources.specification()
        for device in service.devices + (try MachineDevices().mappings(for: service.resources.devices)) {
            for node in try LinuxSpec.Device.allOfHost(device.source, at: device.target) {
                options.devices.append(node)
                options.deviceRules.append(
                    .init(
                        allow: true,
                        type: node.type,
                        major: node.major,
                        minor: node.minor,
                        access: device.permissions.letters
                    )
                )
            }
        }
        options.deviceRules += service.deviceRules.map(\.specification)
        var spec = try RuntimeSpec.standard(
            options,
            mounts: mounts,
            hostDevices: service.isPrivileged ? LinuxSpec.Device.ofHost() : []
        )
        if !service.annotations.isEmpty { spec.annotations = service.annotations }
        if let profile = seccompProfile { spec.linux?.seccomp = try Self.readProfile(profile) }
        return spec
    }

    /// What programs find in their environment: docker's own variables first, then the image's and the service's.
    static func environment(_ blueprint: Blueprint, hostname: String, home: String, hasTerminal: Bool) -> [String] {
        let given = blueprint.environment
        let names = Set(given.map(\.name))
        var own = [("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"), ("HOSTNAME", hostname)]
        if hasTerminal { own.append(("TERM", "xterm")) }
        let last = names.contains("HOME") ? [] : ["HOME=\(home)"]
        return own.filter { !names.contains($0.0) }.map { "\($0.0)=\($0.1)" } + given.map { "\($0.name)=\($0.value)" }
            + last
    }

    private var seccompProfile: String? {
        for case .seccompProfile(let path) in service.securityOptions { return path }
        return nil
    }

    private static func readProfile(_ path: String) throws -> SeccompSpec {
        let bytes: [UInt8]
        do { bytes = try readBytes(path, limit: 16 << 20) } catch {
            throw ExecutionError("seccomp profile \(path): \(error)", hint: "give the path of a file that can be read")
        }
        do throws(JSONError) { return try SeccompSpec(document: bytes) } catch {
            let (line, column) = error.position(in: bytes)
            throw ExecutionError(
                "seccomp profile \(path):\(line):\(column): \(error.explanation)",
                hint: "it has the form of docker's profiles"
            )
        }
    }
}

extension CapabilityNames {
    /// The names, `ALL` among them when it stands for every one.
    fileprivate var words: [String] { (all ? ["ALL"] : []) + names.sorted() }
}

extension DevicePermissions {
    fileprivate var letters: String {
        (contains(.read) ? "r" : "") + (contains(.write) ? "w" : "") + (contains(.makeNode) ? "m" : "")
    }
}

extension DeviceRule {
    fileprivate var specification: ResourcesSpec.Device {
        .init(
            allow: true,
            type: kind.rawValue,
            major: major.map(Int64.init),
            minor: minor.map(Int64.init),
            access: permissions.letters
        )
    }
}

extension Ulimit {
    fileprivate var specification: ProcessSpec.Rlimit {
        .init(type: "RLIMIT_\(resource.rawValue.uppercased())", soft: soft ?? .max, hard: hard ?? .max)
    }
}
