import ArgumentParser

/// The commands that engines run for every container, read without the argument parser.
///
/// To look into a command takes the parser longer than all else that happens before a container is made. Whatever is
/// not plain here, a mistake, a rare option or a question for help, is the parser's.
enum RuntimeQuickLine {
    /// What runs the command of a line, when it is one of the usual.
    static func command(_ line: [String]) -> (() throws -> Void)? {
        let words = Array(line.dropFirst())
        switch line.first {
        case "create": return create(words)
        case "run": return run(words)
        case "exec": return exec(words).map { command in { try command.run() } }
        case "start":
            guard let words = Words(words), words.arguments.count == 1 else { return nil }
            var command = RuntimeStart()
            command.id = words.arguments[0]
            return { [command] in try command.run() }
        case "state":
            guard let words = Words(words), words.arguments.count == 1 else { return nil }
            var command = RuntimeStateCommand()
            command.id = words.arguments[0]
            return { [command] in try command.run() }
        case "delete":
            guard let words = Words(words, flags: [("--force", "-f")]), words.arguments.count == 1 else { return nil }
            var command = RuntimeDelete()
            (command.id, command.force) = (words.arguments[0], words.flags.contains("--force"))
            return { [command] in try command.run() }
        case "kill":
            guard let words = Words(words, flags: [("--all", "-a")]), (1...2).contains(words.arguments.count) else {
                return nil
            }
            var command = RuntimeKill()
            (command.id, command.all) = (words.arguments[0], words.flags.contains("--all"))
            command.signal = words.arguments.count == 2 ? words.arguments[1] : "TERM"
            return { [command] in try command.run() }
        default: return nil
        }
    }

    /// What `create` and `run` have in common.
    private static let bundleOptions: Names = [
        ("--bundle", "-b"), ("--config", "-f"), ("--console-socket", nil), ("--pid-file", nil),
        ("--preserve-fds", nil), ("--pidfd-socket", nil),
    ]
    private static let bundleFlags: Names = [("--no-pivot", nil), ("--no-new-keyring", nil)]

    private static func bundleRequest(_ words: Words) -> BundleRequest? {
        var options = BundleRequest()
        options.bundle = words["--bundle"] ?? "."
        options.config = words["--config"]
        options.consoleSocket = words["--console-socket"]
        options.pidFile = words["--pid-file"]
        options.pidfdSocket = words["--pidfd-socket"]
        options.noPivot = words.flags.contains("--no-pivot")
        options.noNewKeyring = words.flags.contains("--no-new-keyring")
        guard let count = Int(words["--preserve-fds"] ?? "0") else { return nil }
        options.preserveFds = count
        return options
    }

    private static func create(_ line: [String]) -> (() throws -> Void)? {
        guard let words = Words(line, options: bundleOptions, flags: bundleFlags), words.arguments.count == 1,
            let request = bundleRequest(words)
        else { return nil }
        return { try RuntimeCreate.run(request, words.arguments[0]) }
    }

    private static func run(_ line: [String]) -> (() throws -> Void)? {
        let flags = bundleFlags + [("--detach", "-d"), ("--keep", nil), ("--no-subreaper", nil)]
        guard let words = Words(line, options: bundleOptions, flags: flags), words.arguments.count == 1,
            let bundle = bundleRequest(words)
        else { return nil }
        var request = BundleRun(bundle: bundle, id: words.arguments[0])
        (request.detach, request.keep) = (words.flags.contains("--detach"), words.flags.contains("--keep"))
        return { [request] in try request.run() }
    }

    private static func exec(_ line: [String]) -> RuntimeExec? {
        let options: Names = [
            ("--console-socket", nil), ("--cwd", nil), ("--env", "-e"), ("--user", "-u"), ("--process", "-p"),
            ("--pid-file", nil), ("--preserve-fds", nil), ("--cap", "-c"), ("--cgroup", nil),
            ("--process-label", nil), ("--apparmor", nil), ("--pidfd-socket", nil),
        ]
        let flags: Names = [("--tty", "-t"), ("--detach", "-d"), ("--no-new-privs", nil), ("--ignore-paused", nil)]
        guard let words = Words(line, options: options, flags: flags, leavesRest: true), !words.arguments.isEmpty,
            let count = Int(words["--preserve-fds"] ?? "0")
        else { return nil }
        var command = RuntimeExec()
        (command.consoleSocket, command.cwd) = (words["--console-socket"], words["--cwd"])
        (command.env, command.cap, command.additionalGids) = (words.all("--env"), words.all("--cap"), [])
        (command.user, command.process, command.pidFile) = (words["--user"], words["--process"], words["--pid-file"])
        (command.cgroup, command.processLabel) = (words["--cgroup"], words["--process-label"])
        (command.apparmor, command.preserveFds) = (words["--apparmor"], count)
        command.pidfdSocket = words["--pidfd-socket"]
        (command.tty, command.detach) = (words.flags.contains("--tty"), words.flags.contains("--detach"))
        command.noNewPrivs = words.flags.contains("--no-new-privs")
        command.ignorePaused = words.flags.contains("--ignore-paused")
        command.id = words.arguments[0]
        command.arguments = Array(words.arguments.dropFirst())
        return command
    }

    /// Long and short names; few, so that looking at each is the quickest way to one.
    private typealias Names = [(long: String, short: String?)]

    /// A line taken apart.
    private struct Words {
        private var values: [(option: String, value: String)] = []
        private(set) var flags: [String] = []
        private(set) var arguments: [String] = []

        /// Takes options and flags by their long and short names; nil where something else is among them.
        ///
        /// With `leavesRest` everything from the second argument on is taken as it is.
        init?(
            _ line: [String],
            options: Names = [],
            flags known: Names = [],
            leavesRest: Bool = false
        ) {
            var rest = line[...]
            while let word = rest.popFirst() {
                guard word.hasPrefix("-"), word != "-" else {
                    arguments.append(word)
                    if leavesRest {
                        arguments += rest
                        return
                    }
                    continue
                }
                let sign = word.utf8.firstIndex(of: UInt8(ascii: "="))
                let name = sign.map { String(word[..<$0]) } ?? word
                if let flag = known.first(where: { $0.long == name || $0.short == name })?.long, sign == nil {
                    flags.append(flag)
                } else if let option = options.first(where: { $0.long == name || $0.short == name })?.long,
                    let value = sign.map({ String(word[word.utf8.index(after: $0)...]) }) ?? rest.popFirst()
                {
                    values.append((option, value))
                } else {
                    return nil
                }
            }
        }

        /// The last value of an option.
        subscript(_ option: String) -> String? { values.last { $0.option == option }?.value }

        /// All values of an option.
        func all(_ option: String) -> [String] { values.filter { $0.option == option }.map(\.value) }
    }
}
