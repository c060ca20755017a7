import Glibc

/// A socket with a path at which another program leaves the master of a terminal: unix(7), `SCM_RIGHTS`.
///
/// The path goes with it.
package struct ConsoleSocket: ~Copyable {
    /// At most 107 bytes.
    package let path: String
    private let listening: OwnedDescriptor

    /// Makes the socket, for ourselves alone.
    package static func make(at path: String) throws(SyscallError) -> ConsoleSocket {
        unlink(path)
        let listening = try StreamSocket.listening(at: path)
        return ConsoleSocket(path: path, listening: listening)
    }

    private init(path: String, listening: consuming OwnedDescriptor) {
        self.path = path
        self.listening = listening
    }

    deinit { unlink(path) }

    /// Takes the descriptor that has been left; it does not wait for one.
    package borrowing func receive() throws(SyscallError) -> OwnedDescriptor {
        guard waitReadable([listening.rawValue], milliseconds: 0)[0] else {
            throw SyscallError(call: "accept", subject: path, errno: Errno(rawValue: EAGAIN))
        }
        let accepted = accept(listening.rawValue, nil, nil)
        let connection = OwnedDescriptor(adopting: try SyscallError.checkErrno(accepted, "accept", path))
        return try connection.receiveDescriptor()
    }
}
