import Glibc

/// A datagram socket of a path: unix(7) `SOCK_DGRAM`.
package enum DatagramSocket {
    /// Takes what anybody sends to a name in a directory, which must not be there; the directory's path may be long.
    package static func bound(
        to name: String,
        in directory: borrowing OwnedDescriptor
    ) throws(SyscallError)
        -> OwnedDescriptor
    {
        let made = try make(name)
        let path = "/proc/self/fd/\(directory.rawValue)/\(name)"
        let bound = try withAddress(path) { Glibc.bind(made.rawValue, $0, $1) }
        _ = try SyscallError.checkErrno(bound, "bind", name)
        _ = try SyscallError.checkErrno(fchmodat(directory.rawValue, name, 0o777, 0), "fchmodat", name)
        return made
    }

    /// Connects to a path of at most 107 bytes, or to the abstract name that follows an `@`.
    package static func connect(to path: String) throws(SyscallError) -> OwnedDescriptor {
        let made = try make(path)
        let connected = try withAddress(path) { (address, size) -> Int32 in
            guard path.hasPrefix("@") else { return Glibc.connect(made.rawValue, address, size) }
            var copy = UnsafeRawPointer(address).loadUnaligned(as: sockaddr_un.self)
            copy.sun_path.0 = 0
            let used = socklen_t(MemoryLayout<sa_family_t>.size + path.utf8.count)
            return withUnsafePointer(to: &copy) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.connect(made.rawValue, $0, used) }
            }
        }
        _ = try SyscallError.checkErrno(connected, "connect", path)
        return made
    }

    private static func make(_ subject: String) throws(SyscallError) -> OwnedDescriptor {
        let type = Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        return OwnedDescriptor(adopting: try SyscallError.checkErrno(socket(AF_UNIX, type, 0), "socket", subject))
    }
}

extension OwnedDescriptor {
    /// Takes a datagram of at most `limit` bytes that is there already; nil where there is none: recv(2).
    ///
    /// Descriptors that come with it are closed.
    package borrowing func receiveDatagram(limit: Int) throws(SyscallError) -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: limit)
        let count = recv(rawValue, &buffer, buffer.count, Int32(MSG_DONTWAIT))
        if count < 0, [EAGAIN, EINTR].contains(Glibc.errno) { return nil }
        guard count >= 0 else { throw SyscallError(call: "recv", subject: "socket", errno: .current) }
        return Array(buffer[..<count])
    }
}
