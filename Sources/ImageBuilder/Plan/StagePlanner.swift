import ComposeModel
import OCISpec
import YAMLComposer

/// Plans a stage, one instruction after the other.
struct StagePlanner {
    let draft: PlanDraft
    var state: StageState
    let node: BuildPlanner.Node
    private(set) var instruction: PlanDraft.StageInstruction

    /// Begins a stage behind its FROM.
    init(_ draft: PlanDraft, _ state: StageState, _ node: BuildPlanner.Node) {
        self.draft = draft
        self.state = state
        self.node = node
        instruction = PlanDraft.StageInstruction(statement: node.stage.opening, trigger: nil)
    }

    private var statement: Dockerfile.Statement { instruction.statement }
    private var escape: Unicode.Scalar { instruction.trigger == nil ? draft.planner.dockerfile.escape : "\\" }

    mutating func plan(_ instruction: PlanDraft.StageInstruction) {
        self.instruction = instruction
        switch statement.instruction {
        case .run(let run): plan(run)
        case .copy(let copy): plan(copy)
        case .add(let add): plan(add)
        case .workdir(let word): plan(workdir: word)
        case .env(let pairs): plan(environment: pairs)
        case .arg(let arguments): for argument in arguments { plan(argument) }
        case .label(let pairs): plan(labels: pairs)
        case .user(let word): plan(user: word)
        case .expose(let words): plan(ports: words)
        case .volume(let words): plan(volumes: words)
        case .stopsignal(let word): plan(signal: word)
        case .cmd(let command): plan(command: command)
        case .entrypoint(let command): plan(entrypoint: command)
        case .healthcheck(let check): plan(check)
        case .shell(let shell):
            state.process.shell = shell
            remember("SHELL \(Self.list(shell))")
        case .onbuild(let trigger):
            state.process.onBuild = (state.process.onBuild ?? []) + [trigger.expression]
            remember("ONBUILD \(Self.firstLine(trigger.expression))")
        case .maintainer(let name):
            state.configuration.author = name
            remember("MAINTAINER \(name)")
        case .from: break
        }
    }

    // MARK: Words

    /// The word with its variables replaced; nil when that can't be done, which is told.
    mutating func expanded(_ word: Dockerfile.Word) -> String? {
        var expansion = expansion()
        let text = expansion.expanded(word, &draft.report)
        tellUndefined(expansion.missing, at: word.position)
        return text
    }

    func expansion(
        escape: Unicode.Scalar? = nil,
        quoting: Expansion.Quoting = .removed,
        keepsUnset: Bool = false
    ) -> Expansion {
        let environment = state.environment
        return Expansion(escape: escape ?? self.escape, quoting: quoting, keepsUnset: keepsUnset) { environment[$0] }
    }

    mutating func tellUndefined(_ names: [String], at position: Dockerfile.Position) {
        for name in names where !state.arguments.contains(name) {
            let nearest = NearestKey.match(name, amongNames: state.environment.names)
            let isGlobal = draft.planner.globals[name] != nil
            draft.report.found(
                .undefinedVar,
                "the variable \(name) is set nowhere before",
                at: position,
                statement.checks,
                hint: isGlobal ? "a stage knows it only behind ARG \(name)" : nearest.map { "did you mean $\($0)?" }
            )
        }
    }

    mutating func error(_ message: String, at position: Dockerfile.Position, hint: String? = nil) {
        draft.report.error(message, at: position, hint: hint)
    }

    // MARK: Results

    /// Adds a line to the history; `step` is what made a layer.
    mutating func remember(_ text: String, step: StepID? = nil) {
        state.history.append(.init(createdBy: text, step: step))
    }

    /// The instruction as people see it: in one line, with the variables that are known.
    var title: String {
        var expansion = expansion(quoting: .kept, keepsUnset: true)
        let text = (try? expansion.word(statement.text)) ?? statement.text
        let keyword = text.prefix { !$0.isWhitespace }
        let prefix = instruction.trigger == nil ? "" : "ONBUILD "
        return prefix + keyword.uppercased() + text.dropFirst(keyword.count)
    }

    /// Adds a step above the filesystem so far.
    mutating func add(_ operation: BuildStep.Operation, title: String) -> StepID {
        let position = instruction.trigger == nil ? statement.position : node.stage.opening.position
        let id = draft.add(
            operation,
            title: title,
            mark: draft.planner.dockerfile.mark(position),
            stage: node.stage.index,
            base: state.filesystem
        )
        state.filesystem = id
        state.layers.append(id)
        return id
    }

    /// The step that a name in the instruction means, and whether it is a context; nil after a mistake.
    mutating func source(
        of word: Dockerfile.Word?,
        mayBeNumber: Bool
    ) -> (step: StepID?, isContext: Bool)? {
        guard let word else { return (draft.step(of: .main), true) }
        let reference = BuildPlanner.Reference(word: word, mayBeNumber: mayBeNumber)
        guard let origin = draft.planner.origin(of: reference, in: node, &draft.report) else { return nil }
        if case .context = origin { return (draft.step(of: origin), true) }
        return (draft.step(of: origin), false)
    }

    static func list(_ texts: [String]) -> String {
        "["
            + texts.map { "\"\($0.replacing("\\", with: "\\\\").replacing("\"", with: "\\\""))\"" }.joined(
                separator: ", "
            )
            + "]"
    }

    static func firstLine(_ text: String) -> String { String(text.prefix { !$0.isNewline }) }

    // MARK: Variables

    private mutating func plan(environment pairs: [Instruction.Pair]) {
        let values = expanded(pairs)
        for (name, value) in values { state.setEnvironment(name, value) }
        remember("ENV " + values.map { "\($0.0)=\($0.1)" }.joined(separator: " "))
    }

    private mutating func plan(labels pairs: [Instruction.Pair]) {
        let values = expanded(pairs)
        state.process.labels = (state.process.labels ?? [:]).merging(values) { $1 }
        remember("LABEL " + values.map { "\($0.0)=\($0.1)" }.joined(separator: " "))
    }

    /// All of one instruction see the variables before it.
    private mutating func expanded(_ pairs: [Instruction.Pair]) -> [(String, String)] {
        var result: [(String, String)] = []
        for pair in pairs {
            guard let name = expanded(pair.name), let value = expanded(pair.value) else { continue }
            guard !name.isEmpty else {
                error("the name is empty: \(pair.name.text)", at: pair.name.position)
                continue
            }
            result.append((name, value))
        }
        return result
    }

    private mutating func plan(_ argument: Instruction.Argument) {
        let name = argument.name.text
        var value = draft.planner.options.arguments[name]
        if value == nil {
            if let word = argument.value {
                value = expanded(word)
            } else {
                value = draft.planner.globals[name]
            }
        }
        if let value { state.environment[name] = value }
        if !state.arguments.contains(name) { state.arguments.append(name) }
        remember("ARG \(name)" + (value.map { "=\($0)" } ?? ""))
    }

    // MARK: How the image runs

    private mutating func plan(user word: Dockerfile.Word) {
        guard let user = expanded(word) else { return }
        guard !user.isEmpty else { return error("the user is empty: \(word.text)", at: word.position) }
        state.process.user = user
        remember("USER \(user)")
    }

    private mutating func plan(ports words: [Dockerfile.Word]) {
        var ports: [String] = []
        for word in words {
            var expansion = expansion()
            do throws(Expansion.Failure) {
                for text in try expansion.words(word.text) {
                    ports += ExposedPorts.read(.init(text, at: word.position), report: &draft.report, statement.checks)
                }
            } catch { self.error(error.message, at: word.position) }
            tellUndefined(expansion.missing, at: word.position)
        }
        state.process.exposedPorts += ports
        remember("EXPOSE \(ports.joined(separator: " "))")
    }

    private mutating func plan(volumes words: [Dockerfile.Word]) {
        let volumes = words.compactMap { expanded($0) }
        if volumes.contains("") { return error("the path of a volume is empty", at: statement.position) }
        state.process.volumes += volumes
        remember("VOLUME \(Self.list(volumes))")
    }

    private mutating func plan(signal word: Dockerfile.Word) {
        guard let text = expanded(word) else { return }
        guard Signal(text: text) != nil else {
            return error(
                "there is no signal \"\(text)\"",
                at: word.position,
                hint: Signal.nearest(to: text).map { "did you mean \($0)?" }
            )
        }
        state.process.stopSignal = text
        remember("STOPSIGNAL \(text)")
    }

    private mutating func plan(command: Instruction.CommandLine) {
        let words = words(of: command, "CMD")
        state.process.command = words
        state.hasCommand = true
        remember("CMD \(Self.list(words))")
    }

    private mutating func plan(entrypoint command: Instruction.CommandLine) {
        let words = words(of: command, "ENTRYPOINT")
        state.process.entrypoint = words.isEmpty ? nil : words
        // What the base image has was meant for its own entry point.
        if !state.hasCommand { state.process.command = nil }
        remember("ENTRYPOINT \(Self.list(words))")
    }

    private mutating func words(of command: Instruction.CommandLine, _ keyword: String) -> [String] {
        switch command {
        case .exec(let words): return words
        case .shell(let text):
            if state.process.shell?.isEmpty ?? true {
                draft.report.found(
                    .jsonArgsRecommended,
                    "a shell stands between \(keyword) and signals",
                    at: statement.position,
                    statement.checks,
                    hint: "write a list: \(keyword) [\"program\", \"argument\"]"
                )
            }
            return state.shell + [text]
        }
    }

    private mutating func plan(_ check: Instruction.Healthcheck) {
        var health = ProcessDefaults.Healthcheck()
        switch check.test {
        case nil: health.test = ["NONE"]
        case .exec(let words): health.test = ["CMD"] + words
        case .shell(let text): health.test = ["CMD-SHELL", text]
        }
        func given(_ time: Int64) -> Int64? { time == 0 ? nil : time }
        health.interval = given(check.interval)
        health.timeout = given(check.timeout)
        health.startPeriod = given(check.startPeriod)
        health.startInterval = given(check.startInterval)
        health.retries = check.retries == 0 ? nil : check.retries
        state.process.healthcheck = health
        remember("HEALTHCHECK \(Self.list(health.test ?? []))")
    }
}
