import ArgumentParser
import ContainerRuntime
import LinuxSystem

/// `roost runtime features`: OCI Runtime Specification, "Features Structure".
struct RuntimeFeatures: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "features",
        abstract: "Print what the runtime can do as JSON."
    )

    private struct Features: Encodable {
        struct Switch: Encodable { var enabled: Bool }
        struct Group: Encodable { var v1 = true, v2 = true, systemd = true, systemdUser = false, rdma = true }
        struct MemoryPolicies: Encodable {
            var modes = ContainerPlan.memoryPolicyWords.modes
            var flags = ContainerPlan.memoryPolicyWords.flags
        }
        struct Extensions: Encodable { var idmap = Switch(enabled: true) }
        struct Linux: Encodable {
            var namespaces = ["cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"]
            var capabilities: [String]
            var cgroup = Group()
            var seccomp = Switch(enabled: true)
            var apparmor = Switch(enabled: true)
            var selinux = Switch(enabled: true)
            var intelRdt = Switch(enabled: false)
            var memoryPolicy = MemoryPolicies()
            var netDevices = Switch(enabled: true)
            var mountExtensions = Extensions()
        }

        var ociVersionMin = "1.0.0"
        var ociVersionMax = "1.3.0"
        var hooks = ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"]
        var mountOptions = MountOptions.words
        var linux: Linux
    }

    func run() throws {
        let names = CapabilitySet.allNames.map { "CAP_\($0)" }
        ProcessContext.writeOutput(try RuntimeJSON.text(Features(linux: .init(capabilities: names))))
    }
}
