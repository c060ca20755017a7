import CLinux
import Glibc

/// Reads a directory in batches: getdents64(2).
package struct DirectoryEntries: ~Copyable {
    /// One name in the directory; never "." or "..".
    package struct Entry {
        /// The name and a zero byte.
        package var name: [CChar]
        /// Whether the filesystem says that it is a directory; nil when it doesn't say.
        package var isDirectory: Bool?

        /// The name for people.
        package var text: String { name.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? "" } }
    }

    private let buffer: UnsafeMutableRawBufferPointer

    /// A reader with a buffer of 32 KiB, as readdir(3) has one.
    package init() { buffer = .allocate(byteCount: 32768, alignment: 8) }

    deinit { buffer.deallocate() }

    /// The next entries of an open directory; empty at its end.
    package borrowing func next(_ directory: borrowing OwnedDescriptor) throws(SyscallError) -> [Entry] {
        while true {
            let count = clinux_syscall(
                Int64(SYS_getdents64),
                UInt64(directory.rawValue),
                UInt64(UInt(bitPattern: buffer.baseAddress)),
                UInt64(buffer.count),
                0,
                0,
                0
            )
            let bytes = try SyscallError.check(CInt(count), "getdents64", "descriptor \(directory.rawValue)")
            guard bytes > 0 else { return [] }
            let entries = parse(Int(bytes))
            if !entries.isEmpty { return entries }
        }
    }

    // A record: 8 bytes inode, 8 bytes offset, 2 bytes length, 1 byte type, the name and its zero byte.
    private borrowing func parse(_ count: Int) -> [Entry] {
        var entries: [Entry] = []
        var offset = 0
        while offset + 19 < count {
            let length = Int(buffer.loadUnaligned(fromByteOffset: offset + 16, as: UInt16.self))
            let type = buffer[offset + 18]
            let bytes = buffer[(offset + 19)..<(offset + length)]
            offset += length
            let name = bytes.prefix { $0 != 0 }
            if name.elementsEqual([0x2e]) || name.elementsEqual([0x2e, 0x2e]) { continue }
            entries.append(
                Entry(
                    name: name.map { CChar(bitPattern: $0) } + [0],
                    isDirectory: type == UInt8(DT_UNKNOWN) ? nil : type == UInt8(DT_DIR)
                )
            )
        }
        return entries
    }
}
