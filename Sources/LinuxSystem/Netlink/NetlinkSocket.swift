import CLinux
import Glibc

/// What a netlink session needs from the outside: datagrams out and in.
package protocol NetlinkTransport: ~Copyable {
    /// Sends one datagram whole.
    mutating func send(_ bytes: [UInt8]) throws(SyscallError)
    /// Waits for one datagram; fails with EAGAIN when the deadline passes.
    mutating func receive() throws(SyscallError) -> [UInt8]
}

/// The kernel's netlink protocols that Roost speaks.
package enum NetlinkProtocol: CInt, Sendable {
    /// NETLINK_ROUTE, rtnetlink(7): links, addresses, routes.
    case route = 0
    /// NETLINK_NETFILTER: nf_tables.
    case netfilter = 12
}

/// A netlink socket; it keeps to the network namespace in which the calling thread opened it, wherever it is used.
package struct NetlinkSocket: ~Copyable, NetlinkTransport {
    private let descriptor: OwnedDescriptor
    private var sendLimit = 100 << 10

    /// Opens a socket in the calling thread's network namespace; `timeoutMilliseconds` bounds every wait.
    ///
    /// netlink(7); extended acknowledgements need Linux 4.12.
    package init(_ netlinkProtocol: NetlinkProtocol, timeoutMilliseconds: Int = 5000) throws(SyscallError) {
        descriptor = try Self.opened(netlinkProtocol, timeoutMilliseconds: timeoutMilliseconds)
    }

    private static func opened(
        _ netlinkProtocol: NetlinkProtocol,
        timeoutMilliseconds: Int
    ) throws(SyscallError) -> OwnedDescriptor {
        let raw = socket(AF_NETLINK, CInt(SOCK_RAW.rawValue | SOCK_CLOEXEC.rawValue), netlinkProtocol.rawValue)
        let descriptor = OwnedDescriptor(adopting: try SyscallError.checkErrno(raw, "socket(2)", "netlink"))
        for option in [extendedAcknowledge, cappedAcknowledge] {
            try setOption(raw, netlinkLevel, option, CInt(1))
        }
        let timeout = timeval(tv_sec: timeoutMilliseconds / 1000, tv_usec: timeoutMilliseconds % 1000 * 1000)
        try setOption(raw, SOL_SOCKET, SO_RCVTIMEO, timeout)
        return descriptor
    }

    /// Sends one datagram whole, with a larger send buffer where it needs one.
    package mutating func send(_ bytes: [UInt8]) throws(SyscallError) {
        let raw = descriptor.rawValue
        if bytes.count > sendLimit {
            sendLimit = bytes.count * 2
            do {
                try Self.setOption(raw, SOL_SOCKET, SO_SNDBUFFORCE, CInt(sendLimit))
            } catch {
                // Refused in a user namespace; the sysctl net.core.wmem_max then sets the limit.
                try Self.setOption(raw, SOL_SOCKET, SO_SNDBUF, CInt(sendLimit))
            }
        }
        _ = try Self.retryingInterrupted("send(2)") { Glibc.send(raw, bytes, bytes.count, 0) }
    }

    /// Waits for one datagram.
    package mutating func receive() throws(SyscallError) -> [UInt8] {
        // Dumps come in datagrams of at most 32 KiB to a reader that offers as much; acknowledgements are short.
        let capacity = 32 << 10
        let raw = descriptor.rawValue
        var outcome: Result<Int, SyscallError> = .success(0)
        let datagram = [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
            outcome = Result { () throws(SyscallError) in
                try Self.retryingInterrupted("recv(2)") { recv(raw, buffer.baseAddress, capacity, CInt(MSG_TRUNC)) }
            }
            if case .success(let length) = outcome { count = min(length, capacity) }
        }
        guard try outcome.get() <= capacity else {
            throw SyscallError(call: "recv(2)", subject: "netlink", errno: Errno(rawValue: EMSGSIZE))
        }
        return datagram
    }

    // NETLINK_EXT_ACK, NETLINK_CAP_ACK and SOL_NETLINK are macros of <linux/netlink.h>.
    private static let netlinkLevel: CInt = 270
    private static let extendedAcknowledge: CInt = 11
    private static let cappedAcknowledge: CInt = 10

    private static func setOption<Value>(
        _ descriptor: CInt,
        _ level: CInt,
        _ name: CInt,
        _ value: Value
    ) throws(SyscallError) {
        let result = withUnsafePointer(to: value) {
            setsockopt(descriptor, level, name, $0, socklen_t(MemoryLayout<Value>.size))
        }
        _ = try SyscallError.checkErrno(result, "setsockopt(2)", "netlink")
    }

    private static func retryingInterrupted(_ call: String, _ body: () -> Int) throws(SyscallError) -> Int {
        while true {
            let result = body()
            guard result == -1 else { return result }
            let reason = Errno.current
            guard reason.rawValue == EINTR else { throw SyscallError(call: call, subject: "netlink", errno: reason) }
        }
    }
}
