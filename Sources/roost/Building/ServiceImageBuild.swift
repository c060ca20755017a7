import ComposeModel
import ImageBuilder
import ImageStore
import LinuxSystem
import OCISpec
import YAMLComposer

/// What the options of a command say about every build.
struct BuildChoices {
    /// `--build-arg`, with their values.
    var arguments: [String: String] = [:]
    var ignoresCache = false
    var refreshesBases = false
    /// Bytes of memory of one step.
    var memoryBytes: Int64?
    /// `--ssh`: sockets of agents by name.
    var agents: [String: String] = [:]
    var isQuiet = false
}

/// Turns `build:` of a service into a build.
struct ServiceImageBuild {
    let project: Project
    let service: Service
    var build: ServiceBuild
    let choices: BuildChoices
    let environment: [String: String]
    /// Whether the context was fetched: nothing in it may lead out of it.
    private(set) var isFetched = false
    /// The file of the Dockerfile where the context is an address of nothing else.
    private(set) var fetchedDockerfile: String?

    init(
        project: Project,
        service: Service,
        build: ServiceBuild,
        choices: BuildChoices,
        environment: [String: String]
    ) {
        self.project = project
        self.service = service
        self.build = build
        self.choices = choices
        self.environment = environment
    }

    private var isRepository: Bool { GitAddress.isAddress(build.context) }
    /// Whether the context is somewhere else.
    var isRemote: Bool { isRepository || RemoteFile.isAddress(build.context) }

    /// The same with its context on this host: a repository or an archive is fetched.
    func located(_ shared: BuilderResources) throws -> ServiceImageBuild {
        guard isRemote else { return self }
        var located = self
        located.isFetched = true
        let settings = try settings()
        if isRepository {
            located.build.context = try shared.fetchContext(build.context, as: settings)
        } else {
            switch try shared.fetchContextFile(build.context, as: settings) {
            case .directory(let path): located.build.context = path
            case .dockerfile(let file, let context):
                located.fetchedDockerfile = file
                located.build.context = context
            }
        }
        return located
    }

    /// The full names of the image.
    func names() throws(UserError) -> [String] {
        var names: [String] = []
        for text in [project.imageName(of: service)] + build.tags {
            guard let tagged = ImageName(text)?.tagged else {
                throw UserError("services.\(service.name): \"\(text)\" can't be the name of an image that is built")
            }
            if !names.contains(tagged) { names.append(tagged) }
        }
        return names
    }

    /// The build, with its Dockerfile read and checked.
    ///
    /// Warnings are the plan's. Throws `ImageBuild.Mistakes` for what is wrong with the Dockerfile.
    func imageBuild() throws -> ImageBuild {
        let ignored = try ignoreRules()
        let planner = BuildPlanner(try dockerfile(), options: try options(), ignoreRules: ignored)
        return ImageBuild(
            contextDirectory: build.context,
            ignored: ignored,
            settings: try settings(),
            names: try names()
        ) { planner.plan($0) }
    }

    // MARK: files

    private var dockerfilePath: String {
        let name = build.dockerfile ?? "Dockerfile"
        return name.hasPrefix("/") ? name : "\(build.context)/\(name)"
    }

    private func dockerfile() throws -> SourceFile {
        if let text = build.dockerfileText {
            return SourceFile(
                name: "services.\(service.name).build.dockerfile_inline",
                bytes: Array(text.utf8),
                kind: .lines
            )
        }
        if let fetchedDockerfile {
            do throws(SyscallError) {
                let bytes = try readBytes(fetchedDockerfile, limit: DockerfileParser.byteLimit)
                return SourceFile(name: service.build?.context ?? "Dockerfile", bytes: bytes, kind: .lines)
            } catch { throw UserError("services.\(service.name).build: \(error)") }
        }
        var path = dockerfilePath
        if build.dockerfile == nil || build.dockerfile == "Dockerfile", !fileExists(path),
            fileExists("\(build.context)/dockerfile")
        {
            path = "\(build.context)/dockerfile"
        }
        do throws(SyscallError) {
            let bytes = try bytes(of: path, limit: DockerfileParser.byteLimit)
            return SourceFile(name: shown(path), bytes: bytes, kind: .lines)
        } catch {
            guard error.errno == .notFound else { throw UserError("services.\(service.name).build: \(error)") }
            throw UserError(
                "services.\(service.name).build: there is no \(shown(path)); make it, or name another with \"dockerfile\""
            )
        }
    }

    /// Reads a file, which has to be beneath a context that was fetched.
    private func bytes(of path: String, limit: Int) throws(SyscallError) -> [UInt8] {
        guard isFetched else { return try readBytes(path, limit: limit) }
        let prefix = "\(build.context)/"
        let name = path.hasPrefix(prefix) ? String(path.dropFirst(prefix.utf8.count)) : path
        return try ContextFile.read(name, beneath: build.context, limit: limit)
    }

    /// A path as people write it.
    private func shown(_ path: String) -> String {
        // What was fetched lies where nobody has to look for it.
        if isFetched, path.hasPrefix("\(build.context)/") {
            return String(path.dropFirst(build.context.utf8.count + 1))
        }
        let directory = ProcessContext.workingDirectory
        return path.hasPrefix("\(directory)/") ? String(path.dropFirst(directory.utf8.count + 1)) : path
    }

    private func ignoreRules() throws -> IgnoreRules {
        let own = "\(dockerfilePath).dockerignore"
        let candidates =
            build.dockerfileText == nil && fetchedDockerfile == nil
            ? [own, "\(build.context)/.dockerignore"] : ["\(build.context)/.dockerignore"]
        for path in candidates {
            let bytes: [UInt8]
            do throws(SyscallError) { bytes = try self.bytes(of: path, limit: IgnoreFile.byteLimit) } catch {
                if error.errno == .notFound { continue }
                throw UserError("services.\(service.name).build: \(error)")
            }
            let (rules, mistakes) = IgnoreFile.rules(of: SourceFile(name: shown(path), bytes: bytes, kind: .lines))
            guard mistakes.isEmpty else { throw ImageBuild.Mistakes(diagnostics: mistakes) }
            return rules
        }
        return IgnoreRules()
    }

    // MARK: options

    private var arguments: [String: String] { build.arguments.merging(choices.arguments) { $1 } }

    private func options() throws(UserError) -> BuildOptions {
        var options = BuildOptions()
        options.target = build.target
        options.arguments = arguments
        options.labels = [
            "com.docker.compose.project": project.name, "com.docker.compose.service": service.name,
        ].merging(build.labels) { $1 }
        options.cacheBypass =
            choices.ignoresCache || build.ignoresCache
            ? .everything : build.uncachedStages.isEmpty ? .nothing : .stages(Set(build.uncachedStages))
        for context in build.contexts { options.contexts[context.name.lowercased()] = try named(context.value) }
        options.allowsHostNetwork =
            build.isPrivileged || build.network == "host" || build.entitlements.contains("network.host")
        options.allowsInsecure = build.isPrivileged || build.entitlements.contains("security.insecure")
        return options
    }

    private func named(_ value: String) throws(UserError) -> BuildOptions.NamedContext {
        if value.hasPrefix("service:") {
            let name = String(value.dropFirst("service:".count))
            guard let other = project.service(name) else {
                throw UserError("services.\(service.name).build: there is no service \"\(name)\" to build from")
            }
            return .image(project.imageName(of: other))
        }
        if value.hasPrefix("docker-image://") { return .image(String(value.dropFirst("docker-image://".count))) }
        if value.hasPrefix("rootfs:") { return .image(value) }
        if value.hasPrefix("/") { return .directory(value) }
        return GitAddress.isAddress(value) ? .git(value) : .file(value)
    }

    private func settings() throws(UserError) -> BuildSettings {
        var settings = BuildSettings()
        switch build.network {
        case "host": settings.network = .host
        case "none": settings.network = .none
        default: settings.network = .own
        }
        settings.sharedMemoryBytes = build.sharedMemoryBytes
        settings.environment = environment
        settings.memoryBytes = choices.memoryBytes
        settings.limits = build.ulimits.map {
            .init(type: "RLIMIT_\($0.resource.rawValue.uppercased())", soft: $0.soft ?? .max, hard: $0.hard ?? .max)
        }
        settings.extraHosts = build.extraHosts.map { entry in
            switch entry.address {
            case .address(let address): .init(name: entry.name, address: address.description)
            case .hostGateway: .init(name: entry.name, address: "host-gateway")
            }
        }
        settings.isPrivileged = build.isPrivileged
        settings.cacheSources = build.cacheSources.compactMap { directory(of: $0, ["src", "source"]) }
        settings.cacheTargets = build.cacheTargets.compactMap { directory(of: $0, ["dest"]) }
        for secret in build.secrets { settings.secrets[secret.id] = try source(of: secret) }
        for (name, path) in build.agents.merging(choices.agents, uniquingKeysWith: { $1 }) {
            guard let socket = path.isEmpty ? environment["SSH_AUTH_SOCK"] : path else {
                throw UserError(
                    "services.\(service.name).build.ssh: the environment has no SSH_AUTH_SOCK; start an agent"
                )
            }
            settings.agents[name] = socket
        }
        settings.keepsGitDirectory = BuilderArguments(arguments).keepsGitDirectory
        if let text = arguments["SOURCE_DATE_EPOCH"] ?? environment["SOURCE_DATE_EPOCH"] {
            guard let seconds = Int64(text), seconds >= 0 else {
                throw UserError("SOURCE_DATE_EPOCH is \"\(text)\", which is no number of seconds")
            }
            settings.latestTime = seconds
        }
        return settings
    }

    /// The directory of a local cache, `type=local,src=DIRECTORY`; nil for caches of other kinds.
    private func directory(of text: String, _ keys: [String]) -> String? {
        // What has another form is none of ours, and was warned about.
        let options = (try? pairs(text.split(separator: ",").map(String.init), "a cache")) ?? [:]
        guard options["type"] == "local", let path = keys.lazy.compactMap({ options[$0] }).first else { return nil }
        return path.hasPrefix("/") ? path : "\(project.directory)/\(path)"
    }

    private func source(of secret: ServiceBuild.Secret) throws(UserError) -> BuildSettings.SecretSource {
        let place = "services.\(service.name).build.secrets"
        guard let object = project.secret(secret.source) else {
            throw UserError("\(place): there is no secret \"\(secret.source)\"")
        }
        switch object.source {
        case .file(let path): return .file(path)
        case .content(let text): return .value(Array(text.utf8))
        case .environment(let name):
            guard let value = environment[name] else {
                throw UserError("\(place): the environment has no \(name) for the secret \"\(secret.source)\"")
            }
            return .value(Array(value.utf8))
        case .external:
            throw UserError("\(place): the secret \"\(secret.source)\" is external, and nobody keeps those here")
        }
    }
}
