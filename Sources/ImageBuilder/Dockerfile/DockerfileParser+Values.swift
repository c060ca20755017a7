import ComposeModel

extension DockerfileParser {
    // MARK: Names and values

    /// `NAME=value …`, or the old `NAME value`.
    mutating func pairs(_ request: InstructionRequest) -> [Instruction.Pair]? {
        let name = request.keyword.name
        let parts = request.line.quotedParts(request.rest, escape: reader.escape)
        guard let first = parts.first else {
            report.error("\(name) needs a name and a value: \(name) NAME=value", at: request.position)
            return nil
        }
        guard request.line.scalars[first].contains("=") else { return legacyPair(request) }
        var result: [Instruction.Pair] = []
        for part in parts {
            guard let equals = request.line.scalars[part].firstIndex(of: "=") else {
                let word = request.line.word(part)
                report.error(
                    "\"\(word.text)\" has no \"=\"",
                    at: word.position,
                    hint: "a value with blanks stands in quotes"
                )
                continue
            }
            guard equals > part.lowerBound else {
                report.error("there is no name before the \"=\"", at: request.line.position(equals))
                continue
            }
            result.append(
                .init(
                    name: request.line.word(part.lowerBound..<equals),
                    value: request.line.word((equals + 1)..<part.upperBound),
                    isLegacy: false
                )
            )
        }
        for pair in result where request.keyword == .env { checkSecret(pair.name, "ENV") }
        return result.isEmpty ? nil : result
    }

    private mutating func legacyPair(_ request: InstructionRequest) -> [Instruction.Pair]? {
        let (line, rest, keyword) = (request.line, request.rest, request.keyword.name)
        let end = rest.first { line.scalars[$0].isBlank } ?? rest.upperBound
        let value = line.trimmed(end..<rest.upperBound)
        let name = line.word(rest.lowerBound..<end)
        guard !value.isEmpty else {
            report.error(
                "\(keyword) has a name and no value",
                at: name.position,
                hint: "\(keyword) \(name.text)= gives it an empty one"
            )
            return nil
        }
        report.found(
            .legacyKeyValueFormat,
            "\(keyword) NAME value is the old form of \(keyword) NAME=value",
            at: name.position,
            checks
        )
        if request.keyword == .env { checkSecret(name, "ENV") }
        return [.init(name: name, value: line.word(value), isLegacy: true)]
    }

    mutating func arguments(_ request: InstructionRequest) -> Instruction? {
        let parts = request.line.quotedParts(request.rest, escape: reader.escape)
        guard !parts.isEmpty else {
            report.error("ARG needs a name", at: request.position)
            return nil
        }
        var result: [Instruction.Argument] = []
        for part in parts {
            let equals = request.line.scalars[part].firstIndex(of: "=")
            guard equals != part.lowerBound else {
                report.error("there is no name before the \"=\"", at: request.line.position(part.lowerBound))
                continue
            }
            let name = request.line.word(part.lowerBound..<(equals ?? part.upperBound))
            checkSecret(name, "ARG")
            result.append(.init(name: name, value: equals.map { request.line.word(($0 + 1)..<part.upperBound) }))
        }
        return result.isEmpty ? nil : .arg(result)
    }

    /// Names of variables that hold secrets, part by part.
    private static let secretParts: Set<String> = [
        "apikey", "auth", "credential", "credentials", "key", "password", "pword", "passwd", "secret", "token",
    ]
    private static let harmlessParts: Set<String> = ["public", "file", "version"]

    private mutating func checkSecret(_ name: Dockerfile.Word, _ keyword: String) {
        let parts = Set(name.text.lowercased().split(separator: "_").map(String.init))
        guard !parts.isDisjoint(with: Self.secretParts), parts.isDisjoint(with: Self.harmlessParts) else { return }
        report.found(
            .secretsUsedInArgOrEnv,
            "what \(keyword) \(name.text) holds is readable in the image",
            at: name.position,
            checks,
            hint: "RUN --mount=type=secret gives a command a secret that no image keeps"
        )
    }

    // MARK: How the image runs

    mutating func stopSignal(_ request: InstructionRequest) -> Instruction? {
        guard !request.rest.isEmpty else {
            report.error("STOPSIGNAL needs a signal", at: request.position)
            return nil
        }
        let word = request.line.word(request.rest)
        if !Self.mayExpand(word.text), Signal(text: word.text) == nil { reportNoSignal(word) }
        return .stopsignal(word)
    }

    mutating func reportNoSignal(_ word: Dockerfile.Word) {
        report.error(
            "there is no signal \"\(word.text)\"",
            at: word.position,
            hint: Signal.nearest(to: word.text).map { "did you mean \($0)?" }
        )
    }

    mutating func maintainer(_ request: InstructionRequest) -> Instruction? {
        guard !request.rest.isEmpty else {
            report.error("MAINTAINER needs a name", at: request.position)
            return nil
        }
        report.found(
            .maintainerDeprecated,
            "MAINTAINER gave way to LABEL org.opencontainers.image.authors=…",
            at: request.position,
            checks
        )
        return .maintainer(request.text)
    }

    mutating func expose(_ request: InstructionRequest) -> Instruction? {
        guard !request.words.isEmpty else {
            report.error("EXPOSE needs a port", at: request.position)
            return nil
        }
        for word in request.words where !Self.mayExpand(word.text) {
            ExposedPorts.read(word, report: &report, checks)
        }
        return .expose(request.words)
    }

    mutating func healthcheck(_ request: InstructionRequest) -> Instruction? {
        let texts = ["interval", "timeout", "start-period", "start-interval", "retries"]
        let known = Dictionary(texts.map { ($0, KnownFlags.Kind.text) }) { $1 }
        let flags = KnownFlags(request.flags, of: "HEALTHCHECK", known: known, report: &report)
        let (line, rest) = (request.line, request.rest)
        let end = rest.first { line.scalars[$0].isBlank } ?? rest.upperBound
        let command = line.trimmed(end..<rest.upperBound)
        var check = Instruction.Healthcheck()
        switch line.text(rest.lowerBound..<end).uppercased() {
        case "NONE":
            if !command.isEmpty { report.error("nothing follows NONE", at: line.position(command.lowerBound)) }
            if let flag = request.flags.first { report.error("NONE takes no flags", at: flag.position) }
            return .healthcheck(check)
        case "CMD":
            guard !command.isEmpty, let test = healthTest(line, command) else {
                if command.isEmpty { report.error("HEALTHCHECK CMD needs a command", at: request.restPosition) }
                return nil
            }
            check.test = test
        default:
            report.error(
                "HEALTHCHECK is followed by CMD and a command, or by NONE",
                at: rest.isEmpty ? request.position : request.restPosition
            )
            return nil
        }
        check.interval = duration(flags, "interval")
        check.timeout = duration(flags, "timeout")
        check.startPeriod = duration(flags, "start-period")
        check.startInterval = duration(flags, "start-interval")
        if let word = flags.filledWord("retries") {
            if let retries = Int32(word.text), retries >= 0 {
                check.retries = Int(retries)
            } else {
                report.error("--retries is a number from 0, not \"\(word.text)\"", at: word.position)
            }
        }
        return .healthcheck(check)
    }

    private mutating func healthTest(_ line: LogicalLine, _ range: Range<Int>) -> Instruction.CommandLine? {
        switch JSONStrings.read(line.scalars, range) {
        case .strings(let strings):
            if strings.isEmpty { report.error("HEALTHCHECK CMD needs a command", at: line.position(range.lowerBound)) }
            return strings.isEmpty ? nil : .exec(strings.map(\.text))
        case .otherValue(let offset):
            report.error("only texts may stand in the list of HEALTHCHECK", at: line.position(offset))
            return nil
        case .none: return .shell(line.text(range))
        }
    }

    /// The value of a flag in nanoseconds.
    private mutating func duration(_ flags: KnownFlags, _ name: String) -> Int64 {
        guard let word = flags.filledWord(name) else { return 0 }
        guard let span = TimeSpan(text: word.text), span.nanoseconds == 0 || span.nanoseconds >= 1_000_000 else {
            report.error(
                "--\(name) is a time of at least 1ms such as 30s or 1m30s, not \"\(word.text)\"",
                at: word.position
            )
            return 0
        }
        return Int64(span.nanoseconds)
    }

    // MARK: Triggers

    mutating func onbuild(_ request: InstructionRequest) -> Instruction? {
        guard !request.rest.isEmpty else {
            report.error("ONBUILD needs an instruction", at: request.position)
            return nil
        }
        guard let statement = statement(request.line, request.rest, isTrigger: true) else { return nil }
        var expression = statement.text
        for heredoc in Self.heredocs(of: statement.instruction) {
            expression += "\n\(heredoc.content)\(heredoc.name)"
        }
        return .onbuild(.init(expression: expression, position: statement.position))
    }

    private static func heredocs(of instruction: Instruction) -> [Dockerfile.Heredoc] {
        func texts(_ transfer: Instruction.Transfer) -> [Dockerfile.Heredoc] {
            transfer.sources.compactMap { if case .heredoc(let heredoc) = $0 { heredoc } else { nil } }
        }
        return switch instruction {
        case .run(let run): run.heredocs
        case .copy(let copy): texts(copy.transfer)
        case .add(let add): texts(add.transfer)
        default: []
        }
    }
}

/// Ports of EXPOSE.
enum ExposedPorts {
    /// The ports of a word as `80/tcp`, in order; none when it means nothing, which is told.
    @discardableResult static func read(
        _ word: Dockerfile.Word,
        report: inout DockerfileReport,
        _ checks: CheckOptions
    ) -> [String] {
        let parts = word.text.split(separator: "/", omittingEmptySubsequences: false)
        let networkProtocol = parts.count > 1 ? String(parts[1]) : "tcp"
        guard parts.count <= 2, ["tcp", "udp", "sctp"].contains(networkProtocol.lowercased()) else {
            report.error(
                "\"\(word.text)\" is no port: write 80, 80/udp or 8000-8010",
                at: word.position,
                hint: parts.count == 2 ? "the protocols are tcp, udp and sctp" : nil
            )
            return []
        }
        if networkProtocol != networkProtocol.lowercased() {
            report.found(.exposeProtoCasing, "the protocol \(networkProtocol) has capitals", at: word.position, checks)
        }
        var ports = parts[0]
        if let colon = ports.lastIndex(of: ":") {
            report.found(
                .exposeInvalidFormat,
                "EXPOSE names no address and no port of the host",
                at: word.position,
                checks
            )
            ports = ports[ports.index(after: colon)...]
        }
        let bounds = ports.split(separator: "-", omittingEmptySubsequences: false).map { UInt16($0) }
        guard bounds.count <= 2, let first = bounds[0], let last = bounds[bounds.count - 1], first <= last else {
            report.error("\"\(word.text)\" is no port: ports are numbers up to 65535", at: word.position)
            return []
        }
        return (first...last).map { "\($0)/\(networkProtocol.lowercased())" }
    }
}
