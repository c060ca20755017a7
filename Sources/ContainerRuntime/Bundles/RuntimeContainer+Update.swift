import LinuxSystem
package import OCISpec

extension RuntimeContainer {
    /// Sets limits of a container anew, and leaves those that are not given as they are.
    ///
    /// Returns what this host can't enforce.
    package func update(_ resources: ResourcesSpec) throws(ContainerError) -> [String] {
        let status = status
        guard [.created, .running, .paused].contains(status) else {
            throw wrongState("container not running: it is \(status.rawValue)")
        }
        if let unit = record.unit {
            var manager = try SystemdManager.connect()
            try manager.update(unit, resources)
        }
        let above = try group.group.missingParents
        let group = try ContainerCgroup.make(
            record.cgroup,
            in: RuntimeContainer.hierarchies(),
            resources: resources,
            devices: nil
        )
        do { try Cgroup.markOwn(above) } catch { throw .kernel("container \(id)", error) }
        if group.needsAttachment {
            for pid in try processes() {
                do { try group.attachLegacy(pid: pid) } catch {
                    // One that has ended meanwhile needs no limit.
                    guard error.errno.rawValue == 3 else { throw .kernel("container \(id)", error) }
                }
            }
        }
        return group.unenforced
    }
}
