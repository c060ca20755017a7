import Glibc
import LinuxSystem

/// The containers of `roost runtime`: a directory for each below `--root`.
package struct RuntimeStore: Hashable, Sendable {
    /// The most bytes of a record that are read: a configuration and a bit.
    private static let sizeLimit = 65 << 20

    package let root: String

    /// The containers below a directory, which need not exist.
    package init(root: String) { self.root = root }

    /// The directory of a container.
    package func directory(of id: ContainerID) -> String { "\(root)/\(id)" }

    /// The FIFO at which its process waits; there until it is started.
    func gate(of id: ContainerID) -> String { "\(directory(of: id))/exec.fifo" }

    /// The directory with the socket at which its program says that it is ready; there where somebody wants to know.
    func notices(of id: ContainerID) -> String { "\(directory(of: id))/notify" }

    /// Takes a name: whoever makes its directory has it, mkdir(2).
    func claim(_ id: ContainerID) throws(ContainerError) {
        do { try makeDirectories(root, mode: 0o711) } catch { throw .kernel("--root", error) }
        guard mkdir(directory(of: id), 0o711) == 0 else {
            let reason = Errno.current
            guard reason == .exists else {
                throw .kernel("--root", SyscallError(call: "mkdir", subject: directory(of: id), errno: reason))
            }
            throw RuntimeStore.taken(id)
        }
    }

    /// Makes the directory for a program that is to say when it is ready.
    func makeNotices(of id: ContainerID) throws(ContainerError) {
        guard mkdir(notices(of: id), 0o755) == 0 else {
            throw .kernel("NOTIFY_SOCKET", SyscallError(call: "mkdir", subject: notices(of: id), errno: .current))
        }
    }

    /// Refuses a name that is taken, before anything else is found to be wrong with it.
    func checkFree(_ id: ContainerID) throws(ContainerError) {
        guard !fileExists(directory(of: id)) else { throw RuntimeStore.taken(id) }
    }

    private static func taken(_ id: ContainerID) -> ContainerError {
        ContainerError(code: .wrongState, message: "container with id \(id) already exists: choose another id")
    }

    /// The record of a container; nil when its making was cut short before there was one.
    package func find(_ id: ContainerID) throws(ContainerError) -> RuntimeRecord? {
        let path = "\(directory(of: id))/state.json"
        let bytes: [UInt8]
        do { bytes = try readBytes(path, limit: RuntimeStore.sizeLimit) } catch {
            guard error.errno == .notFound else { throw .kernel("container \(id)", error) }
            guard fileExists(directory(of: id)) else {
                throw ContainerError(code: .noContainer, message: "container does not exist: \(id); see `list`")
            }
            return nil
        }
        var record: RuntimeRecord = try SpecificationFile.decode(bytes, from: path)
        record.config = try record.config.absolute(in: record.bundle)
        record.process = process(of: id)
        return record
    }

    /// The first process; nil until it waits at its gate.
    private func process(of id: ContainerID) -> ProcessIdentity? {
        // Where there is no file there is no process yet.
        let fields = (try? readFile("\(directory(of: id))/process"))?.split(whereSeparator: \.isWhitespace) ?? []
        guard fields.count == 2, let pid = Int32(fields[0]), let start = UInt64(fields[1]) else { return nil }
        return ProcessIdentity(pid: pid, start: start)
    }

    /// Says that the process waits: in a file of its own, as the rest does not change.
    func write(process: ProcessIdentity?, of id: ContainerID) throws(ContainerError) {
        guard let process else { return }
        let text = "\(process.pid) \(process.start)\n"
        do { try replaceFile("\(directory(of: id))/process", Array(text.utf8)) } catch {
            throw .kernel("container \(id)", error)
        }
    }

    /// The record of a container that has one.
    package func record(_ id: ContainerID) throws(ContainerError) -> RuntimeRecord {
        guard let record = try find(id) else {
            throw ContainerError(
                code: .wrongState,
                message: "container \(id) was never finished: `delete --force` removes it"
            )
        }
        return record
    }

    /// Writes down a container with the configuration as it was read.
    func write(_ record: RuntimeRecord, _ config: [UInt8], of id: ContainerID) throws(ContainerError) {
        do { try replaceFile("\(directory(of: id))/state.json", record.document(config)) } catch {
            throw .kernel("container \(id)", error)
        }
    }

    /// The mount at the root directory, by its number, where the container's mounts are among the host's; nil before it
    /// is made.
    func rootMount(of id: ContainerID) -> UInt64? {
        // Where there is no file there is no mount yet.
        (try? readFile("\(directory(of: id))/mount")).flatMap { UInt64($0) }
    }

    /// Writes down the mount at the root directory.
    func write(rootMount: UInt64, of id: ContainerID) throws(ContainerError) {
        do { try replaceFile("\(directory(of: id))/mount", Array("\(rootMount)".utf8)) } catch {
            throw .kernel("container \(id)", error)
        }
    }

    /// The containers by name; what has no container's name is passed over.
    package func identifiers() -> [ContainerID] {
        namesInDirectory(root).compactMap { try? ContainerID($0) }  // somebody else's file
    }

    /// Forgets a container.
    func remove(_ id: ContainerID) throws(ContainerError) {
        do { try OwnedDescriptor.directory(root).removeTree("\(id)") } catch { throw .kernel("container \(id)", error) }
    }
}
