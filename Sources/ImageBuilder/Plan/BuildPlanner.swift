import ComposeModel
import OCISpec
package import YAMLComposer

/// Makes the plan of a build: a pure function of a Dockerfile, what is wanted, and the images it is based on.
package struct BuildPlanner: Sendable {
    /// What a stage starts from, or files come from.
    enum Origin: Hashable {
        case nothing
        case stage(Int)
        case image(ExternalImage)
        case context(String, BuildOptions.NamedContext)
    }

    /// A stage with what FROM says, variables replaced.
    struct Node {
        var stage: Dockerfile.Stage
        var origin: Origin
        var platform: Platform
        /// Whether a named context took the stage's place, so that none of its instructions counts.
        var isReplaced = false
    }

    let dockerfile: Dockerfile
    let options: BuildOptions
    let ignoreRules: IgnoreRules
    let builderArguments: BuilderArguments
    /// The arguments before the first FROM, with the platforms.
    private(set) var globals = EnvironmentList()
    private(set) var nodes: [Node] = []
    private var parsed: DockerfileReport
    private(set) var targetIndex = 0

    /// Reads `source`; `ignoreRules` are those of the main context, for a look at sources that are left out.
    package init(_ source: SourceFile, options: BuildOptions, ignoreRules: IgnoreRules = IgnoreRules()) {
        var report: DockerfileReport
        builderArguments = BuilderArguments(options.arguments)
        (dockerfile, report) = DockerfileParser.read(source, syntax: builderArguments.syntax)
        self.options = options
        self.ignoreRules = ignoreRules
        parsed = DockerfileReport(source)
        readGlobals(&report)
        for stage in dockerfile.stages { nodes.append(node(stage, &report)) }
        for node in nodes where !node.isReplaced { checkReferences(node, &report) }
        findTarget(&report)
        reportUnusedArguments(&report)
        parsed = report
    }

    /// The plan, or which images have to be known first; called again with them it goes on.
    ///
    /// Of images only the configuration matters here: their layers may still be under way.
    package func plan(_ images: [ExternalImage: ResolvedImage] = [:]) -> PlanOutcome {
        guard !parsed.hasErrors else {
            var report = parsed
            report.finish()
            return .failed(report.all)
        }
        return PlanDraft(self, images: images, report: parsed).make()
    }

    // MARK: Arguments

    private mutating func readGlobals(_ report: inout DockerfileReport) {
        globals = platformArguments()
        for statement in dockerfile.globalArguments {
            guard case .arg(let arguments) = statement.instruction else { continue }
            for argument in arguments {
                let name = argument.name.text
                if let given = options.arguments[name] {
                    globals[name] = given
                } else if let value = argument.value {
                    let known = globals
                    var expansion = Expansion(escape: dockerfile.escape) { known[$0] }
                    if let text = expansion.expanded(value, &report) { globals[name] = text }
                    reportMissing(expansion.missing, in: statement, at: value.position, .undefinedVar, &report)
                }
            }
        }
    }

    /// What every build knows of platforms, which arguments of the caller override.
    private func platformArguments() -> EnvironmentList {
        var result = EnvironmentList()
        let (build, target) = (options.buildPlatform, options.platform)
        let values = [
            ("BUILDPLATFORM", "\(build)"), ("BUILDOS", build.os), ("BUILDOSVERSION", ""),
            ("BUILDARCH", build.architecture), ("BUILDVARIANT", build.variant ?? ""), ("TARGETPLATFORM", "\(target)"),
            ("TARGETOS", target.os), ("TARGETOSVERSION", ""), ("TARGETARCH", target.architecture),
            ("TARGETVARIANT", target.variant ?? ""),
            ("TARGETSTAGE", options.target ?? dockerfile.stages.last?.name ?? "default"),
        ]
        for (name, value) in values { result[name] = options.arguments[name] ?? value }
        return result
    }

    private func reportMissing(
        _ names: [String],
        in statement: Dockerfile.Statement,
        at position: Dockerfile.Position,
        _ check: DockerfileCheck,
        _ report: inout DockerfileReport
    ) {
        let declared = Set(dockerfile.globalArguments.flatMap { Self.argumentNames($0) })
        for name in names where !declared.contains(name) {
            let nearest = NearestKey.match(name, amongNames: globals.names + declared.sorted())
            report.found(
                check,
                "the argument \(name) is declared nowhere before",
                at: position,
                statement.checks,
                hint: nearest.map { "did you mean \($0)?" } ?? "declare it before the first FROM: ARG \(name)=…"
            )
        }
    }

    private static func argumentNames(_ statement: Dockerfile.Statement) -> [String] {
        if case .arg(let arguments) = statement.instruction { arguments.map(\.name.text) } else { [] }
    }

    /// Arguments that no file has to declare.
    static let predefined: Set<String> = [
        "http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy", "source_date_epoch",
    ]

    private func reportUnusedArguments(_ report: inout DockerfileReport) {
        var declared = Set(dockerfile.globalArguments.flatMap(Self.argumentNames))
        for stage in dockerfile.stages { declared.formUnion(stage.statements.flatMap(Self.argumentNames)) }
        for name in options.arguments.keys.sorted() where !declared.contains(name) {
            let isKnown =
                globals[name] != nil || Self.predefined.contains(name.lowercased()) || name.hasPrefix("BUILDKIT_")
            if isKnown { continue }
            let nearest = NearestKey.match(name, amongNames: declared.sorted())
            report.add(
                Diagnostic(
                    "no ARG declares the build argument \(name)",
                    at: nil,
                    severity: .warning,
                    hint: nearest.map { "did you mean \($0)?" }
                )
            )
        }
    }

    // MARK: FROM

    private func node(_ stage: Dockerfile.Stage, _ report: inout DockerfileReport) -> Node {
        let platform = platform(of: stage, &report)
        if let name = stage.name, let (key, context) = namedContext(name) {
            let origin = origin(of: key, context, platform, at: stage.from.base.position, &report)
            return Node(stage: stage, origin: origin ?? .nothing, platform: platform, isReplaced: true)
        }
        let word = stage.from.base
        var expansion = Expansion(escape: dockerfile.escape) { [globals] in globals[$0] }
        guard let base = expansion.expanded(word, &report) else {
            return Node(stage: stage, origin: .nothing, platform: platform)
        }
        reportMissing(expansion.missing, in: stage.opening, at: word.position, .undefinedArgInFrom, &report)
        checkDefaults(stage, &report)
        guard !base.isEmpty else {
            report.error(
                "the name of the base image is empty: \(word.text)",
                at: word.position,
                hint: expansion.missing.first.map { "give \($0) a value with --build-arg \($0)=…" }
            )
            return Node(stage: stage, origin: .nothing, platform: platform)
        }
        let origin = origin(ofBase: base, of: stage, platform, &report)
        return Node(stage: stage, origin: origin ?? .nothing, platform: platform)
    }

    private func platform(of stage: Dockerfile.Stage, _ report: inout DockerfileReport) -> Platform {
        guard let word = stage.from.platform else { return options.platform }
        var expansion = Expansion(escape: dockerfile.escape) { [globals] in globals[$0] }
        guard let text = expansion.expanded(word, &report) else { return options.platform }
        reportMissing(expansion.missing, in: stage.opening, at: word.position, .undefinedArgInFrom, &report)
        guard let platform = Platform(normalising: text) else {
            report.error("\"\(text)\" is no platform such as linux/amd64", at: word.position)
            return options.platform
        }
        if expansion.used == ["TARGETPLATFORM"] && text == globals["TARGETPLATFORM"] {
            report.found(
                .redundantTargetPlatform,
                "the platform is \(word.text) anyway",
                at: word.position,
                stage.opening.checks
            )
        }
        let name = stage.name ?? ""
        if !DockerfileParser.mayExpand(word.text), !name.contains(platform.os), !name.contains(platform.architecture) {
            report.found(
                .fromPlatformFlagConstDisallowed,
                "the platform is always \(text), whatever the build is for",
                at: word.position,
                stage.opening.checks
            )
        }
        return platform
    }

    /// A file should build when nobody gives it arguments.
    private func checkDefaults(_ stage: Dockerfile.Stage, _ report: inout DockerfileReport) {
        guard DockerfileParser.mayExpand(stage.from.base.text) else { return }
        var known = platformArguments()
        for statement in dockerfile.globalArguments {
            guard case .arg(let arguments) = statement.instruction else { continue }
            for case let (name, value?) in arguments.map({ ($0.name.text, $0.value) }) {
                let before = known
                var expansion = Expansion(escape: dockerfile.escape) { before[$0] }
                if let text = try? expansion.word(value.text) { known[name] = text }
            }
        }
        let defaults = known
        var expansion = Expansion(escape: dockerfile.escape) { defaults[$0] }
        guard let name = try? expansion.word(stage.from.base.text), !name.hasPrefix("rootfs:/"),
            name.isEmpty || name.last == ":" || name.last == "/"
        else { return }
        report.found(
            .invalidDefaultArgInFrom,
            "without arguments \(stage.from.base.text) names no image",
            at: stage.from.base.position,
            stage.opening.checks
        )
    }

    private mutating func findTarget(_ report: inout DockerfileReport) {
        targetIndex = max(dockerfile.stages.count - 1, 0)
        guard let target = options.target, !target.isEmpty else { return }
        if let stage = dockerfile.stages.last(where: { $0.name == target.lowercased() }) {
            targetIndex = stage.index
        } else if let number = Int(target), dockerfile.stages.indices.contains(number) {
            targetIndex = number
        } else {
            let names = dockerfile.stages.compactMap(\.name)
            let nearest = NearestKey.match(target, among: names).map { "did you mean \($0)?" }
            report.add(
                Diagnostic(
                    "the file has no stage \"\(target)\" to build",
                    at: nil,
                    hint: nearest ?? (names.isEmpty ? nil : "its stages are \(names.joined(separator: ", "))")
                )
            )
        }
    }
}

extension Expansion {
    /// The word with its variables replaced; nil when that can't be done, which is told.
    mutating func expanded(_ word: Dockerfile.Word, _ report: inout DockerfileReport) -> String? {
        do throws(Expansion.Failure) { return try self.word(word.text) } catch {
            let column = word.position.column + error.offset
            report.error(error.message, at: Dockerfile.Position(line: word.position.line, column: column))
            return nil
        }
    }
}

extension NearestKey {
    /// The name among others, which may have capitals, that takes the fewest edits.
    static func match(_ name: String, amongNames names: [String]) -> String? {
        let known = Dictionary(names.map { ($0.lowercased(), $0) }) { first, _ in first }
        return match(name, among: known.keys).flatMap { known[$0] }
    }
}

extension Platform {
    /// Reads `os/architecture[/variant]`, or an architecture alone, under the names that machines give themselves too.
    init?(normalising text: String) {
        let lower = text.lowercased()
        guard var platform = Platform(lower.contains("/") ? lower : "linux/\(lower)"), lower != "linux" else {
            return nil
        }
        switch (platform.architecture, platform.variant) {
        case ("x86_64", _), ("x86-64", _): platform.architecture = "amd64"
        case ("aarch64", _): platform.architecture = "arm64"
        case ("armhf", _): (platform.architecture, platform.variant) = ("arm", "v7")
        case ("armel", _): (platform.architecture, platform.variant) = ("arm", "v6")
        default: break
        }
        self = platform
    }
}
