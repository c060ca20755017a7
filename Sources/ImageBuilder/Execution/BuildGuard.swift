import ContainerRuntime
import Glibc
package import ImageStore
import LinuxSystem

/// A process that waits for the end of one that builds, and clears away what that has left when it was killed.
///
/// It holds the reading end of a pipe whose other end nobody but the builder has: the kernel closes that, whatever happens.
package final class BuildGuard: Sendable {
    /// What the process is called: its first argument.
    ///
    /// The second is the builder, then come store and runtime directory.
    package static let name = "roost: build guard"
    private static let dismissal = UInt8(ascii: "d")

    private let pipe: OwnedDescriptor

    private init(pipe: consuming OwnedDescriptor) { self.pipe = pipe }

    /// Starts the process; `executable` is our own program.
    package static func start(
        for owner: String,
        store: ImageStore,
        executable: String,
        environment: [String]
    ) throws -> BuildGuard {
        let ends = try Pipe()
        let null = try OwnedDescriptor.null()
        // High numbers first: none of them may stand where another one goes.
        let sources = [
            (try high(null.rawValue), 1), (try high(null.rawValue), 2), (try high(ends.reading.rawValue), 0),
        ]
        defer { for (source, _) in sources { _ = OwnedDescriptor(adopting: source) } }
        var plan = LaunchPlan(namespaces: [])
        var descriptors: [LaunchSlot: Int32] = [:]
        // Signals of the terminal are not for it.
        plan.append(.makeSession)
        for (source, number) in sources {
            let slot = plan.makeSlot("descriptor-\(number)")
            descriptors[slot] = source
            plan.append(.duplicate(slot, as: UInt32(number)))
        }
        plan.append(.closeDescriptors(from: 3))
        plan.append(
            .execute(
                candidates: [executable],
                arguments: [name, owner, store.root, store.runtimeDirectory],
                environment: environment
            )
        )
        let process = try LaunchedProcess.start(plan, descriptors: descriptors)
        try process.awaitExecution()
        return BuildGuard(pipe: try ends.writing.duplicate())
    }

    private static func high(_ descriptor: Int32) throws(SyscallError) -> Int32 {
        try SyscallError.checkErrno(fcntl(descriptor, F_DUPFD_CLOEXEC, 10), "fcntl", "descriptor \(descriptor)")
    }

    /// Says that nothing is left.
    package func dismiss() {
        var byte = Self.dismissal
        _ = write(pipe.rawValue, &byte, 1)
    }

    /// What the process does: waits for the end of standard input.
    package static func run(_ arguments: [String]) {
        guard arguments.count == 4 else { return }
        let (owner, storeRoot, runtimeDirectory) = (arguments[1], arguments[2], arguments[3])
        var byte: UInt8 = 0
        while true {
            let count = read(0, &byte, 1)
            if count < 0 && errno == EINTR { continue }
            if count == 1 && byte == dismissal { return }
            if count <= 0 { break }
        }
        let store = ImageStore(root: storeRoot, runtimeDirectory: runtimeDirectory)
        BuildLeftovers.remove(owner, BuildSnapshots(in: store), runtimeDirectory: runtimeDirectory)
    }
}

/// What builds leave that were killed.
enum BuildLeftovers {
    /// Removes what processes have left that are gone.
    static func sweep(_ snapshots: BuildSnapshots, runtimeDirectory: String) {
        let owners = namesInDirectory(snapshots.workDirectory) + namesInDirectory("\(runtimeDirectory)/build")
        for owner in Set(owners) where isGone(owner) {
            remove(owner, snapshots, runtimeDirectory: runtimeDirectory)
        }
    }

    /// Removes what one process has left; what can't be removed is the next build's to remove.
    static func remove(_ owner: String, _ snapshots: BuildSnapshots, runtimeDirectory: String) {
        removeGroup(of: owner)
        BuildNetwork.removeLeftovers(of: owner, runtimeDirectory: runtimeDirectory)
        WorkPlace.removeDirectory("\(runtimeDirectory)/build/\(owner)")
        WorkPlace.removeDirectory("\(snapshots.workDirectory)/\(owner)")
    }

    /// Ends what runs in the control groups of a process's steps, and removes them.
    static func removeGroup(of owner: String) {
        guard let hierarchies = try? CgroupHierarchies.ofHost() else { return }
        let path = WorkPlace.group(of: owner)
        let directories = [hierarchies.unified].compactMap { $0 } + Set(hierarchies.legacy.values)
        let names = Set(directories.flatMap { namesInDirectory("\($0)\(path)") }).filter { Int($0) != nil }
        for name in names { _ = ContainerCgroup("\(path)/\(name)", in: hierarchies).remove() }
        guard directories.contains(where: { fileExists("\($0)\(path)") }) else { return }
        _ = ContainerCgroup(path, in: hierarchies).remove()
        // Of others that build or run at the moment.
        ContainerCgroup("/roost", in: hierarchies).group.removeIfEmpty()
    }
}
