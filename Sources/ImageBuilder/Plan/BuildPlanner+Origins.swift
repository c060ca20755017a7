import ComposeModel
import OCISpec

/// What names of stages, images and contexts mean.
extension BuildPlanner {
    /// What the base of a stage is.
    func origin(
        ofBase base: String,
        of stage: Dockerfile.Stage,
        _ platform: Platform,
        _ report: inout DockerfileReport
    ) -> Origin? {
        let position = stage.from.base.position
        if let earlier = self.stage(named: base, before: stage.index) { return .stage(earlier) }
        if base == "scratch" { return .nothing }
        if let (key, context) = namedContext(base) { return origin(of: key, context, platform, at: position, &report) }
        if let later = dockerfile.stages.last(where: { $0.name == base.lowercased() && $0.index > stage.index }) {
            report.warning(
                "this is the image \(base): the stage of that name begins only at line \(later.opening.position.line)",
                at: position
            )
        } else {
            suggestStage(for: base, before: stage.index, at: position, &report)
        }
        return .image(ExternalImage(reference: base, platform: platform))
    }

    /// The last stage of a name that begins before another one.
    func stage(named name: String, before index: Int) -> Int? {
        let name = name.lowercased()
        return dockerfile.stages[..<index].last { $0.name == name }?.index
    }

    /// What stands in the place of a name, and the name under which it was given.
    func namedContext(_ name: String) -> (String, BuildOptions.NamedContext)? {
        guard !options.contexts.isEmpty else { return nil }
        var candidates = [name.lowercased()]
        for prefix in ["docker.io/library/", "docker.io/"] where candidates[0].hasPrefix(prefix) {
            candidates.append(String(candidates[0].dropFirst(prefix.count)))
        }
        candidates += candidates.filter { $0.hasSuffix(":latest") }.map { String($0.dropLast(7)) }
        for candidate in candidates { if let context = options.contexts[candidate] { return (candidate, context) } }
        return nil
    }

    /// What a named context is, at a place that names it; nil when it is nothing, which is told.
    func origin(
        of name: String,
        _ context: BuildOptions.NamedContext,
        _ platform: Platform,
        at position: Dockerfile.Position,
        _ report: inout DockerfileReport
    ) -> Origin? {
        switch context {
        case .directory, .git, .file: return .context(name, context)
        case .image("scratch"): return .nothing
        case .image(let reference): return .image(ExternalImage(reference: reference, platform: platform))
        case .target(let target):
            if let stage = dockerfile.stages.last(where: { $0.name == target.lowercased() }) {
                return .stage(stage.index)
            }
            report.error("the context \(name) is the stage \"\(target)\", which is not there", at: position)
        case .other(let text):
            report.error("the context \(name) is \"\(text)\", which nothing here makes", at: position)
        }
        return nil
    }

    // MARK: References to other stages

    /// A name in `--from` or `from`, and where it stands.
    struct Reference {
        var word: Dockerfile.Word
        /// Whether a number names a stage.
        var mayBeNumber: Bool
    }

    /// The names of stages, images and contexts that an instruction refers to.
    static func references(_ instruction: Instruction) -> [Reference] {
        switch instruction {
        case .copy(let copy): return copy.from.map { [Reference(word: $0, mayBeNumber: true)] } ?? []
        case .run(let run):
            return run.mounts.flatMap { mount in
                mount.options.filter { $0.key == "from" && !($0.value ?? "").isEmpty }
                    .map { Reference(word: .init($0.value ?? "", at: $0.position), mayBeNumber: false) }
            }
        default: return []
        }
    }

    /// Tells of references of a stage that mean nothing.
    func checkReferences(_ node: Node, _ report: inout DockerfileReport) {
        for statement in node.stage.statements {
            for reference in Self.references(statement.instruction) {
                _ = origin(of: reference, in: node, &report)
            }
        }
    }

    /// What a name in an instruction of a stage means; nil when it means nothing, which is told.
    func origin(of reference: Reference, in node: Node, _ report: inout DockerfileReport) -> Origin? {
        let (name, position, index) = (reference.word.text, reference.word.position, node.stage.index)
        if let found = self.stage(named: name, before: index) { return .stage(found) }
        if reference.mayBeNumber, let number = Int(name) {
            if number >= 0 && number < index { return .stage(number) }
            let last = index == 0 ? "there is none before this one" : "those before this one are 0 to \(index - 1)"
            report.error("there is no stage \(number) to copy from: \(last)", at: position)
            return nil
        }
        if let other = dockerfile.stages[index...].first(where: { $0.name == name.lowercased() }) {
            report.error(
                other.index == index
                    ? "the stage \(name) can't take files from itself"
                    : "the stage \(name) begins only at line \(other.opening.position.line), after this one",
                at: position,
                hint: other.index == index ? nil : "a stage takes files only from those above it"
            )
            return nil
        }
        if let (key, context) = namedContext(name) {
            return origin(of: key, context, options.platform, at: position, &report)
        }
        if name == "scratch" { return .nothing }
        suggestStage(for: name, before: index, at: position, &report)
        return .image(ExternalImage(reference: name, platform: options.platform))
    }

    private func suggestStage(
        for name: String,
        before index: Int,
        at position: Dockerfile.Position,
        _ report: inout DockerfileReport
    ) {
        guard !name.contains(where: { "/:.@".contains($0) }) else { return }
        let names = dockerfile.stages[..<index].compactMap(\.name)
        if let nearest = NearestKey.match(name, among: names) {
            report.warning(
                "no stage is called \(name), so it is an image",
                at: position,
                hint: "did you mean \(nearest)?"
            )
        }
    }
}
