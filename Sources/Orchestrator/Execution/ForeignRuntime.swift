import ContainerRuntime
import FoundationEssentials
import Glibc
import LinuxSystem
import OCISpec

/// An OCI runtime that a service names, in the place of the one that is built in.
///
/// Its program runs in a mount namespace of its own for every command. There lie the bundle's root and what else is
/// mounted for the container, so nothing of it shows on the host; and control groups look there as version 2 alone,
/// which crun insists on.
struct ForeignRuntime: Hashable, Sendable {
    /// The program's file.
    let program: String
    /// Where the runtime keeps what it knows of its containers.
    let state: String
    /// The bundle of the container.
    let bundle: String
    /// The container's id there.
    let id: String

    private static let annotation = "io.roost.runtime"
    /// Where programs are looked for.
    private static let places = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    /// The words that mean the built-in runtime.
    private static let own: Set<String> = ["", "roost", "roost-runtime"]
    /// Docker's words for programs that have other names.
    private static let names = [
        "io.containerd.runc.v2": ["runc"], "kata": ["kata-runtime"], "io.containerd.kata.v2": ["kata-runtime"],
        "io.containerd.runsc.v1": ["runsc"], "gvisor": ["runsc"],
    ]
    /// The most time that a command of a runtime may take, in milliseconds.
    private static let patience: Int32 = 60_000

    /// Finds the program that a service's `runtime` means; nil when that is the one that is built in.
    static func program(of word: String?, service: String) throws -> String? {
        guard let word, !own.contains(word) else { return nil }
        let place = "services.\(service).runtime"
        if word.hasPrefix("/") {
            guard HostProgram.find(word, in: "") != nil else {
                throw ExecutionError("there is no program \(word)", at: place, hint: "install it, or leave runtime out")
            }
            return word
        }
        let candidates = names[word] ?? [word]
        if !word.contains("/"), let found = candidates.lazy.compactMap({ HostProgram.find($0, in: places) }).first {
            return found
        }
        throw ExecutionError(
            "there is no runtime \(word): no program \(candidates.joined(separator: " or ")) in "
                + places.split(separator: ":").joined(separator: ", "),
            at: place,
            hint: "install it, give the path of its program, or leave runtime out for the built-in one"
        )
    }

    /// A runtime's container.
    init(program: String, container: ContainerRecord, roots: StateRoots) {
        self.program = program
        let name = program.split(separator: "/").last.map(String.init) ?? "runtime"
        state = "\(roots.runtime)/runtimes/\(name)"
        // Sockets in it have names of at most 107 bytes.
        id = String(container.id.prefix(32))
        bundle = "\(roots.runtime)/bundles/\(id)"
    }

    /// The runtime's container that a stored configuration tells of; nil where the built-in runtime has it.
    init?(_ spec: RuntimeSpec) {
        guard let text = spec.annotations?[Self.annotation] else { return nil }
        let parts = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 4 else { return nil }
        (program, state, bundle, id) = (parts[0], parts[1], parts[2], parts[3])
    }

    /// The configuration as it is stored: it tells whose the container is.
    ///
    /// Whatever a project says under that name itself is not believed.
    static func marking(_ spec: RuntimeSpec, _ runtime: ForeignRuntime?) -> RuntimeSpec {
        var spec = spec
        spec.annotations?[annotation] = nil
        guard let runtime else { return spec }
        let text = [runtime.program, runtime.state, runtime.bundle, runtime.id].joined(separator: "\n")
        spec.annotations = (spec.annotations ?? [:]).merging([annotation: text]) { $1 }
        return spec
    }

    /// Whether the container's programs are those of a kernel of the runtime's own, gVisor's.
    ///
    /// Its processes are to be limited, all of them: they are started in the container's control group, where the
    /// runtime would look for controllers that nobody needs.
    var hasSandbox: Bool { program.split(separator: "/").last == "runsc" }

    // Commands

    /// A start of the program, of which the descriptors are not open any more when it runs.
    struct Invocation {
        var arguments: [String]
        /// Standard input, output and error, and those that follow; lent.
        var descriptors: [Int32]
        /// Detached mounts, by the path that they are attached at; lent.
        var mounts: [(path: String, descriptor: Int32)] = []
        /// The control group that the program is born in, and all that it starts; lent.
        var group: Int32?
        /// Where the master of a terminal goes that the program has; lent.
        var terminal: Int32?
        var size: TerminalSize?
    }

    /// Starts the program; it is a child of ours.
    func start(_ invocation: Invocation) throws -> LaunchedProcess {
        var plan = LaunchPlan(namespaces: .mount)
        var lent: [LaunchSlot: Int32] = [:]
        func slot(_ name: String, _ descriptor: Int32) -> LaunchSlot {
            let slot = plan.makeSlot(name)
            lent[slot] = descriptor
            return slot
        }
        plan.append(.setPropagation(.private))
        let hierarchies = try CgroupHierarchies.ofHost()
        if !hierarchies.legacy.isEmpty, hierarchies.unified != nil {
            let groups = plan.makeSlot("cgroup2")
            plan.append(.makeFilesystem(FilesystemRecipe("cgroup2"), into: groups))
            plan.append(.attachAt(groups, path: "/sys/fs/cgroup", symlinks: .refuse))
        }
        for mount in invocation.mounts {
            plan.append(.attachAt(slot(mount.path, mount.descriptor), path: mount.path, symlinks: .refuse))
        }
        let copies = try DescriptorCopies(of: invocation.descriptors)
        if let socket = invocation.terminal {
            plan.append(.makeSession)
            let slave = plan.makeSlot("terminal")
            plan.append(
                .openTerminal(
                    into: slave,
                    sendingTo: slot("socket", socket),
                    owner: UInt32(geteuid()),
                    size: invocation.size
                )
            )
            plan.append(.controlTerminal(slave))
            for number: UInt32 in 0...2 { plan.append(.duplicate(slave, as: number)) }
        }
        let first = invocation.terminal == nil ? 0 : 3
        for (number, copy) in copies.numbers.enumerated().dropFirst(first) {
            plan.append(.duplicate(slot("descriptor-\(number)", copy), as: UInt32(number)))
        }
        plan.append(.closeDescriptors(from: UInt32(invocation.descriptors.count)))
        var arguments = [program, "--root", state, "--log", "\(bundle)/log", "--log-format", "json"]
        if hasSandbox { arguments.append("--ignore-cgroups") }
        plan.append(
            .execute(
                candidates: [program],
                arguments: arguments + invocation.arguments,
                environment: ["PATH=\(Self.places)", "HOME=/root", "XDG_RUNTIME_DIR=\(state)"]
            )
        )
        removeFile("\(bundle)/log")
        var options = LaunchedProcess.Options()
        options.cgroup = invocation.group
        let process = try LaunchedProcess.start(plan, descriptors: lent, options: options)
        do { try process.awaitExecution() } catch {
            _ = try process.waitForExit()
            throw error
        }
        withExtendedLifetime(copies) {}
        return process
    }

    /// Runs a command to its end; what went wrong it has written to its log.
    func run(_ invocation: Invocation) throws {
        let process = try start(invocation)
        guard waitReadable([process.descriptor.rawValue], milliseconds: Self.patience)[0] else {
            // It may just have ended.
            try? Container.signal(process.descriptor.rawValue, 9)
            _ = try process.waitForExit()
            throw ExecutionError("\(program) \(invocation.arguments.first ?? ""): took longer than a minute")
        }
        let status = try process.waitForExit()
        guard status != .exited(0) else { return }
        throw ExecutionError(
            "\(program) \(invocation.arguments.first ?? ""): \(complaint ?? "status \(status.shellStatus)")"
        )
    }

    /// Runs a command that has neither input nor output.
    func run(_ arguments: String...) throws {
        let null = try OwnedDescriptor.null()
        let number = null.rawValue
        try run(Invocation(arguments: arguments, descriptors: [number, number, number]))
        withExtendedLifetime(null) {}
    }

    /// The last error in the log.
    private var complaint: String? {
        struct Line: Decodable { var msg: String }
        // Without a log there is no complaint.
        let lines = ((try? readFile("\(bundle)/log", limit: 1 << 20)) ?? "").split(separator: "\n")
        return lines.reversed().lazy.compactMap { try? JSONDecoder().decode(Line.self, from: Data($0.utf8)) }.first?.msg
    }

    /// Ends the container where it still runs, and removes all that is known of it.
    func remove() {
        guard fileExists(bundle) else { return }
        // One that the runtime does not know, or that it fails to remove, ends with its control group.
        try? run("delete", "--force", id)
        let bundles = bundle.dropLast(id.utf8.count + 1)
        try? OwnedDescriptor.directory("\(bundles)").removeTree(id)
    }
}
