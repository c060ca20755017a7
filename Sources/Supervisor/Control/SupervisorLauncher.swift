import Glibc
import LinuxSystem
package import Orchestrator

/// Starts a project's keeper, and by it the supervisor.
package enum SupervisorLauncher {
    /// What our program is called when it is to be a keeper: the first of its arguments.
    package static let keeperName = "roost-keeper"

    /// What a supervisor answers that finds another pair at work.
    static let busy = "busy"

    /// Starts the pair and returns when the supervisor takes commands; false when there is another pair.
    ///
    /// `executable` is our own program. Throws what the supervisor says when it can't begin.
    package static func start(
        _ directory: ProjectDirectory,
        executable: String,
        environment: [String]
    ) throws -> Bool {
        try directory.prepare()
        let ready = try Pipe()
        let writing = OwnedDescriptor(adopting: try ready.writing.duplicate(atLeast: 10))
        try launch(directory, executable: executable, environment: environment, ready: writing)
        let answer = try readAnswer(ready.takeReading())
        guard answer.isEmpty || answer == busy else { throw StoreError(.system, answer) }
        return answer.isEmpty
    }

    /// Starts a pair that takes over from the calling supervisor, whose keeper is gone, as soon as that has ended.
    ///
    /// The new keeper gets copies of `held`, descriptors by name.
    static func succeed(
        in directory: ProjectDirectory,
        executable: String,
        environment: [String],
        held: [String: Int32]
    ) throws {
        let null = try OwnedDescriptor.null()
        let handover = try Keeper.handover(of: held)
        let number = handover.rawValue
        try launch(directory, executable: executable, environment: environment, ready: null, handover: number)
    }

    /// Has the kernel execute our program as keeper; `handover` is lent, and goes to it when there is one.
    private static func launch(
        _ directory: ProjectDirectory,
        executable: String,
        environment: [String],
        ready: consuming OwnedDescriptor,
        handover: Int32? = nil
    ) throws {
        let log = try OwnedDescriptor.appending(to: "\(directory.path)/supervisor.log")
        let place = try OwnedDescriptor.directory(directory.path)
        var plan = LaunchPlan(namespaces: [])
        var descriptors: [LaunchSlot: Int32] = [:]
        // High numbers first: none of them may stand where another one goes.
        var sources = [
            (try OwnedDescriptor.null().duplicate(atLeast: 10), 0), (try log.duplicate(atLeast: 10), 1),
            (try log.duplicate(atLeast: 10), 2),
            (try place.duplicate(atLeast: 10), Keeper.Inherited.directory),
            (try ready.duplicate(atLeast: 10), Keeper.Inherited.ready),
        ]
        if let handover { sources.append((try duplicate(handover), Keeper.Inherited.handover)) }
        defer { for (source, _) in sources { _ = OwnedDescriptor(adopting: source) } }
        plan.append(.makeSession)
        for (source, number) in sources {
            let slot = plan.makeSlot("descriptor-\(number)")
            descriptors[slot] = source
            plan.append(.duplicate(slot, as: UInt32(number)))
        }
        plan.append(.closeDescriptors(from: UInt32(sources.map(\.1).max() ?? 2) + 1))
        plan.append(
            .execute(
                candidates: [executable],
                arguments: [keeperName, directory.project],
                environment: environment
            )
        )
        let process = try LaunchedProcess.start(plan, descriptors: descriptors)
        try process.awaitExecution()
    }

    private static func duplicate(_ descriptor: Int32) throws(SyscallError) -> Int32 {
        try SyscallError.checkErrno(fcntl(descriptor, F_DUPFD_CLOEXEC, 10), "fcntl", "descriptor \(descriptor)")
    }

    private static func readAnswer(_ descriptor: consuming OwnedDescriptor) throws(SyscallError) -> String {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = read(descriptor.rawValue, &buffer, buffer.count)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw SyscallError(call: "read", subject: "supervisor", errno: .current) }
            if count == 0 { return String(decoding: bytes, as: UTF8.self) }
            bytes += buffer[..<count]
        }
    }
}
