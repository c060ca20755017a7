package import LinuxSystem
package import OCISpec

/// Whether a container has had a program that may trace others, where its configuration does not say so.
///
/// Such a program can look into one that joins, dumpable or not, until that one has given up what it has of ours:
/// `PlanInputs.hasTracers`. A file in the container's directory of state remembers, for as long as its first process lives.
package struct TracerNote: Sendable {
    private let path: String
    private let process: ProcessIdentity

    /// What is noted in a directory of state, which is root's, of the container with that first process.
    package init(in directory: String, of process: ProcessIdentity) {
        path = "\(directory)/tracers"
        self.process = process
    }

    private var text: String { "\(process.pid) \(process.start)\n" }

    /// What a program that is about to join has to reckon with.
    ///
    /// Where it may trace itself, that is noted before it can run.
    package func hasTracers(beside program: RuntimeSpec, of container: RuntimeSpec) throws(ContainerError) -> Bool {
        if container.mayTrace || isThere { return true }
        if program.mayTrace {
            do { try replaceFile(path, Array(text.utf8)) } catch { throw .kernel(path, error) }
        }
        return false
    }

    private var isThere: Bool {
        do { return try readFile(path) == text } catch {
            // What can't be read is no reason to trust.
            return error.errno != .notFound
        }
    }
}
