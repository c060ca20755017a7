import CLinux
import Glibc

/// One instruction of the kernel's virtual machine: bpf(2), eight bytes.
package struct BPFInstruction: Hashable, Sendable, CustomStringConvertible {
    /// What an instruction does; class, operation and mode of its code.
    private enum Operation: UInt8 {
        case loadWord = 0x61
        case move = 0xbc
        case set = 0xb4
        case and = 0x54
        case or = 0x4c
        case shiftLeft = 0x64
        case shiftRight = 0x74
        case jumpIfEqual = 0x16
        case jumpUnlessEqual = 0x56
        case exit = 0x95
    }

    private let operation: Operation
    private let target: UInt8
    private let source: UInt8
    private let offset: Int16
    private let value: Int32

    /// Loads a 32-bit word.
    package static func loadWord(_ target: UInt8, from source: UInt8, offset: Int16) -> BPFInstruction {
        .init(.loadWord, target, source, offset, 0)
    }

    /// Copies a register: 32 bits, as all that follow.
    package static func move(_ target: UInt8, from source: UInt8) -> BPFInstruction {
        .init(.move, target, source, 0, 0)
    }

    /// Sets a register.
    package static func set(_ target: UInt8, _ value: Int32) -> BPFInstruction { .init(.set, target, 0, 0, value) }

    /// Clears the bits that `mask` lacks.
    package static func and(_ target: UInt8, _ mask: Int32) -> BPFInstruction { .init(.and, target, 0, 0, mask) }

    /// Sets the bits that another register has.
    package static func or(_ target: UInt8, from source: UInt8) -> BPFInstruction { .init(.or, target, source, 0, 0) }

    /// Shifts to the left.
    package static func shiftLeft(_ target: UInt8, _ count: Int32) -> BPFInstruction {
        .init(.shiftLeft, target, 0, 0, count)
    }

    /// Shifts to the right, filling with zeros.
    package static func shiftRight(_ target: UInt8, _ count: Int32) -> BPFInstruction {
        .init(.shiftRight, target, 0, 0, count)
    }

    /// Passes over some instructions when a register has a value: Linux 5.1.
    package static func jumpIfEqual(_ target: UInt8, _ value: Int32, over count: Int16) -> BPFInstruction {
        .init(.jumpIfEqual, target, 0, count, value)
    }

    /// Passes over some instructions unless a register has a value: Linux 5.1.
    package static func jumpUnlessEqual(_ target: UInt8, _ value: Int32, over count: Int16) -> BPFInstruction {
        .init(.jumpUnlessEqual, target, 0, count, value)
    }

    /// Ends the program with register 0 as its answer.
    package static let exit = BPFInstruction(.exit, 0, 0, 0, 0)

    private init(_ operation: Operation, _ target: UInt8, _ source: UInt8, _ offset: Int16, _ value: Int32) {
        (self.operation, self.target, self.source) = (operation, target, source)
        (self.offset, self.value) = (offset, value)
    }

    /// The instruction for people.
    package var description: String {
        switch operation {
        case .loadWord: "r\(target) = u32 [r\(source) + \(offset)]"
        case .move: "w\(target) = w\(source)"
        case .set: "w\(target) = \(value)"
        case .and: "w\(target) &= \(value)"
        case .or: "w\(target) |= w\(source)"
        case .shiftLeft: "w\(target) <<= \(value)"
        case .shiftRight: "w\(target) >>= \(value)"
        case .jumpIfEqual: "if w\(target) == \(value) skip \(offset)"
        case .jumpUnlessEqual: "if w\(target) != \(value) skip \(offset)"
        case .exit: "exit"
        }
    }

    /// The instruction as the kernel reads it, on a little-endian machine.
    private var word: UInt64 {
        UInt64(operation.rawValue) | UInt64(target | source << 4) << 8 | UInt64(UInt16(bitPattern: offset)) << 16
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
