import ArgumentParser
import ComposeModel
import Glibc
import Orchestrator

extension ProjectOptions {
    /// Puts the variables of `.env` that configure Compose into the process, where it has none of the name.
    ///
    /// What is wrong with the file is told by whoever loads the project.
    func adoptSettings() {
        let loader = Loader(loadOptions(services: []), reader: DiskFileReader(), diagnostics: DiagnosticCollector())
        for (name, value) in loader.settings() { unsafe setenv(name, value, 0) }
    }

    /// Checks the variables that configure Compose, in the process or from `.env`.
    func checkSettings() throws {
        let environment = ProcessContext.environment
        if let limit = environment["COMPOSE_PARALLEL_LIMIT"], parallel == nil, Int(limit) == nil {
            throw ValidationError("COMPOSE_PARALLEL_LIMIT is a whole number, not \"\(limit)\"")
        }
        if let progress = environment["COMPOSE_PROGRESS"], self.progress == nil { try Self.check(progress: progress) }
    }

    /// What stands between the parts of container names: `--compatibility`, or `COMPOSE_COMPATIBILITY`.
    var nameSeparator: String { compatibility || ProcessContext.isOn("COMPOSE_COMPATIBILITY") ? "_" : "-" }

    /// How much is done at once: `--parallel`, then `COMPOSE_PARALLEL_LIMIT`; nil for no limit.
    var stepLimit: Int? {
        let limit = parallel ?? ProcessContext.variable("COMPOSE_PARALLEL_LIMIT").flatMap { Int($0) }
        return limit.flatMap { $0 > 0 ? $0 : nil }
    }

    /// `options` with what is said before the command.
    func completed(_ options: UpOptions) -> UpOptions {
        var options = options
        options.nameSeparator = nameSeparator
        options.stepLimit = stepLimit
        return options
    }
}
