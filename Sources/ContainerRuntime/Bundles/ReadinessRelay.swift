import Glibc
package import LinuxSystem
import OCISpec

/// Tells the service manager that has started us when a container's program says that it is ready: sd_notify(3).
///
/// The program has a socket of ours in its `NOTIFY_SOCKET`. Nothing but its readiness is passed on: what else services
/// may tell their manager, as which process is theirs, is not for a container to say.
package final class ReadinessRelay {
    private static let word = Array("READY=1".utf8)
    /// How long the manager may take to look at what we tell, in milliseconds.
    private static let patience: Int32 = 5000

    private let socket: OwnedDescriptor
    private let manager: String

    /// Listens for a container that was made for this, before its program is started; nil for any other.
    ///
    /// `manager` is our own `NOTIFY_SOCKET`.
    package init?(for container: RuntimeContainer, manager: String?) throws(ContainerError) {
        guard let manager, !manager.isEmpty else { return nil }
        let path = container.store.notices(of: container.id)
        guard fileExists(path) else { return nil }
        self.manager = manager
        do {
            let directory = try OwnedDescriptor.directory(path)
            unlinkat(directory.rawValue, RuntimeSpec.noticeSocket, 0)
            socket = try DatagramSocket.bound(to: RuntimeSpec.noticeSocket, in: directory)
        } catch { throw .kernel("NOTIFY_SOCKET", error) }
    }

    /// Readable when the program has said something.
    package var descriptor: Int32 { socket.rawValue }

    /// Takes what the program has said so far, and passes it on that it is ready; says whether it is.
    ///
    /// `pid` is the process that the manager is to take for the service from then on.
    package func receive(mainProcess pid: Int32?) throws(ContainerError) -> Bool {
        do {
            while let said = try socket.receiveDatagram(limit: 4096) {
                let lines = said.split(separator: UInt8(ascii: "\n"))
                guard lines.contains(where: { $0.elementsEqual(Self.word) }) else { continue }
                try tell(mainProcess: pid)
                return true
            }
            return false
        } catch { throw .kernel("NOTIFY_SOCKET", error) }
    }

    private func tell(mainProcess pid: Int32?) throws(SyscallError) {
        let connection = try DatagramSocket.connect(to: manager)
        let main = pid.map { "\nMAINPID=\($0)" } ?? ""
        try connection.writeAll(Self.word + Array(main.utf8), subject: manager)
        // A manager asks who has sent a message, and we may be gone in a moment: sd_notify_barrier(3).
        let barrier = try Pipe()
        try connection.send(Array("BARRIER=1".utf8), with: barrier.writing.rawValue)
        _ = waitReadable([barrier.takeReading().rawValue], milliseconds: Self.patience)
    }

    /// Returns when a program has said that it is ready, or has ended.
    package func await(_ process: borrowing OwnedDescriptor, mainProcess pid: Int32) throws(ContainerError) {
        while true {
            let ready = waitReadable([socket.rawValue, process.rawValue])
            if ready[0], try receive(mainProcess: pid) { return }
            if ready[1] { return }
        }
    }
}

extension RuntimeSpec {
    /// The name of the socket in the directory that a container has for it.
    static let noticeSocket = "notify"

    /// Adds what a program needs that is to say when it is ready: a directory with our socket, where the manager's own
    /// would be.
    mutating func addNotices(of manager: String, from directory: String) {
        let place = manager.hasPrefix("/") ? manager : "/run/notify"
        var mount = MountSpec(destination: place, type: "bind", source: directory)
        mount.options = ["bind", "nosuid", "nodev", "noexec", "ro"]
        mounts = (mounts ?? []) + [mount]
        let environment = (process?.env ?? []).filter { !$0.hasPrefix("NOTIFY_SOCKET=") }
        process?.env = environment + ["NOTIFY_SOCKET=\(place)/\(Self.noticeSocket)"]
    }
}
