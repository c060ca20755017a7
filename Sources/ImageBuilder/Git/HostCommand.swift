import Glibc
import LinuxSystem

/// A program of the host that runs to its end, with nothing on its input and its outputs kept.
///
/// For root it is the first of a PID namespace: with it ends all that it has started, and it ends with us.
struct HostCommand {
    let name: String
    /// Without the name.
    let arguments: [String]
    let environment: [String]
    /// Directories between ":".
    let searchPath: String
    /// The most bytes of a file that it writes; nil for no limit.
    var fileLimit: Int?

    struct Result {
        var status: Int32
        var output: String
        var errors: String

        /// What was wrong, in one line.
        var lastError: String {
            let lines = errors.split(separator: "\n").map { $0.trimmingBlanks() }.filter { !$0.isEmpty }
            return lines.first { $0.hasPrefix("fatal:") }.map { String($0.dropFirst(6)).trimmingBlanks() } ?? lines.last
                ?? "it ended with \(status)"
        }
    }

    /// How much of an output is kept, in bytes.
    static let limit = 16 << 20

    /// Runs it.
    ///
    /// Blocks. Throws `BuildError` when there is no such program, or it takes too long.
    func run(seconds: Int) throws -> Result {
        let candidates = searchPath.split(separator: ":").map { "\($0)/\(name)" }
        guard let path = candidates.first(where: { $0.hasPrefix("/") && access($0, X_OK) == 0 }) else {
            throw BuildError(.unsupported, "there is no program \(name) on this host; install it")
        }
        do {
            // Files in memory, not pipes: nobody has to read while it writes.
            let input = try OwnedDescriptor.memory("\(name)-input")
            let output = try OwnedDescriptor.memory("\(name)-output")
            let errors = try OwnedDescriptor.memory("\(name)-errors")
            let process = try start(path, [input.rawValue, output.rawValue, errors.rawValue])
            guard waitReadable([process.descriptor.rawValue], milliseconds: Int32(seconds * 1000))[0] else {
                try? sendSignal(SIGKILL, to: process.descriptor.rawValue)  // it may just have ended
                _ = try process.waitForExit()
                throw BuildError(.tooLarge, "\(name) \(arguments.last ?? "") took more than \(seconds) seconds")
            }
            let status = try process.waitForExit().shellStatus
            return Result(status: status, output: Self.text(of: output), errors: Self.text(of: errors))
        } catch let error as BuildError { throw error } catch {
            throw BuildError(.system, "run \(path): \(error)")
        }
    }

    private func start(_ path: String, _ descriptors: [CInt]) throws -> LaunchedProcess {
        // Above the numbers that they will have in the child.
        var copies: [CInt] = []
        for descriptor in descriptors {
            copies.append(try SyscallError.checkErrno(fcntl(descriptor, F_DUPFD_CLOEXEC, 10), "fcntl", path))
        }
        defer { for copy in copies { _ = OwnedDescriptor(adopting: copy) } }
        var plan = LaunchPlan(namespaces: geteuid() == 0 ? [.pid] : [])
        plan.append(.endWithStarter)
        var slots: [LaunchSlot: Int32] = [:]
        for (number, copy) in copies.enumerated() {
            let slot = plan.makeSlot("descriptor-\(number)")
            slots[slot] = copy
            plan.append(.duplicate(slot, as: UInt32(number)))
        }
        plan.append(.closeDescriptors(from: 3))
        if let fileLimit {
            plan.append(.setLimit(ResourceLimit(.fsize, soft: UInt64(fileLimit), hard: UInt64(fileLimit))))
        }
        plan.append(.execute(candidates: [path], arguments: [name] + arguments, environment: environment))
        let process = try LaunchedProcess.start(plan, descriptors: slots)
        do { try process.awaitExecution() } catch {
            _ = try process.waitForExit()
            throw error
        }
        return process
    }

    private static func text(of file: borrowing OwnedDescriptor) -> String {
        let size = min(max(Int(lseek(file.rawValue, 0, SEEK_END)), 0), limit)
        var bytes = [UInt8](repeating: 0, count: size)
        let count = pread(file.rawValue, &bytes, size, 0)
        return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    }
}
