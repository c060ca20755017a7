import CLinux
import Glibc

/// What inode(7) keeps about one file.
package struct FileMetadata: Hashable, Sendable {
    /// The file's type.
    package enum Kind: Hashable, Sendable {
        case regular, directory, symbolicLink, characterDevice, blockDevice, fifo, socket
    }

    /// A point in time, since the epoch.
    package struct Timestamp: Hashable, Sendable, Codable {
        package var seconds: Int64
        package var nanoseconds: Int64

        /// A point in time by its parts.
        package init(seconds: Int64, nanoseconds: Int64) {
            self.seconds = seconds
            self.nanoseconds = nanoseconds
        }
    }

    package var kind: Kind
    /// The twelve permission bits, with set-user-ID, set-group-ID and sticky.
    package var permissions: UInt32
    package var owner: UInt32
    package var group: UInt32
    /// In bytes.
    package var size: Int64
    /// The device the file lies on.
    package var device: UInt64
    package var inode: UInt64
    /// How many names the file has.
    package var links: UInt64
    /// The device a device node stands for.
    package var deviceNumber: UInt64
    /// `st_mtim`.
    package var modified: Timestamp
    /// `st_ctim`.
    package var changed: Timestamp

    /// Metadata of an empty file that lies nowhere.
    package init(kind: Kind, permissions: UInt32, owner: UInt32 = 0, group: UInt32 = 0) {
        self.init(stat())
        self.kind = kind
        self.permissions = permissions
        self.owner = owner
        self.group = group
    }

    init(_ status: stat) {
        kind =
            switch status.st_mode & S_IFMT {
            case S_IFDIR: .directory
            case S_IFLNK: .symbolicLink
            case S_IFCHR: .characterDevice
            case S_IFBLK: .blockDevice
            case S_IFIFO: .fifo
            case S_IFSOCK: .socket
            default: .regular
            }
        permissions = UInt32(status.st_mode) & 0o7777
        owner = status.st_uid
        group = status.st_gid
        size = Int64(status.st_size)
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
        links = UInt64(status.st_nlink)
        deviceNumber = UInt64(status.st_rdev)
        modified = Timestamp(seconds: Int64(status.st_mtim.tv_sec), nanoseconds: Int64(status.st_mtim.tv_nsec))
        changed = Timestamp(seconds: Int64(status.st_ctim.tv_sec), nanoseconds: Int64(status.st_ctim.tv_nsec))
    }

    /// A whiteout of overlayfs: a character device 0/0.
    package var isWhiteout: Bool { kind == .characterDevice && deviceNumber == 0 }

    /// Asks about a path of the host, of the link itself when it is one; nil when there is nothing: lstat(2).
    package static func of(_ path: String) throws(SyscallError) -> FileMetadata? {
        var status = stat()
        guard lstat(path, &status) != 0 else { return FileMetadata(status) }
        let reason = Errno.current
        guard reason.rawValue == ENOENT || reason.rawValue == ENOTDIR else {
            throw SyscallError(call: "lstat", subject: path, errno: reason)
        }
        return nil
    }
}

extension OwnedDescriptor {
    /// Asks about the file itself: fstat(2).
    package borrowing func metadata() throws(SyscallError) -> FileMetadata {
        var status = stat()
        _ = try SyscallError.checkErrno(fstat(rawValue, &status), "fstat", "descriptor \(rawValue)")
        return FileMetadata(status)
    }

    /// Asks about an entry of this directory, following no link; nil when there is none: fstatat(2).
    ///
    /// `name` is one component that ends with a zero byte.
    package borrowing func metadata(ofEntry name: UnsafePointer<CChar>) throws(SyscallError) -> FileMetadata? {
        var status = stat()
        guard fstatat(rawValue, name, &status, AT_SYMLINK_NOFOLLOW) != 0 else { return FileMetadata(status) }
        let reason = Errno.current
        guard reason.rawValue == ENOENT else {
            throw SyscallError(call: "fstatat", subject: String(cString: name), errno: reason)
        }
        return nil
    }
}

extension OwnedDescriptor {
    /// Writes everything of this file's filesystem to the disk: syncfs(2).
    package borrowing func synchroniseFilesystem() throws(SyscallError) {
        let result = clinux_syscall(Int64(SYS_syncfs), UInt64(rawValue), 0, 0, 0, 0, 0)
        _ = try SyscallError.check(CInt(result), "syncfs", "descriptor \(rawValue)")
    }
}
