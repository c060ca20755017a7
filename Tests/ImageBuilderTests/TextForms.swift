import OCISpec
import YAMLComposer

@testable import ImageBuilder

/// A Dockerfile as text for tests to compare.
func dump(_ dockerfile: Dockerfile) -> String {
    var lines = dockerfile.directives.map { "# \($0.name)=\($0.value.text) @\(place($0.value.position))" }
    lines += dockerfile.globalArguments.map(dump)
    for stage in dockerfile.stages {
        lines.append(dump(stage.opening))
        lines += stage.statements.map { "  " + dump($0) }
    }
    return lines.joined(separator: "\n")
}

/// What a text says, with what is wrong with it.
func parsed(_ text: String) -> String {
    let (dockerfile, diagnostics) = DockerfileParser.parse(file(text))
    return dump(dockerfile) + (diagnostics.isEmpty ? "" : "\n" + DiagnosticRenderer().render(diagnostics))
}

/// What is wrong with a text, alone.
func mistakes(_ text: String) -> String {
    DiagnosticRenderer().render(DockerfileParser.parse(file(text)).diagnostics)
}

func file(_ text: String) -> SourceFile { SourceFile(name: "Dockerfile", bytes: Array(text.utf8), kind: .lines) }

private func place(_ position: Dockerfile.Position) -> String { "\(position.line):\(position.column)" }

private func dump(_ statement: Dockerfile.Statement) -> String {
    "\(place(statement.position))-\(statement.lastLine) \(dump(statement.instruction))"
}

private func dump(_ word: Dockerfile.Word) -> String { "\(quoted(word.text))@\(place(word.position))" }

private func quoted(_ text: String) -> String {
    "<" + text.replacing("\n", with: "\u{23CE}").replacing("\t", with: "\u{21E5}").replacing("\r", with: "\u{240D}")
        + ">"
}

private func dump(_ heredoc: Dockerfile.Heredoc) -> String {
    let flags = (heredoc.stripsTabs ? "-" : "") + (heredoc.expands ? "$" : "")
    return "\(heredoc.name)\(flags)@\(place(heredoc.position)) \(quoted(heredoc.content))"
}

private func dump(_ command: Instruction.CommandLine) -> String {
    switch command {
    case .shell(let text): "shell \(quoted(text))"
    case .exec(let words): "exec [\(words.map(quoted).joined(separator: " "))]"
    }
}

private func dump(_ transfer: Instruction.Transfer) -> String {
    var parts = transfer.sources.map { source in
        switch source {
        case .path(let word): dump(word)
        case .heredoc(let heredoc): "text \(dump(heredoc))"
        }
    }
    parts.append("to \(dump(transfer.destination))")
    if let chown = transfer.chown { parts.append("owner \(dump(chown))") }
    if let chmod = transfer.chmod { parts.append("mode \(dump(chmod))") }
    if transfer.isLink { parts.append("link") }
    parts += transfer.excludes.map { "without \(dump($0))" }
    return parts.joined(separator: " ")
}

private func dump(_ mount: Instruction.MountOptions) -> String {
    let options = mount.options.map { "\($0.key)\($0.value.map { "=" + quoted($0) } ?? "")@\(place($0.position))" }
    return "mount(" + options.joined(separator: " ") + ")"
}

private func dump(_ instruction: Instruction) -> String {
    switch instruction {
    case .from(let from):
        var parts = ["from", dump(from.base)]
        if let platform = from.platform { parts.append("platform \(dump(platform))") }
        if let name = from.name { parts.append("as \(dump(name))") }
        return parts.joined(separator: " ")
    case .run(let run):
        var parts = ["run", dump(run.command)] + run.mounts.map(dump)
        if run.network != .default { parts.append("network \(run.network)") }
        if run.security != .sandbox { parts.append("security \(run.security)") }
        return (parts + run.heredocs.map(dump)).joined(separator: " ")
    case .copy(let copy):
        var parts = ["copy", dump(copy.transfer)]
        if let from = copy.from { parts.append("from \(dump(from))") }
        if copy.keepsParents { parts.append("parents") }
        return parts.joined(separator: " ")
    case .add(let add):
        var parts = ["add", dump(add.transfer)]
        if let checksum = add.checksum { parts.append("checksum \(dump(checksum))") }
        if let keeps = add.keepsGitDirectory { parts.append("git \(keeps)") }
        if let unpacks = add.unpacks { parts.append("unpack \(unpacks)") }
        return parts.joined(separator: " ")
    case .env(let pairs): return "env " + pairs.map { "\(dump($0.name))=\(dump($0.value))" }.joined(separator: " ")
    case .label(let pairs): return "label " + pairs.map { "\(dump($0.name))=\(dump($0.value))" }.joined(separator: " ")
    case .arg(let arguments):
        return "arg " + arguments.map { dump($0.name) + ($0.value.map { "=" + dump($0) } ?? "") }.joined(separator: " ")
    case .workdir(let word): return "workdir \(dump(word))"
    case .user(let word): return "user \(dump(word))"
    case .expose(let words): return "expose " + words.map(dump).joined(separator: " ")
    case .volume(let words): return "volume " + words.map(dump).joined(separator: " ")
    case .cmd(let command): return "cmd \(dump(command))"
    case .entrypoint(let command): return "entrypoint \(dump(command))"
    case .healthcheck(let check):
        return "healthcheck \(check.test.map(dump) ?? "none") every \(check.interval) at most \(check.timeout) after "
            + "\(check.startPeriod) then every \(check.startInterval) retries \(check.retries)"
    case .stopsignal(let word): return "stopsignal \(dump(word))"
    case .shell(let words): return "shell [\(words.map(quoted).joined(separator: " "))]"
    case .onbuild(let trigger): return "onbuild \(quoted(trigger.expression))@\(place(trigger.position))"
    case .maintainer(let name): return "maintainer \(quoted(name))"
    }
}

/// A plan as text for tests to compare: steps, and of each stage what comes out.
func dump(_ plan: BuildPlan) -> String {
    var lines = plan.steps.map(dump)
    for stage in plan.stages {
        let layers = stage.layers.map(\.description).joined(separator: " ")
        lines.append("stage \(stage.label): filesystem \(stage.filesystem?.description ?? "none") layers [\(layers)]")
        lines += dump(stage.configuration).map { "  " + $0 }
        lines += stage.history.map { "  \($0.step?.description ?? "-") \(quoted($0.createdBy))" }
    }
    return lines.joined(separator: "\n")
        + (plan.warnings.isEmpty ? "" : "\n" + DiagnosticRenderer().render(plan.warnings))
}

private func dump(_ step: BuildStep) -> String {
    var parts = ["\(step.id)"]
    if let mark = step.mark { parts.append("line \(mark.line)") }
    parts += [step.label, quoted(step.title)]
    if let base = step.base { parts.append("on \(base)") }
    if !step.dependencies.isEmpty {
        parts.append("after " + step.dependencies.map(\.description).joined(separator: " "))
    }
    if !step.mayUseCache { parts.append("uncached") }
    return ([parts.joined(separator: " ")] + dump(step.operation)).joined(separator: "\n    ")
}

private func dump(_ operation: BuildStep.Operation) -> [String] {
    switch operation {
    case .image, .context: return []
    case .directory(let directory): return ["mkdir \(directory.path)" + (directory.owner.map { " as \($0)" } ?? "")]
    case .run(let run):
        var lines = ["exec [\(run.arguments.map(quoted).joined(separator: " "))]"]
        lines.append(
            "env \(run.environment.joined(separator: " ")) in \(run.workingDirectory)"
                + (run.user.map { " as \($0)" } ?? "")
        )
        if !run.unkeyedEnvironment.isEmpty { lines.append("unkeyed \(run.unkeyedEnvironment.joined(separator: " "))") }
        if run.network != .default || run.security != .sandbox { lines.append("\(run.network) \(run.security)") }
        if let script = run.script { lines.append("script \(script.path) \(quoted(script.content))") }
        return lines + run.mounts.map { "mount \($0.target ?? "nowhere") \(dump($0.kind))" }
    case .copy(let copy):
        var flags = copy.isIntoDirectory ? ["into"] : []
        if let owner = copy.owner { flags.append("owner \(owner)") }
        if let mode = copy.mode { flags.append("mode \(mode)") }
        if copy.keepsParents { flags.append("parents") }
        if copy.isLinked { flags.append("link") }
        if copy.unpacking != .never { flags.append("unpack \(copy.unpacking)") }
        return copy.sources.map { "take \(dump($0))" }
            + ["to \(copy.destination)" + (flags.isEmpty ? "" : " " + flags.joined(separator: " "))]
    }
}

private func dump(_ source: CopyOperation.Source) -> String {
    switch source {
    case .files(let files):
        let path = files.base.isEmpty ? files.pattern : "\(files.base) / \(files.pattern)"
        var parts = ["\(files.source)", quoted(path), "\(files.wildcards)"]
        if !files.excludes.isEmpty { parts.append("without \(files.excludes.joined(separator: " "))") }
        if !files.honoursIgnoreFile { parts.append("all") }
        return parts.joined(separator: " ")
    case .text(let name, let content): return "\(name) \(quoted(content))"
    case .download(let url, let checksum): return "\(url) \(checksum?.rawValue ?? "unchecked")"
    case .git(let url, let commit, let keeps, let excludes):
        let parts = ["git \(url) \(commit ?? "any") \(keeps ? "with" : "without") .git"]
        return (parts + excludes.map { "without \($0)" }).joined(separator: " ")
    }
}

private func dump(_ kind: RunOperation.Mount.Kind) -> String {
    var parts: [String]
    switch kind {
    case .bind(let bind):
        parts = ["bind \(bind.source) \(quoted(bind.path))"]
        if bind.isWritable { parts.append("writable") }
        if !bind.honoursIgnoreFile { parts.append("all") }
    case .cache(let cache):
        parts = ["cache \(cache.id) \(cache.sharing.rawValue)"]
        if cache.isReadOnly { parts.append("read-only") }
        parts.append("\(String(cache.mode, radix: 8)) \(cache.uid):\(cache.gid)")
        if let seed = cache.seed { parts.append("from \(seed) \(quoted(cache.seedPath))") }
    case .tmpfs(let size):
        parts = ["tmpfs"] + (size.map { ["\($0)"] } ?? [])
    case .secret(let secret):
        parts = ["secret \(secret.id)"]
        if secret.isRequired { parts.append("required") }
        if let variable = secret.variable { parts.append("as $\(variable)") }
        parts.append("\(String(secret.mode, radix: 8)) \(secret.uid):\(secret.gid)")
    case .ssh(let agent):
        parts = ["ssh \(agent.id)"]
        if agent.isRequired { parts.append("required") }
        parts.append(String(agent.mode, radix: 8))
    }
    return parts.joined(separator: " ")
}

private func dump(_ configuration: ImageConfiguration) -> [String] {
    var lines: [String] = []
    func add(_ name: String, _ value: String?) { if let value { lines.append("\(name) \(value)") } }
    func list(_ words: [String]?) -> String? { words.map { "[" + $0.map(quoted).joined(separator: " ") + "]" } }
    add("platform", configuration.platform?.description)
    add("author", configuration.author)
    let config = configuration.config
    add("env", config?.environment?.joined(separator: " "))
    add("user", config?.user)
    add("directory", config?.workingDirectory)
    add("entrypoint", list(config?.entrypoint))
    add("command", list(config?.command))
    add("shell", list(config?.shell))
    add(
        "labels",
        config?.labels.map { $0.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ") }
    )
    add("ports", config.flatMap { $0.exposedPorts.isEmpty ? nil : $0.exposedPorts.joined(separator: " ") })
    add("volumes", config.flatMap { $0.volumes.isEmpty ? nil : $0.volumes.joined(separator: " ") })
    add("stop", config?.stopSignal)
    add("onbuild", list(config?.onBuild))
    if let health = config?.healthcheck {
        add(
            "health",
            "\(list(health.test) ?? "") \(health.interval ?? 0) \(health.timeout ?? 0) \(health.retries ?? 0)"
        )
    }
    return lines
}
