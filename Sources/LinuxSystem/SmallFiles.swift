import Glibc

/// Writes a value to an existing file in one write(2), as the kernel's control files want it.
package func writeFile(_ path: String, _ value: String) throws(SyscallError) {
    let file = OwnedDescriptor(
        adopting: try SyscallError.checkErrno(open(path, O_WRONLY | O_CLOEXEC), "open", path)
    )
    var value = value
    let count = value.withUTF8 { write(file.rawValue, $0.baseAddress, $0.count) }
    guard count == value.utf8.count else {
        throw SyscallError(call: "write", subject: path, errno: count < 0 ? .current : Errno(rawValue: EIO))
    }
}

/// Reads a whole file of the kernel's, at most `limit` bytes.
package func readFile(_ path: String, limit: Int = 1 << 20) throws(SyscallError) -> String {
    let file = try OwnedDescriptor.reading(path)
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while bytes.count < limit {
        let count = read(file.rawValue, &buffer, buffer.count)
        if count < 0 && Glibc.errno == EINTR { continue }
        guard count >= 0 else { throw SyscallError(call: "read", subject: path, errno: .current) }
        if count == 0 { return String(decoding: bytes, as: UTF8.self) }
        bytes += buffer[..<count]
    }
    throw SyscallError(call: "read", subject: path, errno: Errno(rawValue: EFBIG))
}
