import CLinux
import Glibc

extension DetachedMount {
    /// Makes a filesystem whose options are too long for fsconfig(2), a page at most: mount(2).
    ///
    /// Paths in the options are relative to `directory`. For a moment it is attached at `path`, a directory of the
    /// caller's own.
    package static func mounted(
        _ type: String,
        options: String,
        relativeTo directory: String,
        at path: String
    ) throws(SyscallError) -> DetachedMount {
        guard options.utf8.count < 4096 else {
            throw SyscallError(
                call: "mount",
                subject: "\(type) with \(options.utf8.count) bytes",
                errno: Errno(rawValue: E2BIG)
            )
        }
        let mounting = Mounting(type: type, options: options, directory: directory, path: path)
        var thread = pthread_t()
        let created = pthread_create(
            &thread,
            nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<Mounting>.fromOpaque(argument).takeUnretainedValue().run()
                return nil
            },
            Unmanaged.passUnretained(mounting).toOpaque()
        )
        _ = try SyscallError.check(-created, "pthread_create", path)
        _ = try SyscallError.check(-pthread_join(thread, nil), "pthread_join", path)
        _ = try SyscallError.check(mounting.result, mounting.call, path)
        defer { umount2(path, CInt(MNT_DETACH)) }
        return try copy(of: path, recursive: false, attributes: [])
    }
}

/// One mount(2) by a thread with a working directory of its own; it writes the fields, and joining it comes before they
/// are read.
private final class Mounting {
    let type: String
    let options: String
    let directory: String
    let path: String
    var call = ""
    /// 0 or a negated errno.
    var result: CInt = 0

    init(type: String, options: String, directory: String, path: String) {
        (self.type, self.options, self.directory, self.path) = (type, options, directory, path)
    }

    func run() {
        call = "unshare(CLONE_FS)"
        result = CInt(clinux_syscall(Int64(SYS_unshare), UInt64(CLONE_FS), 0, 0, 0, 0, 0))
        guard result == 0 else { return }
        call = "chdir"
        if chdir(directory) == 0 {
            call = "mount"
            if mount(type, path, type, 0, options) == 0 { return }
        }
        result = -Glibc.errno
    }
}
