import Glibc
import LinuxSystem

/// Programs that keep credentials: `docker-credential-NAME get|store|erase`.
package enum CredentialHelper {
    /// What a helper said.
    package struct Answer: Hashable, Sendable {
        package var status: Int32
        /// Its standard output.
        package var text: String

        package init(status: Int32, text: String) {
            self.status = status
            self.text = text
        }
    }

    /// How much a helper may say, and how long it may take.
    private static let limit = 64 << 10
    private static let seconds = 30

    private static var searchPath: String {
        guard let value = getenv("PATH") else { return "/usr/local/bin:/usr/bin:/bin" }
        return String(cString: value)
    }

    /// Runs a helper with a text on its standard input; blocks.
    ///
    /// Throws `configuration` when there is no such program, and when it takes or says too much.
    package static func run(_ name: String, _ verb: String, _ input: String) throws(RegistryError) -> Answer {
        let program = "docker-credential-\(name)"
        guard !name.isEmpty, !name.contains("/"), !name.utf8.contains(0) else {
            throw RegistryError(.configuration, "\"\(name.printable)\" is no name of a credential helper")
        }
        let folders = searchPath.split(separator: ":")
        let candidates: [String] = folders.map { "\($0)/\(program)" }
        guard let path = candidates.first(where: { access($0, X_OK) == 0 }) else {
            throw RegistryError(
                .configuration,
                "there is no program \(program), which the file of credentials names; install it, or take the name out"
            )
        }
        do {
            return try run(path, [path, verb], Array(input.utf8))
        } catch let error as RegistryError { throw error } catch {
            throw RegistryError(.configuration, "run \(program): \(error)")
        }
    }

    private static func run(_ path: String, _ arguments: [String], _ input: [UInt8]) throws -> Answer {
        let toChild = try Pipe()
        let fromChild = try Pipe()
        // A helper's input is short: it fits into the pipe before anybody reads.
        guard input.count <= 4096 else { throw RegistryError(.configuration, "run \(path): too much to say to it") }
        try toChild.writing.writeAll(input, subject: path)
        let process = try start(path, arguments, toChild.reading.rawValue, fromChild.writing.rawValue)
        _ = consume toChild
        let reading = fromChild.takeReading()
        let deadline = ContinuousClock.now + .seconds(seconds)
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let left = (deadline - .now).components
            var ready = pollfd(fd: reading.rawValue, events: Int16(POLLIN), revents: 0)
            let count = poll(
                &ready,
                1,
                left.seconds < 0 ? 0 : CInt(left.seconds * 1000 + left.attoseconds / 1_000_000_000_000_000)
            )
            if count < 0 && errno == EINTR { continue }
            guard count > 0, bytes.count <= limit else {
                try sendSignal(SIGKILL, to: process.descriptor.rawValue)
                _ = try process.waitForExit()
                let reason = count > 0 ? "says more than \(limit) bytes" : "has not answered for \(seconds) seconds"
                throw RegistryError(.configuration, "\(path) \(reason)")
            }
            let got = read(reading.rawValue, &buffer, buffer.count)
            if got < 0 && errno == EINTR { continue }
            guard got > 0 else { break }
            bytes += buffer[..<got]
        }
        return Answer(status: try process.waitForExit().shellStatus, text: String(decoding: bytes, as: UTF8.self))
    }

    private static func start(
        _ path: String,
        _ arguments: [String],
        _ input: CInt,
        _ output: CInt
    ) throws -> LaunchedProcess {
        // Above the numbers that they will have in the child.
        var copies: [CInt] = []
        for descriptor in [input, output] {
            copies.append(try SyscallError.checkErrno(fcntl(descriptor, F_DUPFD_CLOEXEC, 10), "fcntl", path))
        }
        defer { for copy in copies { _ = OwnedDescriptor(adopting: copy) } }
        var plan = LaunchPlan(namespaces: [])
        var descriptors: [LaunchSlot: Int32] = [:]
        for (number, copy) in copies.enumerated() {
            let slot = plan.makeSlot("descriptor-\(number)")
            descriptors[slot] = copy
            plan.append(.duplicate(slot, as: UInt32(number)))
        }
        plan.append(.closeDescriptors(from: 3))
        var environment: [String] = []
        var variable = environ
        while let text = variable.pointee {
            environment.append(String(cString: text))
            variable += 1
        }
        plan.append(.execute(candidates: [path], arguments: arguments, environment: environment))
        let process = try LaunchedProcess.start(plan, descriptors: descriptors)
        try process.awaitExecution()
        return process
    }

    /// What `store` is told.
    static func entry(_ credential: Credential, server: String) -> String {
        let (user, secret) =
            switch credential {
            case .password(let user, let password): (user, password)
            case .identityToken(let token): (tokenUser, token)
            }
        let object = JSONValue.object(["ServerURL": .text(server), "Username": .text(user), "Secret": .text(secret)])
        // A value of texts always has a form.
        return String(decoding: (try? object.written()) ?? [], as: UTF8.self)
    }

    /// What `get` tells; throws `configuration` when that makes no sense.
    static func credential(_ text: String, name: String) throws(RegistryError) -> Credential? {
        guard let object = JSONValue.read(Array(text.utf8))?.object, let user = object["Username"]?.text,
            let secret = object["Secret"]?.text
        else {
            throw RegistryError(.configuration, "docker-credential-\(name) get: its answer is no credential")
        }
        if secret.isEmpty { return nil }
        return user == tokenUser ? .identityToken(secret) : .password(user: user, password: secret)
    }

    /// The user's name that says that the secret is a token.
    private static let tokenUser = "<token>"
}
