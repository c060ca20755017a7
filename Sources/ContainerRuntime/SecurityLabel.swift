import Glibc
import LinuxSystem
package import OCISpec

/// A way of the host to label processes: apparmor(7), selinux(8).
package enum SecurityLabel: Hashable, Sendable {
    case apparmor, selinux

    /// Those that the kernel has and that are in force, of those that a configuration asks for.
    package static func ofHost(for spec: RuntimeSpec) -> Set<SecurityLabel> {
        var found: Set<SecurityLabel> = []
        // Without the file the kernel lacks it.
        if spec.process?.apparmorProfile?.isEmpty == false,
            (try? readFile("/sys/module/apparmor/parameters/enabled"))?.hasPrefix("Y") == true
        {
            found.insert(.apparmor)
        }
        let isLabelled = [spec.process?.selinuxLabel, spec.linux?.mountLabel].contains { $0?.isEmpty == false }
        if isLabelled, fileExists("/sys/fs/selinux/enforce") { found.insert(.selinux) }
        return found
    }
}

extension ContainerPlan {
    /// Has the next program that is executed begin with the labels of a process.
    ///
    /// A kernel with several modules has a directory for AppArmor, since Linux 5.8.
    mutating func appendLabels(_ process: ProcessSpec) throws(ContainerError) {
        if let profile = process.apparmorProfile, !profile.isEmpty {
            let origin = "process.apparmorProfile"
            try require(.apparmor, origin, "this host has no AppArmor in force; leave it out")
            appendLabel("attr/apparmor/exec", "apparmor", "exec \(profile)", origin)
        }
        if let label = process.selinuxLabel, !label.isEmpty {
            let origin = "process.selinuxLabel"
            try require(.selinux, origin, "this host has no SELinux; leave it out")
            appendLabel("attr/exec", "selinux", label, origin)
        }
    }

    private mutating func appendLabel(_ path: String, _ name: String, _ value: String, _ origin: String) {
        let slot = launch.makeSlot(name)
        launch.append(.openOwn(path, procfs: procfs(), into: slot), origin: origin)
        launch.append(.writeValue(value, to: slot), origin: origin)
    }

    /// Refuses a label that the host would not know what to do with.
    func require(_ label: SecurityLabel, _ place: String, _ reason: String) throws(ContainerError) {
        guard inputs.labels.contains(label) else { throw .unsupported(place, reason) }
    }
}
