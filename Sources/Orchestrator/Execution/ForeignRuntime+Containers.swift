import ContainerRuntime
import FoundationEssentials
import Glibc
import LinuxSystem
import OCISpec

extension ForeignRuntime {
    /// What a container is made from.
    struct Request {
        var spec: RuntimeSpec
        /// The path of its control group, which is there, with its limits.
        var group: String
        /// The directory of that group in the unified hierarchy; nil where there is none.
        var directory: String?
        /// Mounts that are lent, by the names that mounts of type `prepared` have as their source.
        var mounts: PreparedMounts
        /// The root; lent.
        var root: Int32
        /// The network namespace; lent, nil when the configuration names one, or none.
        var network: Int32?
        /// Standard input, output and error; lent.
        var stdio: (Int32, Int32, Int32)
    }

    /// A container that waits for `start`.
    struct Created: ~Copyable {
        let identity: ProcessIdentity
        /// The master of its terminal; nil when it has none.
        let terminal: OwnedDescriptor?

        consuming func takeTerminal() -> OwnedDescriptor? { terminal }
    }

    /// Writes the bundle and has the runtime make the container; a failure leaves what `remove` takes away.
    func create(_ request: Request) throws -> Created {
        for directory in ["\(bundle)/rootfs", "\(bundle)/mounts", state] { try makeDirectories(directory) }
        var mounts = [(path: "\(bundle)/rootfs", descriptor: request.root)]
        for (name, number) in request.mounts.numbers.sorted(by: { $0.key < $1.key }) {
            let path = "\(bundle)/mounts/\(mounts.count)"
            if request.mounts.kinds[name] == .directory {
                try makeDirectories(path)
            } else {
                try replaceFile(path, [])
            }
            mounts.append((path, number))
        }
        let spec = configuration(request, mounts.map(\.path))
        try replaceFile("\(bundle)/config.json", [UInt8](JSONEncoder().encode(spec)))
        let pidFile = "\(bundle)/pid"
        var invocation = Invocation(
            arguments: ["create", "--bundle", bundle, "--pid-file", pidFile],
            descriptors: [request.stdio.0, request.stdio.1, request.stdio.2],
            mounts: mounts
        )
        guard spec.process?.terminal == true else {
            invocation.arguments.append(id)
            try run(invocation, bornIn: request.directory)
            return Created(identity: try identity(pidFile), terminal: nil)
        }
        let console = try ConsoleSocket.make(at: "\(state)/\(id.prefix(12)).tty")
        invocation.arguments += ["--console-socket", console.path, id]
        try run(invocation, bornIn: request.directory)
        return Created(identity: try identity(pidFile), terminal: try console.receive())
    }

    /// Runs a command, whose processes are in a group's directory where the runtime does not see to that.
    private func run(_ invocation: Invocation, bornIn directory: String?) throws {
        guard hasSandbox, let directory else { return try run(invocation) }
        let group = try OwnedDescriptor.directory(directory)
        var invocation = invocation
        invocation.group = group.rawValue
        try run(invocation)
        withExtendedLifetime(group) {}
    }

    /// The process that the runtime has written the number of.
    private func identity(_ pidFile: String) throws -> ProcessIdentity {
        let text = try readFile(pidFile)
        guard let pid = Int32(text.split(whereSeparator: \.isWhitespace).first ?? ""),
            let identity = ProcessIdentity(of: pid)
        else { throw ExecutionError("\(program) create: its process ended before it was started") }
        return identity
    }

    /// The configuration in the words of every runtime.
    private func configuration(_ request: Request, _ paths: [String]) -> RuntimeSpec {
        var spec = Self.marking(request.spec, nil)
        // What every version of every runtime takes; nothing later is used.
        spec.ociVersion = "1.0.2"
        spec.root?.path = paths[0]
        let names = request.mounts.numbers.keys.sorted()
        for (index, mount) in (spec.mounts ?? []).enumerated() where mount.type == MountSpec.preparedType {
            guard let place = names.firstIndex(of: mount.source ?? "") else { continue }
            spec.mounts?[index].type = "bind"
            spec.mounts?[index].source = paths[place + 1]
            spec.mounts?[index].options = ["rbind"] + (mount.options ?? [])
        }
        for (index, mount) in (spec.mounts ?? []).enumerated() where mount.options?.contains("rro") == true {
            // A file has nothing below it; crun before 1.9 looks for a directory all the same.
            guard let source = mount.source, !fileExists("\(source)/.") else { continue }
            spec.mounts?[index].options = mount.options?.map { $0 == "rro" ? "ro" : $0 }
        }
        spec.linux?.cgroupsPath = request.group
        // Limits and rules for devices are in force already.
        spec.linux?.resources = nil
        if let network = request.network {
            spec.linux?.namespaces?.removeAll { $0.type == "network" }
            let path = "/proc/\(getpid())/fd/\(network)"
            spec.linux?.namespaces?.append(.init(type: "network", path: path))
        }
        return spec
    }

    /// Starts one more program in the container: a process of ours that ends as the program does.
    func execute(
        _ process: ProcessSpec,
        stdio: (Int32, Int32, Int32),
        terminal: Int32? = nil,
        size: TerminalSize? = nil
    ) throws -> LaunchedProcess {
        let file = try OwnedDescriptor.memory("process")
        var process = process
        process.terminal = terminal != nil
        try file.writeAll([UInt8](JSONEncoder().encode(process)), subject: "process")
        // gVisor's reads it from the file alone.
        let options = terminal == nil || hasSandbox ? [] : ["--tty"]
        let launched = try start(
            Invocation(
                arguments: ["exec", "--process", "/proc/self/fd/3"] + options + [id],
                descriptors: [stdio.0, stdio.1, stdio.2, file.rawValue],
                terminal: terminal,
                size: size
            )
        )
        withExtendedLifetime(file) {}
        return launched
    }
}
