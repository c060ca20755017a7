import ArgumentParser
import ContainerRuntime
import LinuxSystem

/// What `create` and `run` take.
struct RuntimeBundleOptions: ParsableArguments {
    @Option(name: .shortAndLong, help: "The directory that holds config.json.") var bundle = "."
    @Option(name: [.customShort("f"), .long], help: "Another name for config.json.") var config: String?
    @Option(help: "A socket that takes the master of the container's terminal.") var consoleSocket: String?
    @Option(help: "A file to write the process id of the container to.") var pidFile: String?
    @Option(help: "A socket that takes a pidfd of the container's first process.") var pidfdSocket: String?
    @Flag(help: "Leave the host's root where it is, below the container's: for roots that can't be pivoted from.")
    var noPivot = false
    @Flag(help: "Leave the container our own session keyring.") var noNewKeyring = false
    @Option(help: "How many descriptors from 3 on the container gets.") var preserveFds = 0

    /// What they ask for.
    var request: BundleRequest {
        BundleRequest(
            bundle: bundle,
            config: config,
            consoleSocket: consoleSocket,
            pidFile: pidFile,
            pidfdSocket: pidfdSocket,
            noPivot: noPivot,
            noNewKeyring: noNewKeyring,
            preserveFds: preserveFds
        )
    }
}

/// A bundle of which a container is to be made, and how: the options as plain values.
struct BundleRequest {
    var bundle = "."
    var config: String?
    var consoleSocket: String?
    var pidFile: String?
    var pidfdSocket: String?
    var noPivot = false
    var noNewKeyring = false
    var preserveFds = 0

    /// The bundle and the configuration that are named; its path is absolute, as the kernel has it where there is one.
    func read() throws -> ContainerBundle {
        try ContainerBundle(RuntimeSettings.resolved(bundle), configuration: config)
    }

    /// A container made of it.
    func create(
        _ name: String,
        _ bundle: ContainerBundle,
        keeping kept: Int,
        terminal: Int32? = nil,
        startsAtOnce: Bool = false
    ) throws -> CreatedContainer {
        let id = try ContainerID(name)
        var options = RuntimeContainer.CreateOptions()
        options.keptDescriptors = kept
        options.startsAtOnce = startsAtOnce
        options.staysOnRoot = noPivot
        options.usesSystemd = try RuntimeProgram.settings.isSystemd
        options.hasKeyring = !noNewKeyring
        options.manager = RuntimeForeground.manager
        let socket = try consoleSocket.map { try RuntimeDescriptors.socket($0) }
        options.terminal = socket?.number ?? terminal
        let settings = try RuntimeProgram.settings
        let created = try RuntimeContainer.create(id, bundle, in: settings.store, options)
        withExtendedLifetime(socket) {}
        try finish(created, id, settings)
        return created
    }

    /// Tells of the container in the ways that are asked for; without them it does not stay.
    private func finish(_ created: borrowing CreatedContainer, _ id: ContainerID, _ settings: RuntimeSettings) throws {
        for sentence in created.unenforced { settings.report.warning(sentence) }
        guard pidFile != nil || pidfdSocket != nil else { return }
        do {
            if let pidFile { try RuntimeDescriptors.write(created.process.pid, to: pidFile) }
            if let pidfdSocket {
                try RuntimeDescriptors.send(created.process.descriptor, as: "standard", to: pidfdSocket)
            }
        } catch {
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

    /// Sends a descriptor of a process to the socket of an engine, with the word that runc has for what it is.
    static func send(_ process: borrowing OwnedDescriptor, as kind: String, to path: String) throws {
        do { try StreamSocket.connect(to: path).send(Array(kind.utf8), with: process.rawValue) } catch {
            throw UserError("--pidfd-socket: \(error)")
        }
    }

    /// How many descriptors a program is to get, those that are not open among them, and those of systemd's socket
    /// activation.
    ///
    /// Closes all others, so that a process which waits for its start holds nothing of the caller's: to be called before
    /// we have opened any ourselves.
    static func kept(_ asked: Int) throws -> Int {
        let activated = ProcessContext.variable("LISTEN_FDS").flatMap { Int($0) } ?? 0
        guard (0...1024).contains(asked), (0...1024).contains(activated) else {
            throw UserError("--preserve-fds: \(asked), and LISTEN_FDS, must be from 0 to 1024")
        }
        let count = asked + activated
        try closeInheritedDescriptors(from: 3 + Int32(count))
        return count
    }

    /// Writes a process id, so that a reader sees all of it or nothing.
    static func write(_ pid: Int32, to path: String) throws {
        try replaceFile(path, Array("\(pid)".utf8), mode: 0o644)
    }
}
