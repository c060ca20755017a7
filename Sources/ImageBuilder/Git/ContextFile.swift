import Glibc
package import LinuxSystem

/// Reads files of contexts that others wrote: a Dockerfile, its list of what is left out.
package enum ContextFile {
    /// Whether `name` is a file, and not a directory; nil when there is neither, or links lead out of `directory`.
    package static func isFile(_ name: String, beneath directory: String) throws(SyscallError) -> Bool? {
        let root = try OwnedDescriptor.directory(directory)
        // Whatever can't be opened is none that could be read.
        guard let found = try? root.openAt(path: name, O_RDONLY | O_NONBLOCK | O_NOCTTY, [.beneath, .noMagicLinks])
        else { return nil }
        switch try found.metadata().kind {
        case .regular: return true
        case .directory: return false
        default: return nil
        }
    }

    /// The bytes of a file beneath `directory`; links lead nowhere but into it.
    package static func read(
        _ name: String,
        beneath directory: String,
        limit: Int
    ) throws(SyscallError) -> [UInt8] {
        let root = try OwnedDescriptor.directory(directory)
        let file = try root.openAt(path: name, O_RDONLY | O_NONBLOCK | O_NOCTTY, [.beneath, .noMagicLinks])
        return try readBytes("/proc/self/fd/\(file.rawValue)", limit: limit)
    }
}
