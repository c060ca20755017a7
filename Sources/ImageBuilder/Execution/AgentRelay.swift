import CLinux
import Glibc
import LinuxSystem

/// A socket for one command that leads to an SSH agent of the host: with an owner and a mode of its own, which the agent's
/// socket can't be given.
///
/// One thread carries what both sides say; it ends with the value, and all connections with it.
final class AgentRelay: Sendable {
    /// Writing to it ends the thread.
    private let stop: OwnedDescriptor

    /// Connections at once; more wait.
    private static let most = 32

    /// Listens at `path`, where nothing is; `agent` is the agent's socket.
    ///
    /// Throws for an agent that can't be reached.
    init(at path: String, to agent: String, mode: UInt32, owner: (user: UInt32, group: UInt32)) throws(SyscallError) {
        // Found out now rather than by the command.
        _ = try Self.connected(to: agent)
        let listener = try UnixSocket.listening(at: path)
        _ = try SyscallError.checkErrno(chown(path, owner.user, owner.group), "chown", path)
        _ = try SyscallError.checkErrno(chmod(path, mode_t(mode)), "chmod", path)
        let ends = try Pipe()
        stop = try ends.writing.duplicate()
        let loop = Loop(listener: listener, stop: ends.takeReading(), agent: agent)
        var thread = pthread_t()
        let result = pthread_create(
            &thread,
            nil,
            { argument in
                if let argument { Unmanaged<Loop>.fromOpaque(argument).takeRetainedValue().run() }
                return nil
            },
            Unmanaged.passRetained(loop).toOpaque()
        )
        guard result == 0 else {
            Unmanaged.passUnretained(loop).release()
            throw SyscallError(call: "pthread_create", subject: "an SSH agent", errno: Errno(rawValue: result))
        }
        pthread_detach(thread)
    }

    private static func connected(to agent: String) throws(SyscallError) -> OwnedDescriptor {
        try UnixSocket.connected(to: agent)
    }

    /// What the thread does; all of it is the thread's own.
    private final class Loop {
        private let listener: OwnedDescriptor
        private let stop: OwnedDescriptor
        private let agent: String
        /// Sockets by twos: the command's, and the agent's for it.
        private var pairs: [(HeldDescriptor, HeldDescriptor)] = []
        private var buffer = [UInt8](repeating: 0, count: 1 << 16)

        init(listener: consuming OwnedDescriptor, stop: consuming OwnedDescriptor, agent: String) {
            self.listener = listener
            self.stop = stop
            self.agent = agent
        }

        func run() {
            while true {
                let sockets = pairs.flatMap { [$0.0.descriptor.rawValue, $0.1.descriptor.rawValue] }
                // One that nobody polls is one that waits.
                let doors = pairs.count < AgentRelay.most ? [listener.rawValue] : []
                let ready = waitReadable([stop.rawValue] + sockets + doors)
                if ready[0] { return }
                var ended: Set<Int> = []
                for index in pairs.indices {
                    let (command, agent) = pairs[index]
                    if ready[1 + 2 * index], !pass(from: command, to: agent) { ended.insert(index) }
                    if ready[2 + 2 * index], !pass(from: agent, to: command) { ended.insert(index) }
                }
                pairs = pairs.indices.filter { !ended.contains($0) }.map { pairs[$0] }
                if !doors.isEmpty, ready[ready.count - 1] { accept() }
            }
        }

        private func accept() {
            let flags = UInt64(SOCK_CLOEXEC.rawValue)
            let raw = clinux_syscall(Int64(SYS_accept4), UInt64(listener.rawValue), 0, 0, flags, 0, 0)
            guard raw >= 0 else { return }
            let command = HeldDescriptor(OwnedDescriptor(adopting: CInt(raw)))
            // Without an agent the connection ends, which the command understands.
            guard let agent = try? AgentRelay.connected(to: agent) else { return }
            pairs.append((command, HeldDescriptor(agent)))
        }

        /// Passes on what is there; false at the end.
        private func pass(from source: HeldDescriptor, to target: HeldDescriptor) -> Bool {
            let count = recv(source.descriptor.rawValue, &buffer, buffer.count, CInt(MSG_DONTWAIT))
            guard count > 0 else { return count < 0 && [EAGAIN, EINTR].contains(errno) }
            var done = 0
            while done < count {
                // A side that takes nothing for that long has its connection ended.
                let sent = send(
                    target.descriptor.rawValue,
                    Array(buffer[done..<count]),
                    count - done,
                    CInt(MSG_NOSIGNAL)
                )
                if sent < 0 && errno == EINTR { continue }
                guard sent > 0 else { return false }
                done += sent
            }
            return true
        }
    }
}

/// Stream sockets in the file system: unix(7).
private enum UnixSocket {
    static func listening(at path: String) throws(SyscallError) -> OwnedDescriptor {
        let socket = try make()
        try with(path) { pointer, length in bind(socket.rawValue, pointer, length) }
        _ = try SyscallError.checkErrno(listen(socket.rawValue, 16), "listen", path)
        return socket
    }

    static func connected(to path: String) throws(SyscallError) -> OwnedDescriptor {
        let socket = try make()
        var patience = timeval(tv_sec: 30, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        _ = setsockopt(socket.rawValue, SOL_SOCKET, SO_SNDTIMEO, &patience, size)
        try with(path) { pointer, length in connect(socket.rawValue, pointer, length) }
        return socket
    }

    private static func make() throws(SyscallError) -> OwnedDescriptor {
        let kind = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
        return OwnedDescriptor(adopting: try SyscallError.checkErrno(socket(AF_UNIX, kind, 0), "socket", "AF_UNIX"))
    }

    /// Calls with an address, by a directory's descriptor: an address has 107 bytes, and paths have more.
    private static func with(
        _ path: String,
        _ body: (UnsafePointer<sockaddr>, socklen_t) -> CInt
    ) throws(SyscallError) {
        let cut = path.lastIndex(of: "/") ?? path.startIndex
        let directory = try OwnedDescriptor.directory(cut == path.startIndex ? "/" : String(path[..<cut]))
        let short = "/proc/self/fd/\(directory.rawValue)\(path[cut...])"
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(short.utf8) + [0]
        guard bytes.count <= MemoryLayout.size(ofValue: address.sun_path) else {
            throw SyscallError(call: "bind", subject: path, errno: Errno(rawValue: ENAMETOOLONG))
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        _ = try SyscallError.checkErrno(result, "connect", path)
    }
}
