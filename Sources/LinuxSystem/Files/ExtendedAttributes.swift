import CLinux
import Glibc

/// The extended attributes of open files: xattr(7).
package enum ExtendedAttributes {
    /// Sets one: fsetxattr(2).
    package static func set(
        _ name: String,
        _ value: UnsafeRawBufferPointer,
        of file: CInt
    ) throws(SyscallError) {
        let result = name.withCString { text in
            clinux_syscall(
                Int64(SYS_fsetxattr),
                UInt64(file),
                UInt64(UInt(bitPattern: text)),
                UInt64(UInt(bitPattern: value.baseAddress)),
                UInt64(value.count),
                0,
                0
            )
        }
        _ = try SyscallError.check(CInt(result), "fsetxattr", name)
    }

    /// Sets one to text: fsetxattr(2).
    package static func set(_ name: String, _ value: String, of file: CInt) throws(SyscallError) {
        try set(name, Array(value.utf8), of: file)
    }

    /// Sets one to bytes: fsetxattr(2).
    package static func set(_ name: String, _ value: [UInt8], of file: CInt) throws(SyscallError) {
        let result = value.withUnsafeBytes { value in
            Result { () throws(SyscallError) in try set(name, value, of: file) }
        }
        try result.get()
    }

    /// The names a file has: flistxattr(2); none where the filesystem knows no attributes.
    package static func names(of file: CInt) throws(SyscallError) -> [String] {
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = buffer.withUnsafeMutableBytes {
                clinux_syscall(
                    Int64(SYS_flistxattr),
                    UInt64(file),
                    UInt64(UInt(bitPattern: $0.baseAddress)),
                    UInt64($0.count),
                    0,
                    0,
                    0
                )
            }
            if count == -Int64(EOPNOTSUPP) { return [] }
            // XATTR_LIST_MAX is 64 KiB.
            if count == -Int64(ERANGE) && buffer.count < 65536 {
                buffer = [UInt8](repeating: 0, count: 65536)
                continue
            }
            let length = try SyscallError.check(CInt(count), "flistxattr", "descriptor \(file)")
            return buffer[..<Int(length)].split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
        }
    }

    /// The value of one: fgetxattr(2).
    package static func value(_ name: String, of file: CInt) throws(SyscallError) -> [UInt8] {
        // XATTR_SIZE_MAX
        var buffer = [UInt8](repeating: 0, count: 65536)
        let count = name.withCString { text in
            buffer.withUnsafeMutableBytes {
                clinux_syscall(
                    Int64(SYS_fgetxattr),
                    UInt64(file),
                    UInt64(UInt(bitPattern: text)),
                    UInt64(UInt(bitPattern: $0.baseAddress)),
                    UInt64($0.count),
                    0,
                    0
                )
            }
        }
        let length = try SyscallError.check(CInt(count), "fgetxattr", name)
        return Array(buffer[..<Int(length)])
    }
}
