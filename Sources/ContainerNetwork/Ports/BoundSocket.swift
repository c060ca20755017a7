import Glibc
import LinuxSystem

/// What a socket is bound to.
struct SocketEndpoint: Hashable, Sendable {
    var address: IPAddress
    var port: UInt16
    var transport: TransportProtocol
}

/// Sockets bound by hand, as some must be made in another network namespace or wait without listening.
enum BoundSocket {
    /// Makes a socket of the calling thread's namespace and binds it.
    ///
    /// Version 6 sockets take version 6 only. `reusing` lets it be bound over connections that are closing.
    static func make(_ endpoint: SocketEndpoint, reusing: Bool = false) throws(SyscallError) -> OwnedDescriptor {
        let family = endpoint.address.family
        let kind = endpoint.transport == .udp ? SOCK_DGRAM : SOCK_STREAM
        let subject = "\(endpoint.address) port \(endpoint.port)/\(endpoint.transport)"
        let raw = socket(
            CInt(family.number),
            CInt(kind.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue),
            CInt(endpoint.transport.rawValue)
        )
        let descriptor = OwnedDescriptor(adopting: try SyscallError.checkErrno(raw, "socket", subject))
        if family == .v6 { try setOption(raw, CInt(IPPROTO_IPV6), IPV6_V6ONLY, subject) }
        if reusing { try setOption(raw, SOL_SOCKET, SO_REUSEADDR, subject) }
        let bytes = socketAddress(endpoint)
        let result = bytes.withUnsafeBytes { buffer in
            guard let base = buffer.baseAddress else { return CInt(-1) }
            return bind(raw, base.assumingMemoryBound(to: sockaddr.self), socklen_t(buffer.count))
        }
        _ = try SyscallError.checkErrno(result, "bind", subject)
        return descriptor
    }

    /// The port that the kernel chose.
    static func port(of descriptor: borrowing OwnedDescriptor) throws(SyscallError) -> UInt16 {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let raw = descriptor.rawValue
        let result = withUnsafeMutablePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(raw, $0, &length) }
        }
        _ = try SyscallError.checkErrno(result, "getsockname", "socket")
        // The port follows the family in both versions, in network order.
        return withUnsafeBytes(of: storage) { UInt16($0[2]) << 8 | UInt16($0[3]) }
    }

    private static func setOption(
        _ raw: CInt,
        _ level: CInt,
        _ name: CInt,
        _ subject: String
    ) throws(SyscallError) {
        var on: CInt = 1
        _ = try SyscallError.checkErrno(setsockopt(raw, level, name, &on, 4), "setsockopt", subject)
    }

    /// sockaddr_in: family, port, address, padding; sockaddr_in6: family, port, flow, address, scope.
    private static func socketAddress(_ endpoint: SocketEndpoint) -> [UInt8] {
        let family = UInt16(endpoint.address.family.number)
        let head =
            withUnsafeBytes(of: family) { Array($0) } + [
                UInt8(endpoint.port >> 8), UInt8(truncatingIfNeeded: endpoint.port),
            ]
        switch endpoint.address {
        case .v4(let address): return head + address.bytes + [UInt8](repeating: 0, count: 8)
        case .v6(let address): return head + [0, 0, 0, 0] + address.bytes + [0, 0, 0, 0]
        }
    }
}
