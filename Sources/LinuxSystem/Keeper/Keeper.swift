import CLinux
import Glibc

/// The process that stands between a project's supervisor and its containers.
///
/// It is our own program under another name, and does everything in C: `clinux_keeper.h` says what.
package enum Keeper {
    /// Descriptors that whoever starts a keeper has to give it.
    package enum Inherited {
        /// The project's directory.
        package static let directory: Int32 = 3
        /// A pipe's writing end, for the first supervisor to say that it is ready.
        package static let ready: Int32 = 4
        /// What a supervisor whose keeper has gone leaves to the next one; not there when there is nothing.
        package static let handover: Int32 = 5
    }

    /// Becomes the keeper, and returns only in the supervisors that it starts.
    ///
    /// To be called while the process has one thread. Takes over the inherited descriptors.
    package static func run() throws(SyscallError) -> KeeperLink {
        var restarts: UInt32 = 0
        let result = clinux_keeper_run(Inherited.directory, Inherited.ready, Inherited.handover, &restarts)
        let socket = OwnedDescriptor(adopting: try SyscallError.check(result, "keeper", "of the project"))
        // The numbers are fixed, so they came without this flag.
        _ = fcntl(Inherited.directory, F_SETFD, FD_CLOEXEC)
        if restarts == 0 { _ = fcntl(Inherited.ready, F_SETFD, FD_CLOEXEC) }
        return KeeperLink(socket: socket, restarts: Int(restarts))
    }

    /// A socket in which copies of `descriptors` lie, for the next keeper to take; `Inherited.handover`.
    ///
    /// More than a socket takes are left out.
    package static func handover(of descriptors: [String: Int32]) throws(SyscallError) -> OwnedDescriptor {
        var pair: [Int32] = [-1, -1]
        let kind = Int32(SOCK_SEQPACKET.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        _ = try SyscallError.checkErrno(socketpair(AF_UNIX, kind, 0, &pair), "socketpair", "keeper")
        let link = KeeperLink(socket: OwnedDescriptor(adopting: pair[0]), restarts: 0)
        let receiving = OwnedDescriptor(adopting: pair[1])
        for (name, descriptor) in descriptors {
            do throws(SyscallError) { try link.keep(descriptor, as: name) } catch {
                guard error.errno.rawValue == EAGAIN else { throw error }
            }
        }
        return receiving
    }
}

/// Lets go of memory that a burst of work has needed and waiting does not: code comes back when it is used.
package func releaseIdleMemory() {
    clinux_release_memory()
}

/// How a process of the keeper's ended.
package struct ProcessExit: Hashable, Sendable {
    /// The process.
    package var identity: ProcessIdentity
    /// Its exit status, or 128 and the number of the signal that killed it.
    package var status: Int32
    /// Nanoseconds since 1970.
    package var nanoseconds: Int64

    init(_ record: clinux_exit) {
        identity = ProcessIdentity(pid: record.pid, start: record.start)
        status = record.status
        nanoseconds = record.time
    }
}

/// A supervisor's end of the line to its keeper.
package struct KeeperLink: ~Copyable, Sendable {
    private let socket: OwnedDescriptor
    /// How many supervisors there were before this one.
    package let restarts: Int
    /// The longest name of a kept descriptor, in bytes.
    package static let longestName = Int(CLINUX_KEEPER_NAME) - 1

    fileprivate init(socket: consuming OwnedDescriptor, restarts: Int) {
        self.socket = socket
        self.restarts = restarts
    }

    /// The socket's number, to be polled for exits; lent.
    package var descriptor: Int32 { socket.rawValue }

    /// The next exit that the keeper has told of; nil when there is none yet.
    ///
    /// Throws `ENOTCONN` when the keeper is gone.
    package func nextExit() throws(SyscallError) -> ProcessExit? {
        var record = clinux_exit()
        let count = recv(socket.rawValue, &record, MemoryLayout<clinux_exit>.size, Int32(MSG_DONTWAIT))
        if count == MemoryLayout<clinux_exit>.size { return ProcessExit(record) }
        let reason = count < 0 ? Errno.current : Errno(rawValue: ENOTCONN)
        if reason.rawValue == EAGAIN || reason.rawValue == EINTR { return nil }
        throw SyscallError(call: "recv", subject: "keeper", errno: reason)
    }

    /// Has the keeper hold a copy of `descriptor` for the next supervisor; a later one of the same name replaces it.
    package func keep(_ descriptor: Int32, as name: String) throws(SyscallError) {
        try send(name, descriptor: descriptor)
    }

    /// Has the keeper close what it holds under `name`.
    package func forget(_ name: String) throws(SyscallError) { try send(name, descriptor: nil) }

    /// What an earlier supervisor had the keeper hold; ours to close.
    package func takeKept() -> [String: Int32] {
        var result: [String: Int32] = [:]
        for index in 0..<UInt32(CLINUX_KEEPER_KEPT) {
            var name: UnsafePointer<CChar>?
            let descriptor = clinux_keeper_kept(index, &name)
            if descriptor >= 0, let name { result[String(cString: name)] = descriptor }
        }
        return result
    }

    private func send(_ name: String, descriptor: Int32?) throws(SyscallError) {
        guard !name.isEmpty, name.utf8.count <= Self.longestName else {
            throw SyscallError(call: "sendmsg", subject: "keeper: \(name)", errno: Errno(rawValue: ENAMETOOLONG))
        }
        var packet = clinux_keep()
        withUnsafeMutableBytes(of: &packet) { $0.copyBytes(from: name.utf8) }
        var copied = descriptor ?? -1
        let result = withUnsafePointer(to: &packet) {
            clinux_send_descriptors(
                socket.rawValue,
                $0,
                UInt32(MemoryLayout<clinux_keep>.size),
                &copied,
                descriptor == nil ? 0 : 1
            )
        }
        _ = try SyscallError.check(result, "sendmsg", "keeper: \(name)")
    }
}

extension ProcessExit {
    /// The record in a file that the keeper wrote; nil when it is cut short.
    package init?(record bytes: [UInt8]) {
        guard bytes.count == MemoryLayout<clinux_exit>.size else { return nil }
        self.init(bytes.withUnsafeBytes { $0.loadUnaligned(as: clinux_exit.self) })
    }
}
