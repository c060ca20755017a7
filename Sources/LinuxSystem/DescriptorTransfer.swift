import CLinux
import Glibc

extension OwnedDescriptor {
    /// Sends bytes over a stream socket, and a descriptor with them: sendmsg(2) with `SCM_RIGHTS`.
    package borrowing func send(_ bytes: [UInt8], with descriptor: Int32) throws(SyscallError) {
        // struct cmsghdr and one descriptor: length 20, level SOL_SOCKET, type SCM_RIGHTS
        var control: (UInt64, UInt64, UInt64) = (
            20, UInt64(UInt32(SOL_SOCKET)) | 1 << 32, UInt64(UInt32(bitPattern: descriptor))
        )
        var content = bytes
        let size = MemoryLayout.size(ofValue: control)
        let count = content.withUnsafeMutableBytes { content in
            withUnsafeMutablePointer(to: &control) { control in
                var vector = iovec(iov_base: content.baseAddress, iov_len: content.count)
                return withUnsafeMutablePointer(to: &vector) { vector in
                    var message = msghdr()
                    (message.msg_iov, message.msg_iovlen) = (vector, 1)
                    (message.msg_control, message.msg_controllen) = (UnsafeMutableRawPointer(control), size)
                    return sendmsg(rawValue, &message, Int32(MSG_NOSIGNAL))
                }
            }
        }
        guard count > 0 else { throw SyscallError(call: "sendmsg", subject: "socket", errno: .current) }
        try writeAll(Array(bytes[count...]), subject: "socket")
    }
}

extension LaunchedProcess {
    /// A copy of the first descriptor of the process that its link in procfs has a text for: pidfd_getfd(2), Linux 5.6.
    ///
    /// Throws `EBADF` when there is none.
    package borrowing func descriptor(linkedTo text: String) throws(SyscallError) -> OwnedDescriptor {
        let directory = "/proc/\(pid)/fd"
        for name in namesInDirectory(directory).compactMap({ Int32($0) }).sorted() {
            var buffer = [CChar](repeating: 0, count: 256)
            let count = readlink("\(directory)/\(name)", &buffer, buffer.count)
            guard count == text.utf8.count,
                buffer[..<count].elementsEqual(text.utf8.map { CChar(bitPattern: $0) })
            else { continue }
            let call = Int64(SYS_pidfd_getfd)
            let result = clinux_syscall(call, UInt64(descriptor.rawValue), UInt64(name), 0, 0, 0, 0)
            return OwnedDescriptor(adopting: try SyscallError.check(CInt(result), "pidfd_getfd", "descriptor \(name)"))
        }
        throw SyscallError(call: "pidfd_getfd", subject: text, errno: Errno(rawValue: EBADF))
    }
}
