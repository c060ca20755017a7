import FoundationEssentials
import Glibc
package import LinuxSystem
package import Orchestrator

/// A command's line to the supervisor: one request, and the lines that answer it.
///
/// Speaks HTTP/1.0, where an answer simply ends with the connection. Blocks the thread.
package struct SupervisorClient: ~Copyable {
    private let socket: OwnedDescriptor
    private var received: [UInt8] = []
    private var isPastHead = false

    /// How long a supervisor may take to come back after it was killed.
    private static let patience = Duration.seconds(10)

    /// Connects to the project's supervisor; nil when there is none.
    ///
    /// Where the project's keeper lives but no supervisor answers, there is one about to begin: waits for it.
    package static func connect(_ directory: ProjectDirectory) throws -> SupervisorClient? {
        let clock = ContinuousClock()
        let deadline = clock.now + patience
        while directory.exists {
            let place = try OwnedDescriptor.directory(directory.path)
            do throws(SyscallError) {
                let socket = try StreamSocket.connect(to: "/proc/self/fd/\(place.rawValue)/control.sock")
                return SupervisorClient(socket: socket)
            } catch {
                guard [ENOENT, ECONNREFUSED].contains(error.errno.rawValue) else { throw error }
                // The lock is the keeper's as long as it lives.
                if try place.tryLock() { return nil }
            }
            guard clock.now < deadline else {
                throw StoreError(
                    .system,
                    "project \(directory.project): its supervisor does not answer; see \(directory.path)/supervisor.log"
                )
            }
            usleep(5000)
        }
        return nil
    }

    /// Connects to the project's supervisor, and starts one when there is none.
    package static func connectOrStart(
        _ directory: ProjectDirectory,
        executable: String,
        environment: [String]
    ) throws -> SupervisorClient {
        for _ in 0..<5 {
            if let client = try connect(directory) { return client }
            // Somebody else may have been quicker; then there is one to connect to.
            _ = try SupervisorLauncher.start(directory, executable: executable, environment: environment)
        }
        throw StoreError(
            .system,
            "project \(directory.project): its supervisor ends at once; see \(directory.path)/supervisor.log"
        )
    }

    /// Waits until the pair that held the lock of `place`, a project's directory, has ended, a second at most.
    ///
    /// Returns at once when the project's directory is still there: then there is something left to look after.
    package static func awaitEnd(of directory: ProjectDirectory, at place: borrowing OwnedDescriptor) throws {
        for _ in 0..<1000 {
            guard !directory.isSame(as: place.rawValue) else { return }
            if try place.tryLock() { return }
            usleep(1000)
        }
    }

    private init(socket: consuming OwnedDescriptor) { self.socket = socket }

    /// The socket's number, to be polled; lent.
    package var descriptor: Int32 { socket.rawValue }

    /// Sends a request: `POST /up` and its body.
    package mutating func send(_ route: String, _ body: some Encodable) throws {
        let bytes = try [UInt8](JSONEncoder().encode(body))
        try write(Array("\(route) HTTP/1.0\r\nContent-Length: \(bytes.count)\r\n\r\n".utf8) + bytes)
    }

    /// Sends a request without a body: `GET /events`.
    package mutating func send(_ route: String) throws { try write(Array("\(route) HTTP/1.0\r\n\r\n".utf8)) }

    /// The next line of the answer; nil at its end.
    package mutating func nextLine() throws -> ControlLine? {
        while true {
            if let line = try bufferedLine() { return line }
            guard try receive() else { return nil }
        }
    }

    /// A line that is here already; nil when there is none.
    package mutating func bufferedLine() throws -> ControlLine? {
        try skipHead()
        guard isPastHead, let end = received.firstIndex(of: 0x0A) else { return nil }
        let line = received[..<end]
        defer { received.removeFirst(end + 1) }
        return try JSONDecoder().decode(ControlLine.self, from: Data(line))
    }

    /// Takes what has come; false at the end of the answer.
    package mutating func receive() throws -> Bool {
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = read(socket.rawValue, &buffer, buffer.count)
            if count < 0 && errno == EINTR { continue }
            // A supervisor that was killed has nothing more to say.
            if count < 0 && [ECONNRESET, EPIPE].contains(errno) { return false }
            guard count >= 0 else { throw SyscallError(call: "read", subject: "supervisor", errno: .current) }
            received += buffer[..<count]
            return count > 0
        }
    }

    private mutating func skipHead() throws {
        guard !isPastHead, let end = received.firstRange(of: Array("\r\n\r\n".utf8)) else { return }
        let head = String(decoding: received[..<end.lowerBound], as: UTF8.self)
        guard head.split(separator: " ").dropFirst().first == "200" else {
            throw StoreError(.system, "the supervisor refuses: \(head.prefix { $0 != "\r\n" && $0 != "\r" })")
        }
        received.removeFirst(end.upperBound)
        isPastHead = true
    }

    private func write(_ bytes: [UInt8]) throws(SyscallError) {
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes {
                Glibc.send(socket.rawValue, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count < 0 && errno == EINTR { continue }
            // A supervisor that was killed takes nothing more; that the answer does not come tells so.
            if count < 0 && [ECONNRESET, EPIPE].contains(errno) { return }
            guard count > 0 else { throw SyscallError(call: "send", subject: "supervisor", errno: .current) }
            written += count
        }
    }
}
