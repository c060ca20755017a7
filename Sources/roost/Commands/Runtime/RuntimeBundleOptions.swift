import ArgumentParser
import ContainerRuntime
import LinuxSystem

/// What `create` and `run` take.
struct RuntimeBundleOptions: ParsableArguments {
    @Option(name: .shortAndLong, help: "The directory that holds config.json.") var bundle = "."
    @Option(help: "A socket that takes the master of the container's terminal.") var consoleSocket: String?
    @Option(help: "A file to write the process id of the container to.") var pidFile: String?
    @Flag(help: "Refused: the root is always pivoted to.") var noPivot = false
    @Flag(help: "Leave the container our own session keyring.") var noNewKeyring = false
    @Option(help: "How many descriptors from 3 on the container gets.") var preserveFds = 0

    /// A container made of them.
    func create(_ name: String, keeping kept: Int, terminal: Int32? = nil) throws -> CreatedContainer {
        guard !noPivot else { throw UserError("--no-pivot is not supported: the host's files would stay in reach") }
        let id = try ContainerID(name)
        var options = RuntimeContainer.CreateOptions(bundle: RuntimeSettings.absolute(bundle))
        options.keptDescriptors = kept
        options.hasKeyring = !noNewKeyring
        let socket = try consoleSocket.map { try RuntimeDescriptors.socket($0) }
        options.terminal = socket?.number ?? terminal
        let settings = try RuntimeProgram.settings
        let created = try RuntimeContainer.create(id, in: settings.store, options)
        withExtendedLifetime(socket) {}
        try finish(created, id, settings)
        return created
    }

    /// Tells of the container in the ways that are asked for; without them it does not stay.
    private func finish(_ created: borrowing CreatedContainer, _ id: ContainerID, _ settings: RuntimeSettings) throws {
        for sentence in created.unenforced { settings.report.warning(sentence) }
        guard let pidFile else { return }
        do { try RuntimeDescriptors.write(created.process.pid, to: pidFile) } catch {
            _ = try RuntimeContainer.delete(id, in: settings.store, force: true)
            throw error
        }
    }
}

/// Descriptors and files that engines name on the command line.
enum RuntimeDescriptors {
    /// A connected socket.
    final class Socket {
        private let descriptor: OwnedDescriptor
        var number: Int32 { descriptor.rawValue }
        init(_ descriptor: consuming OwnedDescriptor) { self.descriptor = descriptor }
    }

    /// Connects to the socket of an engine.
    static func socket(_ path: String) throws -> Socket { Socket(try StreamSocket.connect(to: path)) }

    /// How many descriptors a program is to get; those of systemd's socket activation are among them.
    ///
    /// Closes all others, so that a process which waits for its start holds nothing of the caller's: to be called before
    /// we have opened any ourselves.
    static func kept(_ asked: Int) throws -> Int {
        let activated = ProcessContext.environment["LISTEN_FDS"].flatMap { Int($0) } ?? 0
        guard (0...1024).contains(asked), (0...1024).contains(activated) else {
            throw UserError("--preserve-fds: \(asked), and LISTEN_FDS, must be from 0 to 1024")
        }
        let count = asked + activated
        for number in 3..<(3 + Int32(count)) where !isOpenDescriptor(number) {
            throw UserError("--preserve-fds: descriptor \(number) is not open")
        }
        try closeInheritedDescriptors(from: 3 + Int32(count))
        return count
    }

    /// Writes a process id, so that a reader sees all of it or nothing.
    static func write(_ pid: Int32, to path: String) throws {
        try replaceFile(path, Array("\(pid)".utf8), mode: 0o644)
    }
}
