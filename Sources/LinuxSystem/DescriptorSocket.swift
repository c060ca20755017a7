import Glibc

/// A pair of sockets over which a launched process hands out one descriptor, as the master of a terminal it made.
///
/// Lend `sending` to the launch, then `receive`.
package struct DescriptorSocket: ~Copyable, Sendable {
    private let receiving: OwnedDescriptor
    private let sender: OwnedDescriptor

    /// Makes the pair: socketpair(2), close-on-exec.
    package static func make() throws(SyscallError) -> DescriptorSocket {
        var ends: [Int32] = [-1, -1]
        let type = Int32(SOCK_SEQPACKET.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        _ = try SyscallError.checkErrno(socketpair(AF_UNIX, type, 0, &ends), "socketpair", "AF_UNIX")
        let near = OwnedDescriptor(adopting: ends[0])
        let far = OwnedDescriptor(adopting: ends[1])
        // Descriptor 0 is what the launch makes the sent one on its way, so the socket may not be that.
        return DescriptorSocket(receiving: near, sender: try far.duplicate())
    }

    private init(receiving: consuming OwnedDescriptor, sender: consuming OwnedDescriptor) {
        self.receiving = receiving
        self.sender = sender
    }

    /// The end that is lent to a launch.
    package var sending: Int32 { sender.rawValue }

    /// Takes the descriptor, which is close-on-exec: recvmsg(2) with `SCM_RIGHTS`.
    ///
    /// Call it when the launch has succeeded; it does not wait.
    package borrowing func receive() throws(SyscallError) -> OwnedDescriptor { try receiving.receiveDescriptor() }
}

extension OwnedDescriptor {
    /// Takes the one descriptor that a message on a socket carries, close-on-exec; it does not wait: recvmsg(2).
    package borrowing func receiveDescriptor() throws(SyscallError) -> OwnedDescriptor {
        var byte: UInt8 = 0
        // struct cmsghdr and one descriptor, as 64-bit words for its alignment
        var control: (UInt64, UInt64, UInt64) = (0, 0, 0)
        let controlSize = MemoryLayout.size(ofValue: control)
        let count = withUnsafeMutablePointer(to: &byte) { byte in
            withUnsafeMutablePointer(to: &control) { control in
                var vector = iovec(iov_base: byte, iov_len: 1)
                return withUnsafeMutablePointer(to: &vector) { vector in
                    var message = msghdr()
                    (message.msg_iov, message.msg_iovlen) = (vector, 1)
                    (message.msg_control, message.msg_controllen) = (UnsafeMutableRawPointer(control), controlSize)
                    return recvmsg(
                        rawValue,
                        &message,
                        Int32(MSG_DONTWAIT) | Int32(MSG_CMSG_CLOEXEC)
                    )
                }
            }
        }
        guard count == 1 else {
            throw SyscallError(
                call: "recvmsg",
                subject: "descriptor",
                errno: count < 0 ? .current : Errno(rawValue: EIO)
            )
        }
        // Length 20, level SOL_SOCKET, type SCM_RIGHTS, descriptor.
        guard control.0 == 20, control.1 == UInt64(UInt32(SOL_SOCKET)) | 1 << 32 else {
            throw SyscallError(call: "recvmsg", subject: "descriptor", errno: Errno(rawValue: EBADMSG))
        }
        return OwnedDescriptor(adopting: Int32(truncatingIfNeeded: control.2))
    }
}
