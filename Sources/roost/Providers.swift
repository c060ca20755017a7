import ComposeModel
import FoundationEssentials
import Glibc
import LinuxSystem
import Orchestrator
import YAMLComposer

/// Services whose lifecycle is another program's, which docker compose calls providers: run as docker compose runs them.
struct Providers {
    /// What is known of each, those first that others depend on.
    private(set) var all: [ProjectDirectory.Provider] = []
    /// The services that depend on each.
    private var dependents: [String: [String]] = [:]

    /// Takes providers out of a tree, and everybody's dependencies on them: to the supervisor they are nothing.
    init(takenFrom tree: inout YAMLNode, _ diagnostics: DiagnosticCollector) {
        var found: [String: ProjectDirectory.Provider] = [:]
        var edges: [String: Set<String>] = [:]
        for entry in tree["services"]?.mapping?.entries ?? [] {
            guard let provider = entry.value["provider"], let type = provider["type"]?.string else { continue }
            found[entry.key] = .init(service: entry.key, type: type, arguments: Self.arguments(provider["options"]))
            edges[entry.key] = Set(entry.value["depends_on"]?.mapping?.keys ?? [])
        }
        guard !found.isEmpty else { return }
        for (name, others) in edges {
            guard let other = others.sorted().first(where: { found[$0] == nil }) else { continue }
            diagnostics.error(
                "services.\(name).depends_on: a provider comes before all services, and can't wait for \(other)",
                at: tree["services"]?[name]?["depends_on"]?[other]?.mark
            )
        }
        all = DependencyOrder.sorted(found.keys.sorted(), edges: edges).compactMap { found[$0] }
        tree.edit("services") { services in
            for name in found.keys { services.remove(name) }
            services.editEntries { name, service in
                for other in service["depends_on"]?.mapping?.keys ?? [] where found[other] != nil {
                    dependents[other, default: []].append(name)
                    service.edit("depends_on") { $0.remove(other) }
                }
            }
        }
    }

    private static func arguments(_ options: YAMLNode?) -> [String] {
        (options?.mapping?.entries ?? []).sorted { $0.key < $1.key }.flatMap { entry in
            (entry.value.sequence ?? [entry.value]).compactMap(\.scalarText).map { "--\(entry.key)=\($0)" }
        }
    }

    /// Has every provider bring its service up; what it has to tell goes into the environment of those who depend on it.
    func bringUp(_ project: String, _ tree: inout YAMLNode) throws {
        for provider in all {
            for (name, value) in try Self.run("up", provider, project) {
                tree.edit("services") { services in
                    for dependent in dependents[provider.service] ?? [] {
                        services.edit(dependent) { service in
                            service.setDefault("environment", .mapping(.init()))
                            service.edit("environment") { $0.set(name, .string(value)) }
                        }
                    }
                }
            }
        }
    }

    /// What a provider says on a line.
    private struct Line: Decodable {
        var type: String
        var message: String
    }

    /// Runs a provider's program; returns the variables that it sets.
    ///
    /// What else it says goes to standard error.
    @discardableResult
    static func run(
        _ verb: String,
        _ provider: ProjectDirectory.Provider,
        _ project: String
    ) throws -> [(name: String, value: String)] {
        let program = try program(of: provider)
        let output = try start(
            [program, "compose", "--project-name=\(project)", verb] + provider.arguments + [provider.service]
        )
        var variables: [(name: String, value: String)] = []
        for text in output.text.split(separator: "\n") {
            // Other programs' words are not ours to refuse.
            guard let line = try? JSONDecoder().decode(Line.self, from: Data(text.utf8)) else {
                ProcessContext.writeError("\(provider.service): \(text)\n")
                continue
            }
            let parts = line.message.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(
                String.init
            )
            switch line.type {
            case "setenv" where parts.count == 2: variables.append((prefix(of: provider.service) + parts[0], parts[1]))
            case "rawsetenv" where parts.count == 2: variables.append((parts[0], parts[1]))
            case "error": throw UserError("\(provider.service): \(line.message)")
            case "debug": break
            default: ProcessContext.writeError("\(provider.service): \(line.message)\n")
            }
        }
        guard output.status == .exited(0) else {
            throw UserError(
                "\(provider.service): \"\(provider.type) compose \(verb)\" ended with status \(output.status.shellStatus)"
            )
        }
        return variables
    }

    private static func prefix(of service: String) -> String {
        service.uppercased().map { $0.isLetter || $0.isNumber ? String($0) : "_" }.joined() + "_"
    }

    /// Docker's plugins come first, as they do there.
    private static func program(of provider: ProjectDirectory.Provider) throws -> String {
        guard !provider.type.contains("/"), !provider.type.isEmpty else {
            throw UserError("services.\(provider.service).provider: \"\(provider.type)\" is no name of a program")
        }
        let environment = ProcessContext.environment
        let libraries = ["/usr/local/lib", "/usr/local/libexec", "/usr/lib", "/usr/libexec"]
        let plugins =
            ["\(environment["HOME"] ?? "/root")/.docker/cli-plugins"] + libraries.map { $0 + "/docker/cli-plugins" }
        let paths = (environment["PATH"] ?? "/usr/bin:/bin").split(separator: ":")
        let candidates = plugins.map { "\($0)/docker-\(provider.type)" } + paths.map { "\($0)/\(provider.type)" }
        guard let found = candidates.first(where: { unsafe access($0, X_OK) == 0 }) else {
            throw UserError(
                "services.\(provider.service).provider: there is no program \"\(provider.type)\", and no docker plugin of that name"
            )
        }
        return found
    }

    private static func launch(_ arguments: [String], output: Int32) throws -> LaunchedProcess {
        let null = try OwnedDescriptor.null().duplicate(atLeast: 10)
        // Nobody may hold the pipe's end when the program has ended.
        defer { for descriptor in [null, output] { _ = OwnedDescriptor(adopting: descriptor) } }
        var plan = LaunchPlan(namespaces: [])
        var descriptors: [LaunchSlot: Int32] = [:]
        for (source, number) in [(null, 0), (output, 1)] as [(Int32, UInt32)] {
            let slot = plan.makeSlot("descriptor-\(number)")
            descriptors[slot] = source
            plan.append(.duplicate(slot, as: number))
        }
        plan.append(.closeDescriptors(from: 3))
        let environment = ProcessContext.environment.map { "\($0.key)=\($0.value)" }
        plan.append(.execute(candidates: [arguments[0]], arguments: arguments, environment: environment))
        let process = try LaunchedProcess.start(plan, descriptors: descriptors)
        try process.awaitExecution()
        return process
    }

    private static func start(_ arguments: [String]) throws -> (text: String, status: ProcessStatus) {
        let pipe = try Pipe()
        let process = try launch(arguments, output: pipe.writing.duplicate(atLeast: 10))
        let reading = pipe.takeReading()
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = unsafe read(reading.rawValue, &buffer, buffer.count)
            if count < 0 && errno == EINTR { continue }
            // A provider that says more than this says nothing.
            guard count > 0, bytes.count < 16 << 20 else { break }
            bytes += buffer[..<count]
        }
        return (String(decoding: bytes, as: UTF8.self), try process.waitForExit())
    }
}
