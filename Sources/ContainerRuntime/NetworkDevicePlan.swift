package import LinuxSystem
import OCISpec

/// An interface of the host that a container gets: one of `linux.netDevices`.
package struct NetworkDevicePlan: Hashable, Sendable, CustomStringConvertible {
    /// Its name on the host.
    package var name: InterfaceName
    /// Its name in the container.
    package var target: InterfaceNameTemplate

    /// One line: "move eth0 as data".
    package var description: String { "move \(name) as \(target)" }

    /// The part of the configuration that asks for it.
    package var place: String { "linux.netDevices.\(name)" }
}

extension LinuxSpec {
    /// The interfaces to move, in the order of their names.
    func plannedDevices(in namespaces: NamespacePlan, mayMove: Bool) throws(ContainerError) -> [NetworkDevicePlan] {
        guard let netDevices, !netDevices.isEmpty else { return [] }
        guard namespaces.all.contains(.network) else {
            throw .invalid("linux.netDevices", "needs a network namespace in linux.namespaces")
        }
        guard mayMove else {
            throw .unsupported(
                "linux.netDevices",
                "takes CAP_NET_ADMIN in the host's network, which we lack; leave it out"
            )
        }
        var plans: [NetworkDevicePlan] = []
        for (text, device) in netDevices.sorted(by: { $0.key < $1.key }) {
            guard let name = InterfaceName(text) else {
                throw .invalid("linux.netDevices", "'\(text)' is not the name of an interface")
            }
            let wanted = device.name.flatMap { $0.isEmpty ? nil : $0 }
            guard let target = wanted.map({ InterfaceNameTemplate($0) }) ?? InterfaceNameTemplate(name) else {
                throw .invalid("linux.netDevices.\(name).name", "'\(wanted ?? "")' is not the name of an interface")
            }
            if let other = plans.first(where: { $0.target.name != nil && $0.target == target }) {
                throw .invalid("linux.netDevices.\(name).name", "'\(target)' is what \(other.name) is to be called")
            }
            plans.append(NetworkDevicePlan(name: name, target: target))
        }
        return plans
    }
}
