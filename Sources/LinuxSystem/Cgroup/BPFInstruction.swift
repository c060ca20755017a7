import CLinux
import Glibc

/// One instruction of the kernel's virtual machine: bpf(2), eight bytes.
package struct BPFInstruction: Hashable, Sendable, CustomStringConvertible {
    private let code: UInt8
    private let target: UInt8
    private let source: UInt8
    private let offset: Int16
    private let value: Int32
    /// The instruction for people.
    package let description: String

    /// Loads a 32-bit word.
    package static func loadWord(_ target: UInt8, from source: UInt8, offset: Int16) -> BPFInstruction {
        .init(code: 0x61, target, source, offset, 0, "r\(target) = u32 [r\(source) + \(offset)]")
    }

    /// Copies a register.
    package static func move(_ target: UInt8, from source: UInt8) -> BPFInstruction {
        .init(code: 0xbc, target, source, 0, 0, "w\(target) = w\(source)")
    }

    /// Sets a register.
    package static func set(_ target: UInt8, _ value: Int32) -> BPFInstruction {
        .init(code: 0xb4, target, 0, 0, value, "w\(target) = \(value)")
    }

    /// Clears the bits that `mask` lacks.
    package static func and(_ target: UInt8, _ mask: Int32) -> BPFInstruction {
        .init(code: 0x54, target, 0, 0, mask, "w\(target) &= \(mask)")
    }

    /// Shifts to the right, filling with zeros.
    package static func shiftRight(_ target: UInt8, _ count: Int32) -> BPFInstruction {
        .init(code: 0x74, target, 0, 0, count, "w\(target) >>= \(count)")
    }

    /// Passes over some instructions when a register has a value: 32 bits, Linux 5.1.
    package static func jumpIfEqual(_ target: UInt8, _ value: Int32, over count: Int16) -> BPFInstruction {
        .init(code: 0x16, target, 0, count, value, "if w\(target) == \(value) skip \(count)")
    }

    /// Passes over some instructions unless a register has a value: 32 bits, Linux 5.1.
    package static func jumpUnlessEqual(_ target: UInt8, _ value: Int32, over count: Int16) -> BPFInstruction {
        .init(code: 0x56, target, 0, count, value, "if w\(target) != \(value) skip \(count)")
    }

    /// Ends the program with register 0 as its answer.
    package static let exit = BPFInstruction(code: 0x95, 0, 0, 0, 0, "exit")

    private init(code: UInt8, _ target: UInt8, _ source: UInt8, _ offset: Int16, _ value: Int32, _ text: String) {
        (self.code, self.target, self.source) = (code, target, source)
        (self.offset, self.value, description) = (offset, value, text)
    }

    /// The instruction as the kernel reads it, on a little-endian machine.
    private var word: UInt64 {
        UInt64(code) | UInt64(target | source << 4) << 8 | UInt64(UInt16(bitPattern: offset)) << 16
            | UInt64(UInt32(bitPattern: value)) << 32
    }

    /// Loads a device program: bpf(2), Linux 4.15.
    ///
    /// Takes `CAP_BPF` and `CAP_NET_ADMIN`, or `CAP_SYS_ADMIN`.
    package static func loadDeviceProgram(_ program: [BPFInstruction]) throws(SyscallError) -> OwnedDescriptor {
        let words = program.map(\.word)
        let loaded = words.withUnsafeBytes { words in
            "".withCString { license in
                // union bpf_attr: prog_type and insn_cnt, insns, license
                var attributes: [UInt64] = [
                    deviceProgramType | UInt64(program.count) << 32, UInt64(UInt(bitPattern: words.baseAddress)),
                    UInt64(UInt(bitPattern: license)), 0, 0, 0,
                ]
                return call(programLoad, &attributes)
            }
        }
        return OwnedDescriptor(
            adopting: try SyscallError.check(CInt(loaded), "bpf(BPF_PROG_LOAD)", "device rules")
        )
    }

    /// Attaches a loaded device program to a cgroup v2 directory: bpf(2), Linux 4.15.
    ///
    /// Groups above keep their say.
    package static func attachDeviceProgram(
        _ descriptor: borrowing OwnedDescriptor,
        to group: Int32
    ) throws(SyscallError) {
        // target_fd and attach_bpf_fd, attach_type and attach_flags
        var attributes: [UInt64] = [
            UInt64(UInt32(group)) | UInt64(UInt32(descriptor.rawValue)) << 32,
            deviceAttachType | allowMultiple << 32,
        ]
        _ = try SyscallError.check(CInt(call(programAttach, &attributes)), "bpf(BPF_PROG_ATTACH)", "device rules")
    }

    private static func call(_ command: UInt64, _ attributes: inout [UInt64]) -> Int64 {
        attributes.withUnsafeMutableBytes {
            clinux_syscall(
                Int64(SYS_bpf),
                command,
                UInt64(UInt(bitPattern: $0.baseAddress)),
                UInt64($0.count),
                0,
                0,
                0
            )
        }
    }
}

/// `BPF_PROG_LOAD`.
private let programLoad: UInt64 = 5
/// `BPF_PROG_ATTACH`.
private let programAttach: UInt64 = 8
/// `BPF_PROG_TYPE_CGROUP_DEVICE`.
private let deviceProgramType: UInt64 = 15
/// `BPF_CGROUP_DEVICE`.
private let deviceAttachType: UInt64 = 6
/// `BPF_F_ALLOW_MULTI`.
private let allowMultiple: UInt64 = 2
