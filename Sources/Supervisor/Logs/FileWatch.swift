import Glibc
package import LinuxSystem

/// News of changes in directories: inotify(7).
package struct FileWatch: ~Copyable {
    /// What happened.
    package struct Event: Hashable, Sendable {
        /// The watch it is about; -1 when events were lost, so that anything may have happened.
        package var watch: Int32
        /// Which file of the directory; empty when it is about the directory.
        package var name: String
    }

    private let file: OwnedDescriptor

    /// A watch of nothing.
    package init() throws(SyscallError) {
        file = OwnedDescriptor(
            adopting: try SyscallError.checkErrno(
                inotify_init1(CInt(O_CLOEXEC | O_NONBLOCK)),
                "inotify_init1",
                "(raise fs.inotify.max_user_instances when there are too many)"
            )
        )
    }

    /// To be polled; lent.
    package var descriptor: Int32 { file.rawValue }

    /// Watches the names in a directory; nil when the directory is not there.
    ///
    /// Returns the same number for a directory that is watched already.
    package borrowing func add(_ path: String, writes: Bool = false) throws(SyscallError) -> Int32? {
        let names = UInt32(IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF)
        let mask = names | UInt32(IN_ONLYDIR) | (writes ? UInt32(IN_MODIFY) : 0)
        let watch = inotify_add_watch(file.rawValue, path, mask)
        if watch < 0 && errno == ENOENT { return nil }
        return try SyscallError.checkErrno(
            watch,
            "inotify_add_watch",
            "\(path) (raise fs.inotify.max_user_watches when there are too many)"
        )
    }

    /// Waits for events, at most so many milliseconds; -1 for ever.
    ///
    /// Returns none when the time has passed or a signal came.
    package borrowing func events(timeoutMilliseconds: Int32 = -1) throws(SyscallError) -> [Event] {
        var request = pollfd(fd: file.rawValue, events: Int16(POLLIN), revents: 0)
        guard poll(&request, 1, timeoutMilliseconds) > 0 else { return [] }
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        let count = read(file.rawValue, &buffer, buffer.count)
        if count < 0 {
            if errno == EAGAIN || errno == EINTR { return [] }
            throw SyscallError(call: "read", subject: "inotify", errno: .current)
        }
        return buffer[..<count].withUnsafeBytes(Self.parse)
    }

    private static func parse(_ bytes: UnsafeRawBufferPointer) -> [Event] {
        var (result, place): ([Event], Int) = ([], 0)
        let header = MemoryLayout<inotify_event>.size
        while place + header <= bytes.count {
            let event = bytes.loadUnaligned(fromByteOffset: place, as: inotify_event.self)
            let name = bytes[(place + header)...].prefix(Int(event.len)).prefix { $0 != 0 }
            place += header + Int(event.len)
            let isOverflow = event.mask & UInt32(IN_Q_OVERFLOW) != 0
            let next = Event(
                watch: isOverflow ? -1 : event.wd,
                name: String(decoding: name, as: UTF8.self)
            )
            if result.last != next { result.append(next) }
        }
        return result
    }
}
