import ImageStore
import LinuxSystem

extension Machine {
    /// Removes what containers of an earlier boot have left on disk: their state was in memory and went with it.
    ///
    /// Done once for each boot of the machine, by whichever project comes first.
    package func sweepAfterBoot() async {
        do { try await blocking { try self.sweep() } } catch { configuration.report(.warning("\(error)")) }
    }

    private func sweep() throws {
        let directory = "\(configuration.roots.storage)/containers"
        guard fileExists(directory) else { return }
        let boot = try readFile("/proc/sys/kernel/random/boot_id")
        let mark = "\(configuration.roots.storage)/boot"
        if (try? readFile(mark)) == boot { return }
        // Listed first, looked for afterwards: a record is written before the layer that it names.
        let layers = namesInDirectory(directory)
        var known: Set<String> = []
        for project in ProjectDirectory.all(below: configuration.roots) {
            for name in namesInDirectory("\(project.path)/containers") {
                if let record = try project.record(of: name) { known.insert(record.id) }
            }
        }
        for id in layers where !known.contains(id) { try ContainerLayer(id: id, in: images).remove() }
        try replaceFile(mark, Array(boot.utf8))
    }
}
