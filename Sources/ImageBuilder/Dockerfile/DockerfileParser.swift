package import YAMLComposer
import ComposeModel

/// Reads a Dockerfile: BuildKit's reference, with the mistakes of a whole file told at once.
package struct DockerfileParser {
    /// How many bytes a file may have.
    package static let byteLimit = 4 << 20
    /// How many instructions a file may have.
    package static let instructionLimit = 10_000
    /// How many stages a file may have.
    package static let stageLimit = 1_000

    /// The words that begin instructions.
    enum Keyword: String, CaseIterable {
        case add, arg, cmd, copy, entrypoint, env, expose, from, healthcheck, label, maintainer, onbuild, run, shell
        case stopsignal, user, volume, workdir

        /// As people write it.
        var name: String { rawValue.uppercased() }
    }

    var reader: LineReader
    var report: DockerfileReport
    /// What counts for the instruction that is read.
    var checks = CheckOptions()
    private var dockerfile: Dockerfile
    /// What counts in the place of the directive `syntax`.
    private var syntax: String?
    /// How instructions are written, for a look at them all.
    private var spellings: [(text: String, position: Dockerfile.Position, checks: CheckOptions)] = []

    private init(_ source: SourceFile) {
        reader = LineReader(source)
        report = DockerfileReport(source)
        dockerfile = Dockerfile(source: source, directives: [], escape: "\\", globalArguments: [], stages: [])
    }

    /// What `source` says, and what is wrong with it; with mistakes, what could be read all the same.
    package static func parse(_ source: SourceFile) -> (dockerfile: Dockerfile, diagnostics: [Diagnostic]) {
        let (dockerfile, report) = read(source)
        return (dockerfile, report.all)
    }

    /// The same, for those who have more to tell.
    ///
    /// `syntax` counts in the place of what the file says about its language.
    static func read(
        _ source: SourceFile,
        syntax: String? = nil
    ) -> (dockerfile: Dockerfile, report: DockerfileReport) {
        var parser = DockerfileParser(source)
        parser.syntax = syntax
        if let syntax { parser.checkSyntax(syntax, at: Dockerfile.Position(line: 1, column: 1)) }
        parser.readAll()
        return (parser.dockerfile, parser.report)
    }

    /// Reads the instruction of a trigger that an image keeps; nil when it is none, which is told.
    static func trigger(
        _ text: String,
        from image: String
    ) -> (statement: Dockerfile.Statement?, report: DockerfileReport) {
        let source = SourceFile(name: "ONBUILD of \(image)", bytes: Array(text.utf8), kind: .lines)
        var parser = DockerfileParser(source)
        guard let found = parser.reader.instruction() else { return (nil, parser.report) }
        let statement = parser.statement(found.line, found.line.all, isTrigger: true)
        if let more = parser.reader.instruction() {
            parser.report.error("a trigger is one instruction", at: more.line.position(0))
        }
        return (parser.report.hasErrors ? nil : statement, parser.report)
    }

    private mutating func readAll() {
        let bytes = dockerfile.source.bytes
        let start = Dockerfile.Position(line: 1, column: 1)
        guard bytes.count <= Self.byteLimit else {
            return report.error("the file has more than \(Self.byteLimit) bytes, which is no Dockerfile", at: start)
        }
        if let zero = bytes.firstIndex(of: 0) {
            return report.error("the file has a zero byte, so it is no text", at: place(of: zero))
        }
        guard String(validating: bytes, as: UTF8.self) != nil else {
            return report.error("the file is no UTF-8 text", at: start)
        }
        readDirectives()
        var count = 0
        while let found = reader.instruction() {
            count += 1
            guard count <= Self.instructionLimit else {
                return report.error(
                    "the file has more than \(Self.instructionLimit) instructions",
                    at: found.line.position(0)
                )
            }
            guard take(found) else { break }
        }
        finish()
    }

    private func place(of offset: Int) -> Dockerfile.Position {
        let before = dockerfile.source.bytes[..<offset]
        let line = before.count { $0 == 0x0A } + 1
        return Dockerfile.Position(line: line, column: 1)
    }

    // MARK: Directives

    private mutating func readDirectives() {
        var seen: Set<String> = []
        while true {
            let before = reader
            guard let comment = reader.directiveLine() else { return }
            guard let (name, value) = Self.directive(comment.text) else {
                reader.unread(to: before)
                return
            }
            // The value stands at the end of the line, so its column is counted from there.
            let trailing = comment.text.trimmingBlanks().unicodeScalars.count - value.unicodeScalars.count
            let position = Dockerfile.Position(
                line: comment.position.line,
                column: comment.position.column + max(trailing, 0)
            )
            guard seen.insert(name).inserted else {
                report.error("the directive \(name) is there twice", at: comment.position)
                continue
            }
            dockerfile.directives.append(.init(name: name, value: .init(value, at: position)))
            apply(name, value, at: position)
        }
    }

    /// The name in lower case and the value of `name = value`, when it is a directive.
    private static func directive(_ text: String) -> (String, String)? {
        guard let equals = text.firstIndex(of: "=") else { return nil }
        let name = text[..<equals].trimmingBlanks().lowercased()
        let value = text[text.index(after: equals)...].trimmingBlanks()
        return ["syntax", "escape", "check"].contains(name) && !value.isEmpty ? (name, value) : nil
    }

    private mutating func apply(_ name: String, _ value: String, at position: Dockerfile.Position) {
        switch name {
        case "escape":
            guard value == "\\" || value == "`" else {
                return report.error("the escape character is \\ or `, not \"\(value)\"", at: position)
            }
            dockerfile.escape = value == "`" ? "`" : "\\"
            reader.escape = dockerfile.escape
        case "syntax": if syntax == nil { checkSyntax(value, at: position) }
        default:
            for mistake in checks.apply(value) { report.warning("\(mistake)", at: position) }
        }
    }

    /// Frontends are programs from a registry that read the file; only the language of Docker's own is spoken here.
    private mutating func checkSyntax(_ value: String, at position: Dockerfile.Position) {
        let reference = value.split(separator: " ").first.map(String.init) ?? value
        var name = reference.split(separator: "@")[0][...]
        if let colon = name.lastIndex(of: ":"), !name[colon...].contains("/") { name = name[..<colon] }
        if name.hasPrefix("docker.io/") { name = name.dropFirst("docker.io/".count) }
        guard !["docker/dockerfile", "docker/dockerfile-upstream", "dockerfile.v0"].contains(name) else { return }
        report.error(
            "the file wants to be read by the program \"\(reference)\", and Roost runs no such programs",
            at: position,
            hint: "if it is written in Docker's language, say docker/dockerfile:1 or leave the line out"
        )
    }

    // MARK: Instructions

    /// Takes an instruction in; false when nothing after it can be understood.
    private mutating func take(_ found: LineReader.Found) -> Bool {
        let fileChecks = checks
        defer { checks = fileChecks }
        for comment in found.comments {
            if let (name, value) = Self.directive(comment.text), name == "check" { _ = checks.apply(value) }
        }
        let start = found.line.position(0)
        guard !found.isTooLong else {
            report.error("the instruction has more than \(LineReader.instructionLimit) characters", at: start)
            return true
        }
        if let empty = found.emptyLine {
            report.found(.noEmptyContinuation, "an empty line stands within an instruction", at: empty, checks)
        }
        guard let statement = statement(found.line, found.line.all, isTrigger: false) else { return !isLost }
        spellings.append((String(statement.text.prefix { !$0.isWhitespace }), start, checks))
        add(statement)
        return true
    }

    /// Whether a heredoc has no end: what follows is its text, not instructions.
    private var isLost = false

    private mutating func add(_ statement: Dockerfile.Statement) {
        if case .from(let from) = statement.instruction {
            guard dockerfile.stages.count < Self.stageLimit else {
                if dockerfile.stages.count == Self.stageLimit {
                    report.error("the file has more than \(Self.stageLimit) stages", at: statement.position)
                }
                return
            }
            dockerfile.stages.append(
                Dockerfile.Stage(index: dockerfile.stages.count, from: from, opening: statement, statements: [])
            )
        } else if !dockerfile.stages.isEmpty {
            dockerfile.stages[dockerfile.stages.count - 1].statements.append(statement)
        } else if case .arg = statement.instruction {
            dockerfile.globalArguments.append(statement)
        } else {
            let keyword = statement.text.prefix { !$0.isWhitespace }.uppercased()
            report.error(
                "\(keyword) stands before the first FROM",
                at: statement.position,
                hint: "only ARG may; a file begins with FROM, which says what the image is based on"
            )
        }
    }

    /// Reads one instruction, which is a part of a line when it stands behind ONBUILD.
    mutating func statement(
        _ line: LogicalLine,
        _ range: Range<Int>,
        isTrigger: Bool
    ) -> Dockerfile.Statement? {
        let range = line.trimmed(range)
        let end = range.first { line.scalars[$0].isBlank } ?? range.upperBound
        let word = line.word(range.lowerBound..<end)
        guard let keyword = Keyword(rawValue: word.text.lowercased()) else {
            unknown(word, isTrigger: isTrigger)
            return nil
        }
        if isTrigger && [.onbuild, .from, .maintainer].contains(keyword) {
            report.error("\(keyword.name) can't stand behind ONBUILD", at: word.position)
            return nil
        }
        let (flags, rest) = line.flags(end..<range.upperBound, escape: reader.escape)
        var line = line
        guard let heredocs = heredocs(keyword, &line, rest) else { return nil }
        let request = InstructionRequest(
            keyword: keyword,
            line: line,
            rest: rest,
            flags: flags,
            heredocs: heredocs,
            position: word.position,
            spelling: word.text
        )
        guard let instruction = instruction(request) else { return nil }
        return Dockerfile.Statement(
            instruction: instruction,
            text: line.text(range),
            position: word.position,
            // A text below what stands behind ONBUILD belongs to it too.
            lastLine: keyword == .onbuild ? reader.line : line.lastLine,
            checks: checks
        )
    }

    private mutating func unknown(_ word: Dockerfile.Word, isTrigger: Bool) {
        let nearest = NearestKey.match(word.text, among: Keyword.allCases.map(\.rawValue))
        let hint =
            nearest.map { "did you mean \($0.uppercased())?" }
            ?? (isTrigger ? nil : "if it belongs to the line before, that one has to end with \(reader.escape)")
        report.error("there is no instruction \"\(word.text.prefix(100))\"", at: word.position, hint: hint)
    }

    /// Reads the texts below an instruction; nil when one has no end.
    private mutating func heredocs(
        _ keyword: Keyword,
        _ line: inout LogicalLine,
        _ rest: Range<Int>
    ) -> [Dockerfile.Heredoc]? {
        guard [.run, .copy, .add].contains(keyword) else { return [] }
        if case .strings = JSONStrings.read(line.scalars, rest) { return [] }
        var result: [Dockerfile.Heredoc] = []
        for (start, word) in HeredocStart.all(in: line, rest) {
            guard let (content, position) = reader.heredoc(word.name, stripsTabs: word.stripsTabs) else {
                let hint =
                    word.name.contains { ">|&;".contains($0) }
                    ? "the word is all that stands there up to a blank: write a blank behind it" : nil
                report.error("no line \"\(word.name)\" ends this text", at: line.position(start), hint: hint)
                isLost = true
                return nil
            }
            line.extend(to: reader.line)
            result.append(
                Dockerfile.Heredoc(
                    name: word.name,
                    content: content,
                    stripsTabs: word.stripsTabs,
                    expands: word.expands,
                    position: position
                )
            )
        }
        return result
    }

    // MARK: The file as a whole

    private mutating func finish() {
        if dockerfile.stages.isEmpty && !report.hasErrors {
            report.error(
                "the file has no FROM, so there is nothing to build",
                at: Dockerfile.Position(line: 1, column: 1),
                hint: "FROM scratch begins with nothing, FROM rootfs:/ with the programs of this host"
            )
        }
        checkStageNames()
        checkCasing()
        for stage in dockerfile.stages { checkRepetitions(stage) }
    }

    private mutating func checkStageNames() {
        var known: Set<String> = []
        for stage in dockerfile.stages {
            guard let name = stage.name, let position = stage.from.name?.position else { continue }
            let checks = stage.opening.checks
            if ["context", "scratch"].contains(name) {
                report.found(.reservedStageName, "the name \(name) has a meaning of its own", at: position, checks)
            }
            if !known.insert(name).inserted {
                report.found(
                    .duplicateStageName,
                    "another stage is called \(name) too, and only this one is found by the name from here on",
                    at: position,
                    checks
                )
            }
        }
    }

    private mutating func checkCasing() {
        let lower = spellings.count { $0.text == $0.text.lowercased() }
        let upper = spellings.count { $0.text == $0.text.uppercased() }
        for spelling in spellings {
            let wanted = lower > upper ? spelling.text.lowercased() : spelling.text.uppercased()
            guard spelling.text != wanted else { continue }
            report.found(
                .consistentInstructionCasing,
                "\(spelling.text) is written otherwise than most instructions of the file: \(wanted)",
                at: spelling.position,
                spelling.checks
            )
        }
    }

    /// Of some instructions only the last one of a stage counts.
    private mutating func checkRepetitions(_ stage: Dockerfile.Stage) {
        var last: [String: Dockerfile.Statement] = [:]
        for statement in stage.statements {
            let name: String
            switch statement.instruction {
            case .cmd: name = "CMD"
            case .entrypoint: name = "ENTRYPOINT"
            case .healthcheck: name = "HEALTHCHECK"
            default: continue
            }
            if let earlier = last[name] {
                report.found(
                    .multipleInstructionsDisallowed,
                    "this \(name) does not count: another one follows in the stage, at line \(statement.position.line)",
                    at: earlier.position,
                    earlier.checks
                )
            }
            last[name] = statement
        }
    }
}

/// An instruction before its arguments were read.
struct InstructionRequest {
    var keyword: DockerfileParser.Keyword
    var line: LogicalLine
    /// What follows the flags.
    var rest: Range<Int>
    var flags: [InstructionFlag]
    var heredocs: [Dockerfile.Heredoc]
    /// Where the keyword stands.
    var position: Dockerfile.Position
    /// The keyword as it is written.
    var spelling: String

    /// Where the arguments begin, or would.
    var restPosition: Dockerfile.Position { line.position(rest.lowerBound) }
    var text: String { line.text(rest) }
    /// The arguments between blanks.
    var words: [Dockerfile.Word] { line.parts(rest).map(line.word) }
}
