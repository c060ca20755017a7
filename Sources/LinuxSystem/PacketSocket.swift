import CLinux
import Glibc

/// A socket of a path over which descriptors travel, with a few bytes that say what they are: unix(7)
/// `SOCK_SEQPACKET`.
package enum PacketSocket {
    /// What came in one packet.
    package struct Packet: ~Copyable, Sendable {
        /// The bytes.
        package var text: String
        /// The descriptors; the receiver's.
        package var descriptors: [Int32]
    }

    private static let longest = 4096

    /// Listens at a path of at most 107 bytes; what has the name is removed.
    package static func listen(at path: String) throws(SyscallError) -> OwnedDescriptor {
        let socket = try make(path)
        unlink(path)
        let bound = try withAddress(path) { bind(socket.rawValue, $0, $1) }
        _ = try SyscallError.checkErrno(bound, "bind", path)
        _ = try SyscallError.checkErrno(chmod(path, 0o600), "chmod", path)
        _ = try SyscallError.checkErrno(Glibc.listen(socket.rawValue, 16), "listen", path)
        return socket
    }

    /// Connects to a path of at most 107 bytes.
    package static func connect(to path: String) throws(SyscallError) -> OwnedDescriptor {
        let socket = try make(path)
        let connected = try withAddress(path) { Glibc.connect(socket.rawValue, $0, $1) }
        _ = try SyscallError.checkErrno(connected, "connect", path)
        return socket
    }

    /// Takes the next connection.
    package static func accept(_ socket: Int32) throws(SyscallError) -> OwnedDescriptor {
        let result = clinux_syscall(Int64(SYS_accept4), UInt64(socket), 0, 0, UInt64(O_CLOEXEC), 0, 0)
        return OwnedDescriptor(adopting: try SyscallError.check(CInt(result), "accept4", "packet socket"))
    }

    /// Sends one packet with copies of at most 8 descriptors.
    package static func send(_ text: String, _ descriptors: [Int32], over socket: Int32) throws(SyscallError) {
        var text = text
        let result = text.withUTF8 { bytes in
            descriptors.withUnsafeBufferPointer { descriptors in
                // An empty buffer has no address, and nothing is read from it.
                var none: (UInt8, Int32) = (0, 0)
                return withUnsafePointer(to: &none.0) { noBytes in
                    withUnsafePointer(to: &none.1) { noDescriptors in
                        clinux_send_descriptors(
                            socket,
                            bytes.baseAddress ?? noBytes,
                            UInt32(bytes.count),
                            descriptors.baseAddress ?? noDescriptors,
                            UInt32(descriptors.count)
                        )
                    }
                }
            }
        }
        _ = try SyscallError.check(result, "sendmsg", "packet socket")
    }

    /// Receives one packet; nil when the other side is gone.
    package static func receive(from socket: Int32) throws(SyscallError) -> Packet? {
        var bytes = [UInt8](repeating: 0, count: longest)
        var descriptors = [Int32](repeating: -1, count: 8)
        var count = UInt32(descriptors.count)
        let result = clinux_receive_descriptors(socket, &bytes, UInt32(bytes.count), &descriptors, &count)
        let received = try SyscallError.check(CInt(result), "recvmsg", "packet socket")
        guard received > 0 || count > 0 else { return nil }
        return Packet(
            text: String(decoding: bytes[..<Int(received)], as: UTF8.self),
            descriptors: Array(descriptors[..<Int(count)])
        )
    }

    private static func make(_ path: String) throws(SyscallError) -> OwnedDescriptor {
        let type = Int32(SOCK_SEQPACKET.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        return OwnedDescriptor(adopting: try SyscallError.checkErrno(socket(AF_UNIX, type, 0), "socket", path))
    }
}

/// Lends the address of a socket of a path: unix(7); at most 107 bytes.
func withAddress(
    _ path: String,
    _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
) throws(SyscallError) -> Int32 {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    guard path.utf8.count < MemoryLayout.size(ofValue: address.sun_path) else {
        throw SyscallError(call: "bind", subject: path, errno: Errno(rawValue: ENAMETOOLONG))
    }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    return withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
    }
}
