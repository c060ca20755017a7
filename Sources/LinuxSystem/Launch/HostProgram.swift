import Glibc

/// A program of the host that is run to its end as a child of ours, with our own identity.
package enum HostProgram {
    /// What it had to say.
    package struct Answer: Hashable, Sendable {
        package var status: ProcessStatus
        /// What it wrote to standard output, and to standard error.
        package var output: String
        package var error: String
    }

    /// The most bytes of either output that are read.
    private static let limit = 16 << 20

    /// The file that execvp(3) would take for a program, in the directories of `path`; nil when there is none.
    package static func find(_ name: String, in path: String) -> String? {
        if name.contains("/") { return access(name, X_OK) == 0 ? name : nil }
        return path.split(separator: ":").map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 }
    }

    /// Runs a program by the path of its file; `arguments` begin with its name.
    ///
    /// Blocks the thread. `kept` are lent to it as descriptors 3 and following. What it starts may keep its outputs
    /// open: they are files in memory, so nobody has to wait for that.
    package static func run(
        _ path: String,
        _ arguments: [String],
        environment: [String],
        input: Int32? = nil,
        descriptors kept: [Int32] = []
    ) throws -> Answer {
        let output = try OwnedDescriptor.memory("output")
        let error = try OwnedDescriptor.memory("error")
        let null = try OwnedDescriptor.reading("/dev/null")
        let process = try start(
            path,
            arguments,
            environment: environment,
            descriptors: [input ?? null.rawValue, output.rawValue, error.rawValue] + kept
        )
        return Answer(status: try process.waitForExit(), output: text(of: output), error: text(of: error))
    }

    /// Starts a program with `descriptors` as its 0, 1, 2 and following; returns when it is executed.
    package static func start(
        _ path: String,
        _ arguments: [String],
        environment: [String],
        descriptors: [Int32],
        options: LaunchedProcess.Options = LaunchedProcess.Options()
    ) throws -> LaunchedProcess {
        var plan = LaunchPlan(namespaces: [])
        var slots: [LaunchSlot: Int32] = [:]
        // None is overwritten before its turn.
        let copies = try DescriptorCopies(of: descriptors)
        for (number, copy) in copies.numbers.enumerated() {
            let slot = plan.makeSlot("descriptor-\(number)")
            slots[slot] = copy
            plan.append(.duplicate(slot, as: UInt32(number)))
        }
        plan.append(.closeDescriptors(from: UInt32(descriptors.count)))
        plan.append(.execute(candidates: [path], arguments: arguments, environment: environment))
        let process = try LaunchedProcess.start(plan, descriptors: slots, options: options)
        do { try process.awaitExecution() } catch {
            if !options.isSibling { _ = try process.waitForExit() }
            throw error
        }
        withExtendedLifetime(copies) {}
        return process
    }

    private static func text(of file: borrowing OwnedDescriptor) -> String {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while bytes.count < limit {
            let count = pread(file.rawValue, &buffer, buffer.count, bytes.count)
            guard count > 0 else { break }
            bytes += buffer[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
