import CLinux
import Glibc

/// The program between us and an image's own: a few hundred bytes of machine code in a sealed file without a name.
///
/// What an image finds at `/proc/self/exe`, or in the memory of a first process, is this file and never our own.
package enum LaunchHelper {
    /// Makes the file: memfd_create(2), executable and sealed against any change.
    package static func make() throws(SyscallError) -> OwnedDescriptor {
        let file = try memory()
        let code = clinux_init_code()
        // The code keeps its place in a page, in case the compiler has relied on it.
        let place = 0x1000 + (Int(bitPattern: code.start) & 0xfff)
        let size = Int(code.size)
        let header = header(machine: code.machine, size: place + size, entry: place + Int(code.entry))
        let written = header.withUnsafeBytes { pwrite(file.rawValue, $0.baseAddress, $0.count, 0) }
        guard written == header.count * 8, pwrite(file.rawValue, code.start, size, place) == size else {
            throw SyscallError(call: "pwrite", subject: name, errno: .current)
        }
        _ = try SyscallError.checkErrno(fcntl(file.rawValue, addSeals, allSeals), "fcntl(F_ADD_SEALS)", name)
        return file
    }

    private static let name = "roost-init"
    private static let address: UInt64 = 0x40_0000

    /// `MFD_EXEC` came with Linux 6.3; kernels before it make every such file executable.
    private static func memory() throws(SyscallError) -> OwnedDescriptor {
        let flags: UInt64 = 1 | 2  // MFD_CLOEXEC, MFD_ALLOW_SEALING
        let result = name.withCString { name -> Int64 in
            let name = UInt64(UInt(bitPattern: name))
            let result = clinux_syscall(Int64(SYS_memfd_create), name, flags | 0x10, 0, 0, 0, 0)
            return result == -Int64(EINVAL) ? clinux_syscall(Int64(SYS_memfd_create), name, flags, 0, 0, 0, 0) : result
        }
        return OwnedDescriptor(adopting: try SyscallError.check(CInt(result), "memfd_create", name))
    }

    /// An ELF header and two program headers as 64-bit words: elf(5).
    private static func header(machine: UInt16, size: Int, entry: Int) -> [UInt64] {
        [
            0x0001_0102_464c_457f, 0,  // \x7fELF, 64 bits, little-endian, version 1
            2 | UInt64(machine) << 16 | 1 << 32, address + UInt64(entry),  // ET_EXEC
            64, 0,  // where the program headers are; there are no sections
            64 << 32 | 56 << 48, 2,  // flags, sizes of a header, their count
            1 | 5 << 32, 0, address, address, UInt64(size), UInt64(size), 0x1000,  // PT_LOAD, readable and executable
            0x6474_e551 | 6 << 32, 0, 0, 0, 0, 0, 16,  // PT_GNU_STACK, not executable
        ]
    }
}

/// `F_ADD_SEALS`.
private let addSeals: CInt = 1033
/// `F_SEAL_SEAL`, `F_SEAL_SHRINK`, `F_SEAL_GROW`, `F_SEAL_WRITE`.
private let allSeals: CInt = 0xf
