extension StagePlanner {
    mutating func plan(_ run: Instruction.Run) {
        if run.network == .host && !draft.planner.options.allowsHostNetwork {
            error(
                "RUN --network=host is not allowed in this build",
                at: instruction.statement.position,
                hint: "allow it: entitlements: [network.host], or --allow network.host"
            )
        }
        if run.security == .insecure && !draft.planner.options.allowsInsecure {
            error(
                "RUN --security=insecure is not allowed in this build",
                at: instruction.statement.position,
                hint: "allow it: entitlements: [security.insecure], or --allow security.insecure"
            )
        }
        var mounts: [RunOperation.Mount] = []
        for options in run.mounts {
            guard let request = request(options), let mount = mount(request, options, index: mounts.count) else {
                return
            }
            mounts.append(mount)
        }
        let (arguments, script) = command(run)
        let title = title + Self.summary(run)
        let step = add(
            .run(
                RunOperation(
                    arguments: arguments,
                    environment: state.environment.texts,
                    unkeyedEnvironment: proxies,
                    workingDirectory: state.workingDirectory,
                    user: state.user,
                    network: run.network,
                    security: run.security,
                    mounts: mounts,
                    script: script,
                    hostname: draft.planner.builderArguments.hostname
                )
            ),
            title: title
        )
        let values = state.arguments.compactMap { name in state.environment[name].map { "\(name)=\($0)" } }
        let before = values.isEmpty ? [] : ["|\(values.count)"] + values
        remember((["RUN"] + before + arguments).joined(separator: " "), step: step)
    }

    /// What runs, and the text that lies beside it as a program.
    private func command(_ run: Instruction.Run) -> (arguments: [String], script: RunOperation.Script?) {
        let text: String
        switch run.command {
        case .exec(let words): return (words, nil)
        case .shell(let line): text = line
        }
        guard let first = run.heredocs.first else { return (state.shell + [text], nil) }
        guard run.heredocs.count == 1, HeredocStart(text) != nil else {
            // The shell reads the texts itself, behind its command.
            let texts = run.heredocs.map { "\n\($0.content)\($0.name)" }
            return (state.shell + [text + texts.joined()], nil)
        }
        guard first.text.hasPrefix("#!") else { return (state.shell + [first.text], nil) }
        let name = PathText.lastPart(PathText.belowRoot(first.name))
        let path = "/dev/pipes/\(name.isEmpty ? "script" : name)"
        return ([path], RunOperation.Script(path: path, content: first.text))
    }

    /// The first line of a text that is the command.
    private static func summary(_ run: Instruction.Run) -> String {
        guard let heredoc = run.heredocs.first else { return "" }
        let text = heredoc.text.trimmingBlanks()
        let line = firstLine(text)
        return " (\(line)\(line.count < text.count ? "\u{2026}" : ""))"
    }

    /// The caller's proxies, which commands know and images and keys do not.
    private var proxies: [String] {
        var result: [String] = []
        for (name, value) in draft.planner.options.arguments.sorted(by: { $0.key < $1.key }) {
            guard name.lowercased().hasSuffix("_proxy"), BuildPlanner.predefined.contains(name.lowercased()) else {
                continue
            }
            for spelling in [name.uppercased(), name.lowercased()] where state.environment[spelling] == nil {
                result.append("\(spelling)=\(value)")
            }
        }
        return result
    }

    // MARK: Mounts

    private mutating func request(_ options: Instruction.MountOptions) -> MountRequest? {
        var expansion = expansion()
        var failure: (Expansion.Failure, Dockerfile.Position)?
        let expand: MountRequest.Expander = { word in
            do throws(Expansion.Failure) { return try expansion.word(word.text) } catch {
                failure = (error, word.position)
                return nil
            }
        }
        let request = MountRequest.read(options, expand: expand, report: &draft.report)
        if let (failure, position) = failure { error(failure.message, at: position) }
        tellUndefined(expansion.missing, at: options.position)
        return request
    }

    private mutating func mount(
        _ request: MountRequest,
        _ options: Instruction.MountOptions,
        index: Int
    ) -> RunOperation.Mount? {
        let target = request.target.flatMap { $0.isEmpty ? nil : PathText.absolute($0, in: state.workingDirectory) }
        if target == "/" {
            error("nothing can be mounted on /", at: options.position)
            return nil
        }
        switch request.kind {
        case .bind: return bind(request, target, options)
        case .cache: return cache(request, target, options)
        case .tmpfs: return .init(target: target, kind: .tmpfs(size: request.size), position: options.position)
        case .secret: return secret(request, target, options)
        case .ssh:
            let agent = RunOperation.Agent(
                id: request.id ?? "default",
                isRequired: request.isRequired,
                mode: request.mode ?? 0o600,
                uid: request.uid ?? 0,
                gid: request.gid ?? 0
            )
            return .init(
                target: target ?? "/run/buildkit/ssh_agent.\(index)",
                kind: .ssh(agent),
                position: options.position
            )
        }
    }

    private mutating func bind(
        _ request: MountRequest,
        _ target: String?,
        _ options: Instruction.MountOptions
    ) -> RunOperation.Mount? {
        guard let source = source(of: request.from, mayBeNumber: false) else { return nil }
        guard let step = source.step else {
            error("\(request.from?.text ?? "it") has no files", at: request.from?.position ?? options.position)
            return nil
        }
        let bind = RunOperation.Bind(
            source: step,
            path: PathText.belowRoot(request.source ?? ""),
            isWritable: !(request.isReadOnly ?? true),
            honoursIgnoreFile: source.isContext
        )
        return .init(target: target, kind: .bind(bind), position: options.position)
    }

    private mutating func cache(
        _ request: MountRequest,
        _ target: String?,
        _ options: Instruction.MountOptions
    ) -> RunOperation.Mount? {
        var seed: StepID?
        if let from = request.from {
            guard let source = source(of: from, mayBeNumber: false) else { return nil }
            seed = source.step
        }
        let id = request.id.flatMap { $0.isEmpty ? nil : $0 } ?? PathText.cleaned(request.target ?? "")
        let cache = RunOperation.Cache(
            id: draft.planner.builderArguments.cacheNamespace.isEmpty
                ? id : "\(draft.planner.builderArguments.cacheNamespace)/\(id)",
            sharing: request.sharing ?? .shared,
            isReadOnly: request.isReadOnly ?? false,
            seed: seed,
            seedPath: PathText.belowRoot(request.source ?? ""),
            mode: request.mode ?? 0o755,
            uid: request.uid ?? 0,
            gid: request.gid ?? 0
        )
        return .init(target: target, kind: .cache(cache), position: options.position)
    }

    private mutating func secret(
        _ request: MountRequest,
        _ target: String?,
        _ options: Instruction.MountOptions
    ) -> RunOperation.Mount? {
        let named = [request.source, request.id].compactMap { $0 }.first { !$0.isEmpty }
        guard let id = named ?? target.map(PathText.lastPart), !id.isEmpty else {
            error("a secret needs an id or a target", at: options.position)
            return nil
        }
        let variable = request.variable.map { $0.isEmpty ? PathText.lastPart(id) : $0 }
        let secret = RunOperation.Secret(
            id: id,
            isRequired: request.isRequired,
            variable: variable,
            mode: request.mode ?? 0o400,
            uid: request.uid ?? 0,
            gid: request.gid ?? 0
        )
        let file = target ?? (variable == nil ? "/run/secrets/\(PathText.lastPart(id))" : nil)
        return .init(target: file, kind: .secret(secret), position: options.position)
    }
}
