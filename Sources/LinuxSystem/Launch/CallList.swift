import CLinux
import Glibc

/// One argument of a system call in a list that is not yet at its final address.
enum CallArgument {
    case number(UInt64)
    /// The value of a slot when the call runs.
    case slot(Int)
    /// An offset in the arena; becomes an address.
    case address(Int)

    static func flags<T: BinaryInteger>(_ value: T) -> CallArgument { .number(UInt64(truncatingIfNeeded: value)) }
    static let currentDirectory = CallArgument.number(UInt64(bitPattern: Int64(AT_FDCWD)))
    static let null = CallArgument.number(0)
}

/// A list of system calls and the memory they point to: the flat form of a launch plan.
///
/// Strings and structures live in one arena; addresses are offsets until `withUnsafeLaunch` lays everything out.
struct CallList {
    private(set) var calls: [clinux_call] = []
    private(set) var arena: [UInt8] = []
    private(set) var slotCount: Int
    /// Arguments that hold arena offsets, by call and position.
    private var addressArguments: [(call: Int, argument: Int)] = []
    /// Places in the arena that hold arena offsets.
    private var addressWords: [Int] = []
    /// The offset of every C string already there.
    private var strings: [String: Int] = [:]

    init(slotCount: Int) { self.slotCount = slotCount }

    /// A slot of the encoder's own.
    mutating func scratchSlot() -> Int {
        slotCount += 1
        return slotCount - 1
    }

    /// Whether a string holds a NUL, where the kernel would see it end.
    private(set) var hasBrokenString = false

    /// A zero-terminated copy of a string.
    mutating func string(_ text: String) -> CallArgument { .address(stringOffset(text)) }

    private mutating func stringOffset(_ text: String) -> Int {
        if let offset = strings[text] { return offset }
        let offset = arena.count
        hasBrokenString = hasBrokenString || text.utf8.contains(0)
        arena.append(contentsOf: text.utf8)
        arena.append(0)
        strings[text] = offset
        return offset
    }

    /// A copy of raw bytes, aligned for any structure.
    mutating func bytes(_ bytes: some Sequence<UInt8>) -> CallArgument {
        align()
        let offset = arena.count
        arena.append(contentsOf: bytes)
        return .address(offset)
    }

    /// A copy of 64-bit words.
    mutating func words(_ words: [UInt64]) -> CallArgument {
        bytes(words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } })
    }

    /// A copy of 32-bit words.
    mutating func halfWords(_ words: [UInt32]) -> CallArgument {
        bytes(words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } })
    }

    /// A null-terminated array of strings, as argv and envp are.
    mutating func stringArray(_ texts: [String]) -> CallArgument {
        let offsets = texts.map { stringOffset($0) }
        guard case .address(let start) = words(offsets.map { UInt64($0) } + [0]) else { return .null }
        for index in offsets.indices { addressWords.append(start + 8 * index) }
        return .address(start)
    }

    /// A structure of one 16-bit count and an address: `struct sock_fprog`.
    mutating func filterProgram(_ instructions: [UInt8]) -> CallArgument {
        guard case .address(let code) = bytes(instructions),
            case .address(let program) = words([UInt64(instructions.count / 8), UInt64(code)])
        else { return .null }
        addressWords.append(program + 8)
        return .address(program)
    }

    /// Says that the word at a place of the arena holds an offset in it.
    mutating func markAddress(at place: Int) { addressWords.append(place) }

    private mutating func align() {
        while arena.count % 8 != 0 { arena.append(0) }
    }

    /// How a call's answer is taken.
    struct Outcome {
        /// The slot that receives the result.
        var into: Int?
        /// Answers after which the list goes on; at most two.
        var ignoring: [CInt] = []
        var ignoringAll = false
        /// The call is a clone3(2), and what follows is for the new process.
        var forks = false
        /// Anything else is an error.
        var exactly: Int32?
        /// How many calls to pass over after an ignored error, or after success.
        var skipOnError: Int32 = 0
        var skipOnSuccess: Int32 = 0
    }

    /// Appends a call.
    mutating func call(_ number: Int32, _ arguments: [CallArgument], _ outcome: Outcome = Outcome()) {
        var call = clinux_call()
        call.number = Int64(number)
        call.result = Int16(outcome.into ?? -1)
        call.ignored.0 = UInt8(outcome.ignoring.first ?? 0)
        call.ignored.1 = UInt8(outcome.ignoring.dropFirst().first ?? 0)
        if outcome.forks { call.flags |= UInt16(CLINUX_CALL_FORK) }
        if outcome.ignoringAll { call.flags |= UInt16(CLINUX_CALL_IGNORE_ALL) }
        if let exact = outcome.exactly {
            call.flags |= UInt16(CLINUX_CALL_EXACT)
            call.expected = exact
        }
        if outcome.skipOnError > 0 { call.flags |= UInt16(CLINUX_CALL_SKIP_ON_ERROR) }
        if outcome.skipOnSuccess > 0 { call.flags |= UInt16(CLINUX_CALL_SKIP_ON_SUCCESS) }
        call.skip = outcome.skipOnError + outcome.skipOnSuccess
        withUnsafeMutableBytes(of: &call.argument) { raw in
            let target = raw.bindMemory(to: UInt64.self)
            for (index, argument) in arguments.enumerated() {
                switch argument {
                case .number(let value): target[index] = value
                case .slot(let slot): target[index] = UInt64(slot)
                case .address(let offset): target[index] = UInt64(offset)
                }
            }
        }
        for (index, argument) in arguments.enumerated() {
            switch argument {
            case .number: break
            case .slot: call.kinds |= UInt16(CLINUX_SLOT) << (2 * UInt16(index))
            case .address: addressArguments.append((calls.count, index))
            }
        }
        calls.append(call)
    }

    /// Lays calls, slots and arena out in memory for the time of `body`.
    func withUnsafeLaunch<R>(
        slots initial: [Int: CInt],
        _ body: (UnsafePointer<clinux_call>, UnsafeMutablePointer<Int32>) -> R
    ) -> R {
        var memory = arena
        var calls = calls
        var slots = [Int32](repeating: -1, count: slotCount)
        for (index, descriptor) in initial { slots[index] = descriptor }
        return memory.withUnsafeMutableBytes { arena in
            let base = UInt64(UInt(bitPattern: arena.baseAddress))
            for place in addressWords {
                let offset = arena.loadUnaligned(fromByteOffset: place, as: UInt64.self)
                arena.storeBytes(of: base + offset, toByteOffset: place, as: UInt64.self)
            }
            for (call, argument) in addressArguments {
                withUnsafeMutableBytes(of: &calls[call].argument) { raw in
                    raw.bindMemory(to: UInt64.self)[argument] += base
                }
            }
            return calls.withUnsafeBufferPointer { calls in
                slots.withUnsafeMutableBufferPointer { slots in
                    guard let firstCall = calls.baseAddress, let firstSlot = slots.baseAddress else {
                        preconditionFailure("a launch plan has at least one step and one slot")
                    }
                    return body(firstCall, firstSlot)
                }
            }
        }
    }
}
