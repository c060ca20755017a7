/// A signal, by its number: signal(7).
package struct Signal: Hashable, Sendable, CustomStringConvertible {
    /// The number, from 1 to 64.
    package let number: Int32

    private static let names = [
        "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM",
        "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF",
        "WINCH", "IO", "PWR", "SYS",
    ]
    private static let others = ["IOT": 6, "CLD": 17, "POLL": 29, "RTMIN": 34, "RTMAX": 64]

    /// SIGTERM.
    package static let terminate = Signal(number: 15)
    /// SIGKILL.
    package static let kill = Signal(number: 9)

    private init(number: Int32) { self.number = number }

    /// Reads a name in either case, with or without `SIG`, a number, or `RTMIN+n` and `RTMAX-n`.
    package init?(text: String) {
        var name = text.uppercased()
        if name.hasPrefix("SIG") { name.removeFirst(3) }
        let number: Int?
        if let index = Self.names.firstIndex(of: name) {
            number = index + 1
        } else if let known = Self.others[name] {
            number = known
        } else if name.hasPrefix("RTMIN+"), let offset = UInt8(name.dropFirst(6)), offset <= 30 {
            number = 34 + Int(offset)
        } else if name.hasPrefix("RTMAX-"), let offset = UInt8(name.dropFirst(6)), offset <= 30 {
            number = 64 - Int(offset)
        } else {
            number = UInt8(text).map(Int.init)
        }
        guard let number, (1...64).contains(number) else { return nil }
        self.number = Int32(number)
    }

    /// The name with `SIG`; signals for programs' own use go by their distance from `SIGRTMIN`.
    package var description: String {
        let index = Int(number) - 1
        if index < Self.names.count { return "SIG" + Self.names[index] }
        return number < 34 ? String(number) : number == 34 ? "SIGRTMIN" : "SIGRTMIN+\(number - 34)"
    }

    /// The known name that `text` was probably meant to be.
    package static func nearest(to text: String) -> String? {
        let upper = text.uppercased()
        let wanted = upper.hasPrefix("SIG") ? upper : "SIG" + upper
        let known = Dictionary(names.map { ("sig" + $0.lowercased(), "SIG" + $0) }) { $1 }
        return NearestKey.match(wanted, among: known.keys).flatMap { known[$0] }
    }
}
