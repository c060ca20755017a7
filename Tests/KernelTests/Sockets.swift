import Glibc
import LinuxSystem

/// A TCP listener in a namespace, which tells each client its own name and the address it saw.
final class Listener {
    private let namespace: NetworkNamespace
    private let socket: CInt

    init(in namespace: NetworkNamespace, _ address: IPAddress, port: UInt16) throws {
        self.namespace = namespace
        socket = try namespace.run {
            let socket = try makeSocket(address.family, SOCK_STREAM)
            try address.withSocketAddress(port: port) { try check(bind(socket, $0, $1), "bind(2)") }
            try check(listen(socket, 16), "listen(2)")
            return socket
        }
    }

    deinit { close(socket) }

    /// Connects from `client` to the given address and returns the source address that arrived here.
    func sourceSeen(from client: NetworkNamespace, connecting address: IPAddress, _ port: UInt16) throws -> IPAddress {
        let connection = try Connection(from: client, to: address, port)
        return try withExtendedLifetime(connection) { try accept() }
    }

    /// Whether a connection waits to be accepted now.
    var hasConnection: Bool {
        var watched = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
        return poll(&watched, 1, 0) > 0
    }

    /// Takes the next connection; the caller owns the socket.
    func acceptSocket() throws -> CInt { try check(Glibc.accept(socket, nil, nil), "accept(2)") }

    /// Takes the next connection, which must come within two seconds, and returns where it came from.
    func accept() throws -> IPAddress {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let accepted = withUnsafeMutablePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.accept(socket, $0, &length) }
        }
        close(try check(accepted, "accept(2)"))
        let bytes = withUnsafeBytes(of: storage) { Array($0) }
        let isV4 = storage.ss_family == sa_family_t(AF_INET)
        guard let address = IPAddress(bytes: isV4 ? bytes[4..<8] : bytes[8..<24]) else {
            throw SyscallError(call: "accept(2)", subject: "test", errno: Errno(rawValue: EAFNOSUPPORT))
        }
        return address
    }
}

/// A TCP connection made from a namespace.
final class Connection {
    let socket: CInt

    init(
        from namespace: NetworkNamespace,
        to address: IPAddress,
        _ port: UInt16,
        timeoutMilliseconds: Int = 2000
    ) throws {
        socket = try namespace.run {
            let socket = try makeSocket(address.family, SOCK_STREAM, timeoutMilliseconds: timeoutMilliseconds)
            do {
                try address.withSocketAddress(port: port) { try check(connect(socket, $0, $1), "connect(2)") }
            } catch {
                close(socket)
                throw error
            }
            return socket
        }
    }

    deinit { close(socket) }
}

/// A socket whose waits end after two seconds (connect: with EINPROGRESS, accept: with EAGAIN).
func makeSocket(_ family: IPFamily, _ kind: __socket_type, timeoutMilliseconds: Int = 2000) throws -> CInt {
    let socket = try check(
        Glibc.socket(CInt(family.number), CInt(kind.rawValue | SOCK_CLOEXEC.rawValue), 0),
        "socket(2)"
    )
    var timeout = timeval(tv_sec: timeoutMilliseconds / 1000, tv_usec: timeoutMilliseconds % 1000 * 1000)
    for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
        try check(
            setsockopt(socket, SOL_SOCKET, option, &timeout, socklen_t(MemoryLayout<timeval>.size)),
            "setsockopt(2)"
        )
    }
    var on: CInt = 1
    try check(setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, 4), "setsockopt(2)")
    return socket
}

extension IPAddress {
    /// Lends the address as a C socket address.
    @discardableResult
    func withSocketAddress<Value>(
        port: UInt16,
        _ body: (UnsafePointer<sockaddr>, socklen_t) throws -> Value
    ) rethrows -> Value {
        // sockaddr_in: family, port, address; sockaddr_in6: family, port, flow label, address, scope.
        let portBytes = [UInt8(port >> 8), UInt8(truncatingIfNeeded: port)]
        let gap = [UInt8](repeating: 0, count: family == .v4 ? 0 : 4)
        let content = [family.number, 0] + portBytes + gap + bytes
        var storage = sockaddr_storage()
        withUnsafeMutableBytes(of: &storage) { $0.copyBytes(from: content) }
        let length = family == .v4 ? MemoryLayout<sockaddr_in>.size : MemoryLayout<sockaddr_in6>.size
        return try withUnsafePointer(to: storage) {
            try $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { try body($0, socklen_t(length)) }
        }
    }
}

/// A UDP socket in a namespace.
final class DatagramSocket {
    private let socket: CInt

    init(in namespace: NetworkNamespace, boundTo address: IPAddress, _ port: UInt16) throws {
        socket = try namespace.run {
            let socket = try makeSocket(address.family, SOCK_DGRAM)
            try address.withSocketAddress(port: port) { try check(bind(socket, $0, $1), "bind(2)") }
            return socket
        }
    }

    init(in namespace: NetworkNamespace, connectedTo address: IPAddress, _ port: UInt16) throws {
        socket = try namespace.run {
            let socket = try makeSocket(address.family, SOCK_DGRAM)
            try address.withSocketAddress(port: port) { try check(connect(socket, $0, $1), "connect(2)") }
            return socket
        }
    }

    deinit { close(socket) }

    func send(_ text: String) throws { try check(CInt(Glibc.send(socket, text, text.utf8.count, 0)), "send(2)") }

    func receive() throws -> String {
        var buffer = [UInt8](repeating: 0, count: 100)
        let count = try check(CInt(recv(socket, &buffer, buffer.count, 0)), "recv(2)")
        return String(decoding: buffer.prefix(Int(count)), as: UTF8.self)
    }

    func send(bytes: [UInt8]) throws { try check(CInt(Glibc.send(socket, bytes, bytes.count, 0)), "send(2)") }

    /// The next datagram, and the C socket address that it came from.
    func receiveBytes() throws -> (bytes: [UInt8], from: sockaddr_storage) {
        var storage = sockaddr_storage()
        var buffer = [UInt8](repeating: 0, count: 4096)
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let count = try withUnsafeMutablePointer(to: &storage) {
            try $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                try check(CInt(recvfrom(socket, &buffer, buffer.count, 0, $0, &length)), "recvfrom(2)")
            }
        }
        return (Array(buffer.prefix(Int(count))), storage)
    }

    /// Sends to a version 4 address from where a datagram came.
    func send(_ bytes: [UInt8], to address: sockaddr_storage) throws {
        try withUnsafePointer(to: address) {
            try $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                let length = socklen_t(MemoryLayout<sockaddr_in>.size)
                try check(CInt(sendto(socket, bytes, bytes.count, 0, $0, length)), "sendto(2)")
            }
        }
    }

    /// Sends the next datagram back to where it came from.
    func echo() throws {
        var storage = sockaddr_storage()
        var buffer = [UInt8](repeating: 0, count: 100)
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        try withUnsafeMutablePointer(to: &storage) {
            try $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                let count = try check(CInt(recvfrom(socket, &buffer, buffer.count, 0, $0, &length)), "recvfrom(2)")
                try check(CInt(sendto(socket, buffer, Int(count), 0, $0, length)), "sendto(2)")
            }
        }
    }
}
