import Orchestrator
import Supervisor
import TerminalOutput

/// Writes lines of logs to standard output.
final class LogOutput {
    private static let writeSize = 64 << 10
    private let project: String
    private var printer: LogPrinter
    private var names: [String: String] = [:]
    private var bytes: [UInt8] = []

    init(project: String, options: LogPrinter.Options) {
        self.project = project
        printer = LogPrinter(options)
    }

    /// Makes containers known together, so that all lines are as wide as the longest name wants.
    func add(_ containers: [ContainerState]) { printer.add(containers.map(shortName).sorted()) }

    /// Shows a record, not later than at the next `flush`.
    func take(_ container: ContainerState, _ record: LogRecord) {
        printer.print(record.text, of: shortName(container), time: record.time, into: &bytes)
        if bytes.count >= Self.writeSize { _ = flush() }
    }

    /// Writes what is there; false when nobody reads any more.
    func flush() -> Bool {
        defer { bytes.removeAll(keepingCapacity: true) }
        return ProcessContext.writeOutput(bytes)
    }

    /// Writes everything, lines without an end too.
    func finish() {
        printer.finish(into: &bytes)
        _ = flush()
    }

    /// The name before the lines of a container that may be gone.
    func name(of container: String, service: String) -> String { names[container] ?? container }

    func shortName(_ container: ContainerState) -> String {
        if let name = names[container.name] { return name }
        let name = LogPrinter.shortName(
            container.name,
            service: container.service,
            number: container.number,
            project: project
        )
        names[container.name] = name
        return name
    }
}
