/// A new mode for files: octal digits, or changes as chmod(1) has them.
package enum ModeChange: Hashable, Sendable, CustomStringConvertible {
    /// At most 0o7777.
    case absolute(UInt32)
    /// `u=rwX,go=rX`, in order.
    case symbolic([Clause])

    /// One change, such as `go-w`.
    package struct Clause: Hashable, Sendable, CustomStringConvertible {
        /// Where the new bits come from.
        package enum Source: Hashable, Sendable {
            /// Bits as for the others, 0 to 7, and whether `X` asks for execution where it makes sense, `s`, `t`.
            case bits(UInt32, conditionalExecution: Bool, setID: Bool, sticky: Bool)
            /// As it is for the owner (6), the group (3) or others (0): a shift.
            case like(UInt32)
        }

        /// Whom it is for: shifts 6, 3, 0.
        package var shifts: [UInt32]
        /// `+`, `-` or `=`.
        package var sign: Character
        package var source: Source
        /// The clause as it was written.
        package var description: String
    }

    /// The mode of directories that are made on the way to a destination; nil for changes of what there is.
    var directoryMode: UInt32? {
        switch self {
        case .absolute(let mode): mode
        case .symbolic: nil
        }
    }

    /// Reads a mode; nil for what is none.
    package init?(_ text: String) {
        if let first = text.utf8.first, (0x30...0x39).contains(first) {
            guard let mode = UInt32(text, radix: 8), mode <= 0o7777 else { return nil }
            self = .absolute(mode)
            return
        }
        guard text.utf8.count <= 1000 else { return nil }
        var clauses: [Clause] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            guard let read = Self.clauses(part) else { return nil }
            clauses += read
        }
        self = .symbolic(clauses)
    }

    private static func clauses(_ text: Substring) -> [Clause]? {
        let names: [Character: UInt32] = ["u": 6, "g": 3, "o": 0]
        let who = text.prefix { "ugoa".contains($0) }
        let shifts = who.isEmpty || who.contains("a") ? [6, 3, 0] : [6, 3, 0].filter { names[in: who].contains($0) }
        var rest = text.dropFirst(who.count)
        var result: [Clause] = []
        while let sign = rest.popFirst() {
            guard "+-=".contains(sign) else { return nil }
            let operand = rest.prefix { !"+-=".contains($0) }
            rest = rest.dropFirst(operand.count)
            let source: Clause.Source
            if operand.count == 1, let shift = names[operand[operand.startIndex]] {
                source = .like(shift)
            } else {
                guard operand.allSatisfy({ "rwxXst".contains($0) }) else { return nil }
                let bits: UInt32 =
                    (operand.contains("r") ? 4 : 0) | (operand.contains("w") ? 2 : 0) | (operand.contains("x") ? 1 : 0)
                source = .bits(
                    bits,
                    conditionalExecution: operand.contains("X"),
                    setID: operand.contains("s"),
                    sticky: operand.contains("t")
                )
            }
            result.append(Clause(shifts: shifts, sign: sign, source: source, description: "\(who)\(sign)\(operand)"))
        }
        return result.isEmpty ? nil : result
    }

    /// The mode, 12 bits, of a file that has `mode` before; no umask counts.
    package func applied(to mode: UInt32, isDirectory: Bool) -> UInt32 {
        switch self {
        case .absolute(let new): new
        case .symbolic(let clauses):
            clauses.reduce(mode & 0o7777) { $1.applied(to: $0, isDirectory: isDirectory) }
        }
    }

    /// Octal digits, or the changes in one text.
    package var description: String {
        switch self {
        case .absolute(let mode): String(mode, radix: 8)
        case .symbolic(let clauses): clauses.map(\.description).joined(separator: ",")
        }
    }
}

extension ModeChange.Clause {
    fileprivate func applied(to mode: UInt32, isDirectory: Bool) -> UInt32 {
        var (set, clear): (UInt32, UInt32) = (0, 0)
        for shift in shifts {
            clear |= 7 << shift
            switch source {
            case .like(let other): set |= (mode >> other & 7) << shift
            case .bits(let bits, let conditionalExecution, let setID, _):
                let executes = conditionalExecution && (isDirectory || mode & 0o111 != 0)
                set |= (bits | (executes ? 1 : 0)) << shift
                // The bits 4000 and 2000 belong to the owner and the group.
                if setID && shift > 0 { set |= shift == 6 ? 0o4000 : 0o2000 }
                // Directories keep these unless they are named: chmod(1).
                if !isDirectory && shift > 0 { clear |= shift == 6 ? 0o4000 : 0o2000 }
            }
        }
        if case .bits(_, _, _, let sticky) = source, sticky, shifts.count == 3 { set |= 0o1000 }
        return switch sign {
        case "+": mode | set
        case "-": mode & ~set
        default: mode & ~clear | set
        }
    }
}

extension [Character: UInt32] {
    /// The values of the characters of a text.
    fileprivate subscript(in text: Substring) -> [UInt32] { text.compactMap { self[$0] } }
}
