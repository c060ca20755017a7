import OCISpec
import YAMLComposer

/// A plan in the making; a class, so that each stage adds to the same lists.
final class PlanDraft {
    let planner: BuildPlanner
    let images: [ExternalImage: ResolvedImage]
    var report: DockerfileReport
    private(set) var steps: [BuildStep] = []
    private(set) var stages: [Int: StageState] = [:]
    private var imageSteps: [ExternalImage: StepID] = [:]
    private var contextSteps: [BuildContext: StepID] = [:]
    /// The instructions of each needed stage, with those that its base leaves to it before.
    private var instructions: [Int: [StageInstruction]] = [:]
    /// The needed stages, each after those it needs.
    private var order: [Int] = []

    /// An instruction that a stage has, and where it comes from.
    struct StageInstruction {
        var statement: Dockerfile.Statement
        /// The trigger and where its text stands; nil for an instruction of the stage itself.
        var trigger: SourceFile?
    }

    init(_ planner: BuildPlanner, images: [ExternalImage: ResolvedImage], report: DockerfileReport) {
        self.planner = planner
        self.images = images
        self.report = report
    }

    func make() -> PlanOutcome {
        var missing: [ExternalImage: SourceMark] = [:]
        var path: [Int] = []
        visit(planner.targetIndex, &path, &missing)
        if !report.hasErrors, !missing.isEmpty {
            let needed = missing.map { NeededImage(image: $0.key, mark: $0.value) }
            return .needs(
                needed.sorted {
                    ($0.image.reference, "\($0.image.platform)") < ($1.image.reference, "\($1.image.platform)")
                }
            )
        }
        if !report.hasErrors { for index in order { plan(planner.nodes[index]) } }
        report.finish()
        guard !report.hasErrors else { return .failed(report.all) }
        number()
        return .planned(
            BuildPlan(
                steps: steps,
                stages: order.compactMap { index in stages[index].map { finished($0, planner.nodes[index]) } },
                warnings: report.all
            )
        )
    }

    // MARK: What is needed

    /// Takes a stage in after those it needs; notes images that are not known yet.
    private func visit(_ index: Int, _ path: inout [Int], _ missing: inout [ExternalImage: SourceMark]) {
        guard instructions[index] == nil, planner.nodes.indices.contains(index) else { return }
        let node = planner.nodes[index]
        guard !path.contains(index) else {
            let names = path.map { Self.label(planner.nodes[$0]) }.joined(separator: ", ")
            report.error("the stages \(names) need one another", at: node.stage.opening.position)
            return
        }
        path.append(index)
        defer { path.removeLast() }
        let mark = planner.dockerfile.mark(node.stage.from.base.position)
        visit(node.origin, mark, &path, &missing)
        var own: [StageInstruction] = []
        if !node.isReplaced {
            own = triggers(for: node) + node.stage.statements.map { StageInstruction(statement: $0, trigger: nil) }
        }
        for instruction in own {
            for reference in BuildPlanner.references(instruction.statement.instruction) {
                guard let origin = origin(of: reference, instruction, node) else { continue }
                let isOwn = instruction.trigger == nil
                visit(origin, isOwn ? planner.dockerfile.mark(reference.word.position) : mark, &path, &missing)
            }
        }
        instructions[index] = own
        order.append(index)
    }

    private func visit(
        _ origin: BuildPlanner.Origin,
        _ mark: SourceMark,
        _ path: inout [Int],
        _ missing: inout [ExternalImage: SourceMark]
    ) {
        switch origin {
        case .stage(let index): visit(index, &path, &missing)
        case .image(let image): if images[image] == nil, missing[image] == nil { missing[image] = mark }
        case .nothing, .context: break
        }
    }

    /// What a name means in an instruction, which may be one that the base left.
    func origin(
        of reference: BuildPlanner.Reference,
        _ instruction: StageInstruction,
        _ node: BuildPlanner.Node
    ) -> BuildPlanner.Origin? {
        reporting(instruction, node) { planner.origin(of: reference, in: node, &report) }
    }

    /// Does something whose mistakes are told of the place of an instruction: of FROM, for what the base left.
    func reporting<T>(
        _ instruction: StageInstruction,
        _ node: BuildPlanner.Node,
        _ body: () -> T
    ) -> T {
        guard let source = instruction.trigger else { return body() }
        let own = report
        report = DockerfileReport(source)
        let result = body()
        let found = report
        report = own
        add(found, of: node)
        return result
    }

    /// Tells mistakes in what the base left.
    private func add(_ found: DockerfileReport, of node: BuildPlanner.Node) {
        let mark = planner.dockerfile.mark(node.stage.from.base.position)
        for diagnostic in found.all where diagnostic.severity == .error {
            let text = diagnostic.mark?.file.line(1) ?? ""
            report.add(
                Diagnostic(
                    "\(diagnostic.message), in what the base leaves to its users: ONBUILD \(text.prefix(200))",
                    at: mark,
                    hint: diagnostic.hint
                )
            )
        }
    }

    /// The instructions that the base of a stage leaves to it.
    private func triggers(for node: BuildPlanner.Node) -> [StageInstruction] {
        let texts: [String]
        switch node.origin {
        case .image(let image): texts = images[image]?.configuration.config?.onBuild ?? []
        case .stage(let index) where !planner.nodes[index].isReplaced:
            texts = planner.nodes[index].stage.statements.compactMap {
                if case .onbuild(let trigger) = $0.instruction { trigger.expression } else { nil }
            }
        case .stage, .nothing, .context: texts = []
        }
        var result: [StageInstruction] = []
        for text in texts.prefix(1000) {
            let (statement, found) = DockerfileParser.trigger(text, from: node.stage.from.base.text)
            add(found, of: node)
            if let statement { result.append(StageInstruction(statement: statement, trigger: found.source)) }
        }
        return result
    }

    // MARK: Steps

    private func plan(_ node: BuildPlanner.Node) {
        var stage = StagePlanner(self, start(node), node)
        for instruction in instructions[node.stage.index] ?? [] {
            reporting(instruction, node) { stage.plan(instruction) }
        }
        stages[node.stage.index] = stage.state
    }

    private func start(_ node: BuildPlanner.Node) -> StageState {
        var state = StageState(platform: node.platform)
        switch node.origin {
        case .nothing: break
        case .stage(let index):
            // It is there: stages are planned after those they need.
            if let base = stages[index] { state = base.inherited }
            return state
        case .image(let image):
            guard let resolved = images[image] else { break }
            checkPlatform(resolved, of: node)
            state = StageState(resolved, platform: node.platform)
            state.filesystem = step(of: resolved, stage: node)
        case .context(let name, let context):
            state.filesystem = step(of: .named(name, context))
        }
        state.addDefaultPath()
        return state
    }

    private func checkPlatform(_ image: ResolvedImage, of node: BuildPlanner.Node) {
        guard let platform = image.configuration.platform, !node.platform.accepts(platform) else { return }
        report.found(
            .invalidBaseImagePlatform,
            "the image \(image.image.reference) is for \(platform), not for \(node.platform)",
            at: node.stage.from.base.position,
            node.stage.opening.checks
        )
    }

    /// The step that makes an image available; one for all who use it.
    func step(of image: ResolvedImage, stage: BuildPlanner.Node?) -> StepID {
        if let known = imageSteps[image.image] { return known }
        let id = add(
            .image(image),
            title: "FROM \(image.image.reference)",
            mark: stage.map { planner.dockerfile.mark($0.stage.opening.position) },
            stage: stage?.stage.index
        )
        imageSteps[image.image] = id
        return id
    }

    /// The step that makes a context available.
    func step(of context: BuildContext) -> StepID {
        if let known = contextSteps[context] { return known }
        let title: String
        switch context {
        case .main: title = "load the build context"
        case .named(let name, _): title = "load the context \(name)"
        }
        let id = add(.context(context), title: title)
        contextSteps[context] = id
        return id
    }

    /// The step whose result a name in an instruction means; nil for nothing at all.
    func step(of origin: BuildPlanner.Origin) -> StepID? {
        switch origin {
        case .nothing: nil
        case .stage(let index): stages[index]?.filesystem
        case .image(let image): images[image].map { step(of: $0, stage: nil) }
        case .context(let name, let context): step(of: .named(name, context))
        }
    }

    /// Adds a step after those it waits for.
    func add(
        _ operation: BuildStep.Operation,
        title: String,
        mark: SourceMark? = nil,
        stage: Int? = nil,
        base: StepID? = nil
    ) -> StepID {
        let id = StepID(rawValue: steps.count)
        var step = BuildStep(
            id: id,
            stage: stage,
            label: "",
            title: title,
            mark: mark,
            base: base,
            operation: operation,
            mayUseCache: true,
            dependencies: []
        )
        var sources = step.inputs.compactMap { if case .files(let files) = $0 { files.source } else { nil } }
        if let base { sources.insert(base, at: 0) }
        var known: Set<StepID> = []
        step.dependencies = sources.filter { known.insert($0).inserted }
        switch (operation, planner.options.cacheBypass) {
        case (.image, _), (.context, _), (_, .nothing): break
        case (_, .everything): step.mayUseCache = false
        case (_, .stages(let names)):
            let node = stage.map { planner.nodes[$0].stage }
            let own = [node?.name, node.map { "\($0.index)" }].compactMap { $0 }
            step.mayUseCache = !own.contains { name in names.contains { $0.lowercased() == name } }
        }
        steps.append(step)
        return id
    }

    // MARK: The end

    static func label(_ node: BuildPlanner.Node) -> String { node.stage.name ?? "stage-\(node.stage.index)" }

    /// Gives steps what stands before them in progress: `[build 3/7]`.
    private func number() {
        var totals: [Int: Int] = [:]
        for step in steps { if let stage = step.stage { totals[stage, default: 0] += 1 } }
        var counts: [Int: Int] = [:]
        for index in steps.indices {
            guard let stage = steps[index].stage else {
                if case .image = steps[index].operation {
                    steps[index].label = "[image]"
                } else {
                    steps[index].label = "[context]"
                }
                continue
            }
            counts[stage, default: 0] += 1
            let isOnly = planner.nodes.count == 1 && planner.nodes[stage].stage.name == nil
            let name = isOnly ? "" : Self.label(planner.nodes[stage]) + " "
            let (total, count) = ("\(totals[stage] ?? 0)", "\(counts[stage] ?? 0)")
            let padding = String(repeating: " ", count: max(0, total.count - count.count))
            steps[index].label = "[\(name)\(padding)\(count)/\(total)]"
        }
    }

    private func finished(_ state: StageState, _ node: BuildPlanner.Node) -> BuildPlan.Stage {
        var configuration = state.configuration
        configuration.rootfs = nil
        configuration.created = nil
        if node.stage.index == planner.targetIndex, !planner.options.labels.isEmpty {
            var process = configuration.config ?? ProcessDefaults()
            process.labels = (process.labels ?? [:]).merging(planner.options.labels) { $1 }
            configuration.config = process
        }
        return BuildPlan.Stage(
            index: node.stage.index,
            name: node.stage.name,
            label: Self.label(node),
            platform: state.platform,
            filesystem: state.filesystem,
            configuration: configuration,
            history: state.history,
            base: state.base,
            layers: state.layers
        )
    }
}
