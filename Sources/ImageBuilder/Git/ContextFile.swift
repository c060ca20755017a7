import Glibc
package import LinuxSystem

/// Reads files of contexts that others wrote: a Dockerfile, its list of what is left out.
package enum ContextFile {
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
