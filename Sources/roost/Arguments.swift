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
    private static let longFlags: Set<String> = [
        "--dry-run", "--all-resources", "--compatibility", "--no-ansi", "--verbose",
    ]
    /// Flags that are on unless they are turned off; they have a form `--no-…` here.
    private static let invertible: Set<String> = ["--orphans", "--menu", "--interactive", "--tty", "--sig-proxy"]
    /// Flags that are off unless they are given.
    private static let plain: Set<String> = [
        "--abort-on-container-exit", "--abort-on-container-failure", "--all", "--always-recreate-deps", "--archive",
        "--attach-dependencies", "--build", "--detach", "--down-project", "--environment", "--follow", "--follow-link",
        "--force", "--force-recreate", "--images", "--json", "--lock-image-digests", "--models", "--networks",
        "--no-build", "--no-color", "--no-consistency", "--no-deps", "--no-env-resolution", "--no-interpolate",
        "--no-log-prefix", "--no-normalize", "--no-path-resolution", "--no-recreate", "--no-start", "--no-stdin",
        "--no-stream", "--no-trunc", "--no-tty", "--privileged", "--profiles", "--quiet", "--quiet-build",
        "--quiet-pull", "--remove-orphans", "--renew-anon-volumes", "--resolve-image-digests", "--rm",
        "--service-ports", "--services", "--short", "--stop", "--timestamps", "--use-aliases", "--variables",
        "--volumes", "--wait", "--watch", "--yes",
    ]

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

    /// Letters of options with a value, by command: the value may stand in the same word, `-eNAME=value`.
    private static let letters: [String: Set<Character>] = [
        "config": ["o"], "down": ["t"], "exec": ["e", "u", "w"], "export": ["o"], "kill": ["s"], "logs": ["n"],
        "restart": ["t"],
        "run": ["e", "l", "p", "u", "v", "w"], "stop": ["t"], "up": ["t"], "version": ["f"],
    ]
    /// Options of `exec` and `run` with a value.
    private static let withValue: Set<String> = [
        "--cap-add", "--cap-drop", "--entrypoint", "--env", "--env-from-file", "--index", "--label", "--name",
        "--publish", "--pull", "--user", "--volume", "--workdir",
    ]

    /// The options of a command in the forms that the parser knows: neither `--orphans=false` nor `-eNAME=value`.
    ///
    /// What `exec` and `run` pass on is not ours: with them it ends with the first word that is no option.
    private static func normalised(_ arguments: [String]) -> [String] {
        guard let command = arguments.first else { return [] }
        let letters = letters[command] ?? []
        var result = [command]
        var rest = arguments.dropFirst()
        while let argument = rest.first, argument != "--" {
            if ["exec", "run"].contains(command) && !argument.hasPrefix("-") { break }
            rest.removeFirst()
            let letter = argument.dropFirst().first
            if argument.hasPrefix("-"), let letter, letters.contains(letter), argument.count > 2 {
                let value = argument.dropFirst(2)
                result += ["-\(letter)", String(value.first == "=" ? value.dropFirst() : value)]
            } else if withValue.contains(argument) || (argument.count == 2 && letter.map(letters.contains) == true) {
                result.append(argument)
                if let value = rest.popFirst() { result.append(value) }
            } else if let argument = normalised(argument) {
                result.append(argument)
            }
        }
        return result + rest
    }

    /// Nil for a flag that is turned off, and is off without it.
    private static func normalised(_ argument: String) -> String? {
        let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        // A letter with a truth value is a flag: those with a value of their own have been looked at.
        let isLetter = parts[0].hasPrefix("-") && parts[0].count == 2 && parts[0] != "--"
        guard parts.count == 2, isLetter || invertible.contains(parts[0]) || plain.contains(parts[0]) else {
            return argument
        }
        switch truthValue(parts[1][...]) {
        case true?: return parts[0]
        case false?: return invertible.contains(parts[0]) ? "--no-" + parts[0].dropFirst(2) : nil
        case nil: return argument
        }
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
}
