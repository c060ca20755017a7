import ComposeModel
import ImageStore
import LinuxSystem
import Synchronization

extension Machine {
    /// Decides the mounts of a container; what it has from others is known when it `isStarting`, as they are there then.
    func mounts(
        _ definition: ServiceDefinition,
        _ blueprint: Blueprint,
        _ record: ContainerRecord,
        name: String,
        isStarting: Bool
    ) throws -> ContainerMounts {
        let place = ContainerMounts.Place(
            containerID: record.id,
            anonymous: record.anonymousVolumes,
            filesDirectory: configuration.directory.container(name),
            inherited: isStarting || definition.service.mountsFrom.isEmpty ? try inheritedMounts(definition) : nil
        )
        return try ContainerMounts(definition, blueprint: blueprint, place) { volume in
            try volumes.mount(shared.withLock { $0.volumes[volume] } ?? VolumeRecord(name: volume))
        }
    }

    /// Makes the volumes that are a container's alone, with the labels that its service has for them.
    func ensureVolumes(_ anonymous: [String: String], of service: Service) throws {
        for (target, volume) in anonymous {
            var labels: [String: String] = [:]
            for case (target, .volume(nil, let options)) in service.mounts.map({ ($0.target, $0.kind) }) {
                labels = options.labels
            }
            _ = try volumes.ensure(VolumeRecord(name: volume, labels: labels, project: project))
        }
    }
}
