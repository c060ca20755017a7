/// The arguments of the process, in the two parts that Docker Compose knows: options of the project stand before the
/// command, and everything after it is the command's own, `-f` and `-p` too.
struct Arguments {
    /// The options of the project.
    private(set) var leading: [String] = []
    /// The command and what follows it.
    private(set) var rest: [String] = []

    private static let shortOptions: [Character] = ["f", "p"]
    private static let longOptions: Set<String> = [
        "--file", "--project-name", "--profile", "--env-file", "--project-directory", "--ansi", "--progress",
        "--diagnostics", "--parallel", "--workdir",
    ]
    private static let longFlags: Set<String> = ["--dry-run", "--all-resources", "--compatibility", "--no-ansi"]
    /// Flags that are on unless they are turned off; they have a form `--no-…` here.
    private static let flags = ["--orphans", "--menu", "--interactive", "--tty", "--sig-proxy"]

    /// Takes the arguments apart; options that nobody knows begin the second part.
    init(_ arguments: [String]) {
        var remaining = arguments[...]
        while let option = remaining.first, option.hasPrefix("-") {
            if let isOn = Self.flag(option) {
                leading += isOn ? [String(option.prefix { $0 != "=" })] : []
                remaining = remaining.dropFirst()
            } else if Self.longOptions.contains(String(option.prefix { $0 != "=" })) {
                leading += remaining.prefix(option.contains("=") ? 1 : 2)
                remaining = remaining.dropFirst(option.contains("=") ? 1 : 2)
            } else if let letter = option.dropFirst().first, Self.shortOptions.contains(letter) {
                // The value may stand in the same word: `-pname`, `-p=name`.
                let value = option.dropFirst(2)
                if value.isEmpty {
                    leading += remaining.prefix(2)
                    remaining = remaining.dropFirst(2)
                } else {
                    leading += [String(option.prefix(2)), String(value.first == "=" ? value.dropFirst() : value)]
                    remaining = remaining.dropFirst()
                }
            } else {
                break
            }
        }
        if remaining.first == "-v" { remaining = ["--version"] }
        rest = Self.normalised(Array(remaining))
    }

    /// Whether a flag of the project is on, `--dry-run` or `--dry-run=true`; nil when it is none.
    private static func flag(_ option: String) -> Bool? {
        let parts = option.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard longFlags.contains(String(parts[0])) else { return nil }
        return parts.count == 1 ? true : truthValue(parts[1])
    }

    private static func truthValue(_ text: Substring) -> Bool? {
        switch text {
        case "1", "t", "T", "true", "TRUE", "True": true
        case "0", "f", "F", "false", "FALSE", "False": false
        default: nil
        }
    }

    /// Flags with a value, `--orphans=false`, in the form that the parser knows.
    private static func normalised(_ arguments: [String]) -> [String] {
        let end = arguments.firstIndex(of: "--") ?? arguments.endIndex
        return arguments[..<end]
            .map { argument in
                guard let flag = flags.first(where: { argument.hasPrefix($0 + "=") }) else { return argument }
                switch truthValue(argument.dropFirst(flag.count + 1)) {
                case true?: return flag
                case false?: return "--no-" + flag.dropFirst(2)
                case nil: return argument
                }
            } + arguments[end...]
    }
}
