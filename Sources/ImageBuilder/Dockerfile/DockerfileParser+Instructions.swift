import ComposeModel

extension DockerfileParser {
    /// Reads the arguments of an instruction; nil when they mean nothing, which is told.
    mutating func instruction(_ request: InstructionRequest) -> Instruction? {
        switch request.keyword {
        case .from: return from(request)
        case .run: return run(request)
        case .copy: return copy(request)
        case .add: return add(request)
        case .healthcheck: return healthcheck(request)
        default: break
        }
        // The others have no flags.
        _ = KnownFlags(request.flags, of: request.keyword.name, known: [:], report: &report)
        switch request.keyword {
        case .env: return pairs(request).map { .env($0) }
        case .label: return pairs(request).map { .label($0) }
        case .arg: return arguments(request)
        case .workdir: return single(request, "a directory").map { .workdir($0) }
        case .user: return single(request, "a user").map { .user($0) }
        case .stopsignal: return stopSignal(request)
        case .maintainer: return maintainer(request)
        case .expose: return expose(request)
        case .volume: return volume(request)
        case .cmd: return commandLine(request).map { .cmd($0) }
        case .entrypoint: return commandLine(request).map { .entrypoint($0) }
        case .shell: return shell(request)
        case .onbuild: return onbuild(request)
        case .from, .run, .copy, .add, .healthcheck: return nil
        }
    }

    /// Whether a text may change when variables are replaced.
    static func mayExpand(_ text: String) -> Bool { text.utf8.contains(UInt8(ascii: "$")) }

    private mutating func single(_ request: InstructionRequest, _ what: String) -> Dockerfile.Word? {
        guard !request.rest.isEmpty else {
            report.error("\(request.keyword.name) needs \(what)", at: request.position)
            return nil
        }
        return request.line.word(request.rest)
    }

    // MARK: Stages

    private mutating func from(_ request: InstructionRequest) -> Instruction? {
        let flags = KnownFlags(request.flags, of: "FROM", known: ["platform": .text], report: &report)
        let words = request.words
        guard words.count == 1 || words.count == 3 && words[1].text.lowercased() == "as" else {
            report.error(
                words.isEmpty ? "FROM needs an image or a stage" : "FROM is followed by IMAGE, or by IMAGE AS NAME",
                at: words.count > 1 ? words[1].position : request.position
            )
            return nil
        }
        guard words.count == 3 else {
            return .from(.init(base: words[0], platform: flags.filledWord("platform"), name: nil))
        }
        checkCasing(of: request, words[1], words[2])
        let name = words[2].text.lowercased()
        let isName =
            name.utf8.first.map { (0x61...0x7A).contains($0) } ?? false
            && name.unicodeScalars.allSatisfy {
                ("a"..."z").contains($0) || "0123456789-_.".unicodeScalars.contains($0)
            }
        guard isName else {
            report.error(
                "\"\(words[2].text)\" is no name for a stage",
                at: words[2].position,
                hint: "a name begins with a letter and has letters, digits, -, _ and . only"
            )
            return nil
        }
        return .from(.init(base: words[0], platform: flags.filledWord("platform"), name: words[2]))
    }

    private mutating func checkCasing(
        of request: InstructionRequest,
        _ separator: Dockerfile.Word,
        _ name: Dockerfile.Word
    ) {
        if name.text != name.text.lowercased() {
            report.found(.stageNameCasing, "the stage's name \(name.text) has capitals", at: name.position, checks)
        }
        let spelling = request.spelling
        guard [spelling.lowercased(), spelling.uppercased()].contains(spelling) else { return }
        let wanted = spelling == spelling.lowercased() ? "as" : "AS"
        if separator.text != wanted {
            report.found(.fromAsCasing, "\(spelling) goes with \(wanted)", at: separator.position, checks)
        }
    }

    // MARK: Commands

    private mutating func commandLine(_ request: InstructionRequest) -> Instruction.CommandLine? {
        guard !request.rest.isEmpty else {
            report.error(
                "\(request.keyword.name) needs a command",
                at: request.position,
                hint: request.keyword == .run ? nil : "[] takes away what the base image has"
            )
            return nil
        }
        return commandLine(request.keyword, request.line, request.rest)
    }

    private mutating func commandLine(
        _ keyword: Keyword,
        _ line: LogicalLine,
        _ range: Range<Int>
    ) -> Instruction.CommandLine? {
        switch JSONStrings.read(line.scalars, range) {
        case .strings(let strings): return .exec(strings.map(\.text))
        case .otherValue(let offset):
            report.error("only texts may stand in the list of \(keyword.name)", at: line.position(offset))
            return nil
        case .none:
            let text = line.text(range)
            if text.hasPrefix("['") {
                report.warning(
                    "this is a command for the shell: a list has its texts in \"\", not in ''",
                    at: line.position(range.lowerBound)
                )
            }
            return .shell(text)
        }
    }

    private mutating func shell(_ request: InstructionRequest) -> Instruction? {
        guard case .strings(let strings) = JSONStrings.read(request.line.scalars, request.rest) else {
            report.error(
                "SHELL needs a list: SHELL [\"/bin/bash\", \"-c\"]",
                at: request.rest.isEmpty ? request.position : request.restPosition
            )
            return nil
        }
        guard let first = strings.first, !first.text.isEmpty else {
            report.error("SHELL names no program", at: request.restPosition)
            return nil
        }
        return .shell(strings.map(\.text))
    }

    private mutating func run(_ request: InstructionRequest) -> Instruction? {
        let flags = KnownFlags(
            request.flags,
            of: "RUN",
            known: ["mount": .texts, "network": .text, "security": .text, "device": .texts],
            report: &report
        )
        if let device = flags.flags("device").first {
            report.error(
                "RUN --device is not supported: steps get no devices of the host",
                at: device.word.position,
                hint: "give the device to the service that needs it: devices"
            )
        }
        let network: Instruction.RunNetwork = choice(flags.word("network"), of: "--network", or: .default)
        let security: Instruction.RunSecurity = choice(flags.word("security"), of: "--security", or: .sandbox)
        var mounts: [Instruction.MountOptions] = []
        for flag in flags.flags("mount") {
            let options = Instruction.MountOptions(flag)
            mounts.append(options)
            // What a variable decides is looked at when the stage is planned.
            _ = MountRequest.read(options, expand: nil, report: &report)
        }
        guard let command = commandLine(request) else { return nil }
        if case .exec(let words) = command, words.isEmpty {
            report.error("RUN needs a command", at: request.restPosition)
            return nil
        }
        return .run(
            .init(command: command, mounts: mounts, network: network, security: security, heredocs: request.heredocs)
        )
    }

    private mutating func choice<T: RawRepresentable<String> & CaseIterable>(
        _ word: Dockerfile.Word?,
        of flag: String,
        or standIn: T
    ) -> T {
        guard let word else { return standIn }
        if let value = T(rawValue: word.text) { return value }
        let known = T.allCases.map(\.rawValue)
        let nearest = NearestKey.match(word.text, among: known).map { "did you mean \($0)?" }
        report.error(
            "\(flag) is \(known.joined(separator: ", ")), not \"\(word.text)\"",
            at: word.position,
            hint: nearest
        )
        return standIn
    }

    // MARK: Files

    private static let transferFlags: [String: KnownFlags.Kind] = [
        "chown": .text, "chmod": .text, "link": .truth, "exclude": .texts,
    ]

    private mutating func copy(_ request: InstructionRequest) -> Instruction? {
        let known = Self.transferFlags.merging(["from": .text, "parents": .truth]) { $1 }
        let flags = KnownFlags(request.flags, of: "COPY", known: known, report: &report)
        if let from = flags.word("from"), Self.mayExpand(from.text) {
            report.error(
                "--from takes no variables",
                at: from.position,
                hint: "name a stage in it: FROM \(from.text) AS source, and --from=source"
            )
        }
        guard let transfer = transfer(request, flags) else { return nil }
        for case .path(let word) in transfer.sources where Self.isRemote(word.text) {
            report.error("COPY takes no addresses", at: word.position, hint: "ADD does")
        }
        return .copy(
            .init(
                transfer: transfer,
                from: flags.filledWord("from"),
                keepsParents: flags.truth("parents") ?? false
            )
        )
    }

    /// Whether a source is an address rather than a path.
    static func isRemote(_ text: String) -> Bool {
        ["http://", "https://", "git://", "ssh://", "git@"].contains(where: text.hasPrefix)
    }

    private mutating func add(_ request: InstructionRequest) -> Instruction? {
        let known = Self.transferFlags.merging(["keep-git-dir": .truth, "checksum": .text, "unpack": .truth]) { $1 }
        let flags = KnownFlags(request.flags, of: "ADD", known: known, report: &report)
        guard let transfer = transfer(request, flags) else { return nil }
        if let checksum = flags.word("checksum") {
            if transfer.sources.count != 1 {
                report.error("--checksum goes with one source", at: checksum.position)
            } else if case .path(let word) = transfer.sources[0], !Self.isRemote(word.text), !Self.mayExpand(word.text)
            {
                report.error("--checksum goes with an address, and the source is a path", at: checksum.position)
            }
        }
        return .add(
            .init(
                transfer: transfer,
                checksum: flags.filledWord("checksum"),
                keepsGitDirectory: flags.truth("keep-git-dir"),
                unpacks: flags.truth("unpack")
            )
        )
    }

    private mutating func transfer(_ request: InstructionRequest, _ flags: KnownFlags) -> Instruction.Transfer? {
        guard var words = list(request) else { return nil }
        guard words.count >= 2, let destination = words.popLast() else {
            report.error(
                "\(request.keyword.name) needs at least a source and a destination",
                at: words.first?.position ?? request.position
            )
            return nil
        }
        if HeredocStart(destination.text) != nil {
            report.error("the destination can't be a text", at: destination.position)
            return nil
        }
        var heredocs = request.heredocs[...]
        let sources = words.map { word -> Instruction.Transfer.Source in
            guard HeredocStart(word.text) != nil, let heredoc = heredocs.popFirst() else { return .path(word) }
            return .heredoc(heredoc)
        }
        if !heredocs.isEmpty {
            report.error("a text stands where no source does: write <<NAME without blanks", at: request.position)
            return nil
        }
        let chmod = flags.filledWord("chmod")
        if let chmod, !Self.mayExpand(chmod.text), ModeChange(chmod.text) == nil {
            report.error(Self.noMode(chmod.text), at: chmod.position)
        }
        let excludes = flags.flags("exclude").map(\.word)
        for exclude in excludes where !Self.mayExpand(exclude.text) {
            do throws(PathPattern.Malformed) { _ = try PathPattern(exclude.text) } catch {
                report.error("\"\(exclude.text)\" is no pattern: \(error.message)", at: exclude.position)
            }
        }
        return .init(
            sources: sources,
            destination: destination,
            chown: flags.filledWord("chown"),
            chmod: chmod,
            isLink: flags.truth("link") ?? false,
            excludes: excludes
        )
    }

    /// What to say of a text that is no mode.
    static func noMode(_ text: String) -> String {
        "\"\(text)\" is no mode: write octal digits up to 7777, or changes such as u=rwX,go=rX"
    }

    /// The arguments as a JSON list, or between blanks.
    private mutating func list(_ request: InstructionRequest) -> [Dockerfile.Word]? {
        switch JSONStrings.read(request.line.scalars, request.rest) {
        case .strings(let strings):
            return strings.map { Dockerfile.Word($0.text, at: request.line.position($0.offset)) }
        case .otherValue(let offset):
            report.error(
                "only texts may stand in the list of \(request.keyword.name)",
                at: request.line.position(offset)
            )
            return nil
        case .none: return request.words
        }
    }

    private mutating func volume(_ request: InstructionRequest) -> Instruction? {
        guard let words = list(request) else { return nil }
        guard !words.isEmpty else {
            report.error("VOLUME needs a path", at: request.position)
            return nil
        }
        if let empty = words.first(where: { $0.text.trimmingBlanks().isEmpty }) {
            report.error("the path of a volume is empty", at: empty.position)
            return nil
        }
        return .volume(words)
    }
}
