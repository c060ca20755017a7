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
        do {
            let log = try OwnedDescriptor.appending(to: "\(directory.path)/supervisor.log")
            let place = try OwnedDescriptor.directory(directory.path)
            var plan = LaunchPlan(namespaces: [])
            var descriptors: [LaunchSlot: Int32] = [:]
            // High numbers first: none of them may stand where another one goes.
            let sources = [
                (try OwnedDescriptor.null().duplicate(atLeast: 10), 0), (try log.duplicate(atLeast: 10), 1),
                (try log.duplicate(atLeast: 10), 2),
                (try place.duplicate(atLeast: 10), Keeper.Inherited.directory),
                (try ready.writing.duplicate(atLeast: 10), Keeper.Inherited.ready),
            ]
            defer { for (source, _) in sources { _ = OwnedDescriptor(adopting: source) } }
            plan.append(.makeSession)
            for (source, number) in sources {
                let slot = plan.makeSlot("descriptor-\(number)")
                descriptors[slot] = source
                plan.append(.duplicate(slot, as: UInt32(number)))
            }
            plan.append(.closeDescriptors(from: UInt32(Keeper.Inherited.ready) + 1))
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
        let answer = try readAnswer(ready.takeReading())
        guard answer.isEmpty || answer == busy else { throw StoreError(.system, answer) }
        return answer.isEmpty
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
