import ComposeModel
import ContainerRuntime
package import LinuxSystem
import OCISpec

/// A command's way into a container that runs, straight from the command's own process.
package struct ContainerEntry: Sendable {
    /// The program and its arguments.
    package var command: [String] = []
    /// Variables beside the container's: `NAME=value`.
    package var variables: [String] = []
    /// Who runs it, as `user[:group]`; nil for whoever the container's program is.
    package var user: String?
    /// Where it starts; nil for where the container's program starts.
    package var workingDirectory: String?
    /// Whether it has every capability and no filter.
    package var isPrivileged = false
    /// Whether it has a terminal of its own.
    package var hasTerminal = false

    private let name: String
    private let spec: RuntimeSpec
    private let identity: ProcessIdentity
    private let group: ContainerCgroup
    private let filters: FilterCache
    private let tracers: TracerNote

    /// A terminal's size in characters.
    package struct TerminalSize: Hashable, Sendable {
        /// Lines.
        package var rows: UInt16
        /// Characters on a line.
        package var columns: UInt16

        /// A terminal of that size.
        package init(rows: UInt16, columns: UInt16) {
            self.rows = rows
            self.columns = columns
        }
    }

    /// A program that was started.
    package struct Started: ~Copyable {
        /// Its process.
        package let process: LaunchedProcess
        /// The master of its terminal; nil when it has none.
        package let terminal: OwnedDescriptor?

        /// Gives up everything but the process.
        consuming func takeProcess() -> LaunchedProcess { process }

        /// The number of the terminal's master; lent, -1 when there is none.
        package var master: Int32 {
            switch terminal {
            case .some(let descriptor): descriptor.rawValue
            case .none: -1
            }
        }
    }

    /// Finds the container called `container`, which has to run, of a project with state below `roots`.
    package init(_ directory: ProjectDirectory, container: String, roots: StateRoots) throws {
        name = container
        filters = roots.filters
        guard let process = try directory.process(of: container), let spec = try directory.specification(of: container)
        else { throw ExecutionError("\(container) does not run", hint: "start it with \"roost start\"") }
        self.spec = spec
        identity = ProcessIdentity(pid: process.pid, start: process.start)
        tracers = TracerNote(in: directory.container(container), of: identity)
        let hierarchies = try CgroupHierarchies.ofHost()
        group = ContainerCgroup(process.groups.first ?? "/roost", in: hierarchies).joined()
    }

    /// Starts the program with these three descriptors; lent.
    package func start(stdio: (Int32, Int32, Int32), size: TerminalSize? = nil) throws -> Started {
        guard let pidfd = try identity.open() else {
            throw ExecutionError("\(name) has just ended", hint: "start it with \"roost start\"")
        }
        let spec = try specification(size)
        if let foreign = ForeignRuntime(self.spec) {
            let socket = try DescriptorSocket.make()
            let process = try foreign.execute(
                spec.process ?? ProcessSpec(),
                stdio: stdio,
                terminal: hasTerminal ? socket.sending : nil,
                size: size.map { .init(rows: UInt32($0.rows), columns: UInt32($0.columns)) }
            )
            return Started(process: process, terminal: hasTerminal ? try socket.receive() : nil)
        }
        var inputs = PlanInputs()
        inputs.seccomp = try spec.linux?.seccomp.map { try filters.program($0) }
        inputs.awaitsGroups = group.needsAttachment
        inputs.hasTracers = try tracers.hasTracers(beside: spec, of: self.spec)
        try inputs.observeOurselves()
        var surroundings = Container.ExecSurroundings(container: pidfd.rawValue, stdio: stdio)
        surroundings.group = group
        let socket = try DescriptorSocket.make()
        if hasTerminal { surroundings.terminal = socket.sending }
        let process = try Container.execute(try ContainerPlan(exec: spec, inputs), in: surroundings)
        return Started(process: process, terminal: hasTerminal ? try socket.receive() : nil)
    }

    private func specification(_ size: TerminalSize?) throws -> RuntimeSpec {
        var spec = spec
        spec.process?.args = command
        spec.process?.terminal = hasTerminal ? true : nil
        if let size, hasTerminal {
            spec.process?.consoleSize = .init(height: UInt32(size.rows), width: UInt32(size.columns))
        }
        let given = Set(variables.map { $0.prefix { $0 != "=" } })
        var environment = (spec.process?.env ?? []).filter { !given.contains($0.prefix { $0 != "=" }) } + variables
        if hasTerminal && !environment.contains(where: { $0.hasPrefix("TERM=") }) { environment.append("TERM=xterm") }
        spec.process?.env = environment
        if let workingDirectory { spec.process?.cwd = workingDirectory }
        if let user {
            let root = DetachedMount(adopting: try OwnedDescriptor.path("/proc/\(identity.pid)/root"))
            let found = try UserDatabase(root: root).resolve(user)
            spec.process?.user = found.user
        }
        if isPrivileged {
            let all = CapabilitySet.all.names.map { "CAP_\($0)" }
            spec.process?.capabilities = .init(bounding: all, effective: all, permitted: all)
            spec.linux?.seccomp = nil
        }
        return spec
    }
}

extension StateRoots {
    /// Where compiled filters are kept.
    var filters: FilterCache { FilterCache(directory: storage + "/filters") }
}

extension ContainerEntry {
    /// Runs the program with our own three descriptors; returns its status.
    package func run() throws -> Int32 {
        let started = try start(stdio: (0, 1, 2))
        return try started.process.waitForExit().shellStatus
    }

    /// Starts the program with a terminal of that size.
    package func start(terminal size: TerminalSize) throws -> Started { try start(stdio: (0, 1, 2), size: size) }

    /// Starts the program and leaves it: it has neither input nor output.
    package func startDetached() throws {
        let null = try OwnedDescriptor.null()
        _ = try start(stdio: (null.rawValue, null.rawValue, null.rawValue))
    }
}
