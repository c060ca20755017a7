import CSeccomp
import Crypto
package import LinuxSystem
package import OCISpec

/// Compiled system call filters on disk: compiling a large one takes longer than starting a container.
///
/// A file is named by the digest of everything that it is compiled from, the version of libseccomp too, and replaced as a
/// whole. Its directory is root's alone, as the program in it is what holds containers.
package struct FilterCache: Hashable, Sendable {
    private let directory: String
    /// The kernel takes 4096 instructions of 8 bytes.
    private static let longest = 4096 * 8

    /// A cache in `directory`, which is made when something is put into it.
    package init(directory: String) { self.directory = directory }

    /// The compiled filter, from the cache or put into it now.
    ///
    /// A cache that can't be written spares nothing and harms nothing.
    package func program(_ spec: SeccompSpec) throws(ContainerError) -> SeccompProgram {
        let path = "\(directory)/\(Self.key(of: spec)).bpf"
        // A program ends with BPF_RET; what a loss of power has cut short or filled with zeros does not.
        if let bytes = try? readBytes(path, limit: Self.longest + 1), bytes.count >= 8, bytes.count % 8 == 0,
            bytes[bytes.count - 8] & 7 == 6
        {
            return SeccompProgram(instructions: bytes, flags: try SeccompProgram.flags(of: spec))
        }
        let program = try SeccompProgram(compiling: spec)
        do throws(SyscallError) {
            try makeDirectories(directory, mode: 0o700)
            try replaceFile(path, program.instructions)
        } catch { return program }
        return program
    }

    private static func key(of spec: SeccompSpec) -> String {
        var hash = SHA256()
        func add(_ text: String?) { hash.update(data: Array((text ?? "\u{1}").utf8) + [0]) }
        if let version = seccomp_version()?.pointee { add("\(version.major).\(version.minor).\(version.micro)") }
        for text in [spec.defaultAction, spec.defaultErrnoRet.map { "\($0)" }, spec.listenerPath] { add(text) }
        for list in [spec.architectures, spec.flags] { add((list ?? []).joined(separator: ",")) }
        for rule in spec.syscalls ?? [] {
            add(rule.names.joined(separator: ","))
            add(rule.action)
            add(rule.errnoRet.map { "\($0)" })
            for argument in rule.args ?? [] {
                add("\(argument.index) \(argument.op) \(argument.value) \(argument.valueTwo ?? 0)")
            }
            add("end of rule")
        }
        return hash.finalize().map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
