import Glibc
import LinuxSystem
import OCISpec

/// A connection with systemd over its own socket, which needs no message bus: systemd(1), `/run/systemd/private`.
struct SystemdManager: ~Copyable {
    private let socket: OwnedDescriptor
    private var serial: UInt32 = 0
    private var received: [UInt8] = []

    /// How long systemd may take for an answer, in milliseconds.
    private static let patience: Int32 = 30_000

    /// Connects to the manager of the system, or of a user who is not root.
    static func connect() throws(ContainerError) -> SystemdManager {
        let path: String
        if geteuid() == 0 {
            path = "/run/systemd/private"
        } else {
            path =
                (getenv("XDG_RUNTIME_DIR").map { String(cString: $0) } ?? "/run/user/\(geteuid())")
                + "/systemd/private"
        }
        return try connect(to: path)
    }

    /// Connects to a socket, and says who we are: D-Bus Specification, "Authentication Protocol", `EXTERNAL`.
    static func connect(to path: String) throws(ContainerError) -> SystemdManager {
        do {
            var manager = SystemdManager(socket: try StreamSocket.connect(to: path))
            let user = "\(geteuid())".utf8.map { String($0, radix: 16) }.joined()
            // In one piece: what comes in the same piece as its end, systemd reads only when there is more to read.
            try manager.socket.writeAll(Array("\0AUTH EXTERNAL \(user)\r\nBEGIN\r\n".utf8), subject: path)
            while !manager.received.contains(UInt8(ascii: "\n")) { try manager.receive() }
            guard manager.received.starts(with: Array("OK ".utf8)),
                let end = manager.received.firstIndex(of: UInt8(ascii: "\n"))
            else { throw ContainerError.unsupported("--systemd-cgroup", "systemd does not let us in") }
            manager.received.removeSubrange(...end)
            return manager
        } catch let error as ContainerError {
            throw error
        } catch {
            throw .unsupported(
                "--systemd-cgroup",
                "systemd does not answer on this host (\(error)); leave it out, and groups are made in the hierarchy itself"
            )
        }
    }

    private init(socket: consuming OwnedDescriptor) { self.socket = socket }

    /// The control group that this manager's units are below; empty for that of the system.
    mutating func controlGroup() throws(ContainerError) -> String {
        let subject = "its control group"
        let arguments = [DBusValue.string(DBusCall.manager), .string("ControlGroup")]
        let reply = try answer("Get", arguments, subject, interface: DBusCall.properties)
        let path = try SystemdManager.checked(reply, subject).texts.first ?? ""
        return path == "/" ? "" : path
    }

    /// Makes a scope with a process in it, and returns when systemd has moved that into its control group.
    mutating func start(
        _ scope: SystemdScope,
        process pid: Int32,
        _ spec: RuntimeSpec
    ) throws(ContainerError) {
        let properties = try scope.properties(process: pid, spec)
        let job = try call(
            "StartTransientUnit",
            [.string(scope.unit), .string("fail"), .properties(properties), .noUnits],
            scope.unit
        )
        let result = try awaitEnd(of: job, scope.unit)
        guard result == "done" else {
            throw .unsupported("linux.cgroupsPath", "\(scope.unit): systemd says \(result)")
        }
    }

    /// Has systemd move a process into a unit's control group, or into one below it: `/name`.
    mutating func attach(process pid: Int32, to unit: String, below group: String) throws(ContainerError) {
        _ = try call(
            "AttachProcessesToUnit",
            [.string(unit), .string(group), .words([UInt32(bitPattern: pid)])],
            unit
        )
    }

    /// Has systemd forget a unit, whose name may then be used again.
    ///
    /// One that it does not know any more is as good.
    mutating func stop(_ unit: String) throws(ContainerError) {
        let reply = try answer("StopUnit", [.string(unit), .string("replace")], unit)
        guard reply.errorName != "org.freedesktop.systemd1.NoSuchUnit" else { return }
        _ = try awaitEnd(of: try SystemdManager.checked(reply, unit), unit)
    }

    private mutating func awaitEnd(of job: DBusReply, _ unit: String) throws(ContainerError) -> String {
        while true {
            let message = try next(unit)
            // The texts of JobRemoved: the job, the unit, the result.
            guard message.kind == .signal, message.member == "JobRemoved", message.texts.first == job.texts.first
            else { continue }
            return message.texts.last ?? ""
        }
    }

    /// Tells systemd of limits of a scope that have changed.
    mutating func update(_ unit: String, _ resources: ResourcesSpec) throws(ContainerError) {
        let limits = try SystemdScope.limits(resources)
        guard !limits.isEmpty else { return }
        _ = try call("SetUnitProperties", [.string(unit), .boolean(true), .properties(limits)], unit)
    }

    private mutating func call(
        _ member: String,
        _ arguments: [DBusValue],
        _ unit: String
    ) throws(ContainerError) -> DBusReply {
        try SystemdManager.checked(try answer(member, arguments, unit), unit)
    }

    private static func checked(_ reply: DBusReply, _ unit: String) throws(ContainerError) -> DBusReply {
        guard reply.kind == .answer else {
            let reason = reply.texts.first ?? reply.errorName ?? "no reason"
            throw ContainerError(code: .kernel, message: "systemd: \(unit): \(reason)")
        }
        return reply
    }

    /// What systemd says to a call, be it an error.
    private mutating func answer(
        _ member: String,
        _ arguments: [DBusValue],
        _ unit: String,
        interface: String = DBusCall.manager
    ) throws(ContainerError) -> DBusReply {
        serial += 1
        let call = DBusCall(serial: serial, interface: interface, member: member, arguments: arguments)
        do { try socket.writeAll(call.bytes, subject: "systemd") } catch { throw .kernel(unit, error) }
        while true {
            let message = try next(unit)
            if message.replyTo == serial { return message }
        }
    }

    private mutating func next(_ unit: String) throws(ContainerError) -> DBusReply {
        do {
            while true {
                if received.count >= 16 {
                    guard let size = DBusReply.size(of: received) else { break }
                    if received.count >= size {
                        guard let reply = DBusReply(Array(received[..<size])) else { break }
                        received.removeSubrange(..<size)
                        return reply
                    }
                }
                try receive()
            }
        } catch { throw .kernel("systemd: \(unit)", error) }
        throw ContainerError(code: .kernel, message: "systemd: \(unit): an answer that can't be read")
    }

    private mutating func receive() throws(SyscallError) {
        guard waitReadable([socket.rawValue], milliseconds: SystemdManager.patience)[0] else {
            throw SyscallError(call: "read", subject: "systemd", errno: Errno(rawValue: ETIMEDOUT))
        }
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = read(socket.rawValue, &buffer, buffer.count)
        guard count > 0 else {
            let reason = count < 0 ? Errno.current : Errno(rawValue: ECONNRESET)
            throw SyscallError(call: "read", subject: "systemd", errno: reason)
        }
        received += buffer[..<count]
    }
}
