import ArgumentParser
import Glibc
import TerminalOutput

extension TerminalStyle.Choice: ExpressibleByArgument {}

extension ProjectOptions {
    /// Whether text on standard output or error gets colours: `--ansi`, then `COMPOSE_ANSI`.
    func isColoured(_ descriptor: CInt) -> Bool {
        let environment = ProcessContext.environment
        let choice = ansi ?? environment["COMPOSE_ANSI"].flatMap(TerminalStyle.Choice.init) ?? .auto
        return TerminalStyle.isColoured(choice, isTerminal: isatty(descriptor) == 1, environment: environment)
    }

    /// Shows builds as `--progress` and then `COMPOSE_PROGRESS` and `BUILDKIT_PROGRESS` ask for, on standard error.
    func buildPrinter(isQuiet: Bool, namesServices: Bool) -> BuildPrinter {
        let environment = ProcessContext.environment
        let isTerminal = isatty(STDERR_FILENO) == 1 && ansi != .never
        let mode = ProgressView.Mode(
            option: progress ?? environment["COMPOSE_PROGRESS"] ?? environment["BUILDKIT_PROGRESS"],
            isTerminal: isTerminal,
            environment: environment
        )
        return BuildPrinter(
            mode: isQuiet ? .quiet : mode ?? .plain,
            isColoured: isColoured(STDERR_FILENO),
            descriptor: STDERR_FILENO,
            namesServices: namesServices
        )
    }

    /// Shows the progress of the command `title` as `--progress` and then `COMPOSE_PROGRESS` ask for.
    ///
    /// It goes to standard error, or to standard output when `COMPOSE_STATUS_STDOUT` is true.
    func progressPrinter(_ title: String, isQuiet: Bool = false) -> ProgressPrinter {
        let environment = ProcessContext.environment
        let toOutput = ["1", "true"].contains(environment["COMPOSE_STATUS_STDOUT"])
        let descriptor = toOutput ? STDOUT_FILENO : STDERR_FILENO
        let isTerminal = isatty(descriptor) == 1 && ansi != .never
        let mode = ProgressView.Mode(
            option: progress ?? environment["COMPOSE_PROGRESS"],
            isTerminal: isTerminal,
            environment: environment
        )
        return ProgressPrinter(
            title,
            mode: isQuiet ? .quiet : mode ?? .plain,
            isColoured: isColoured(descriptor),
            descriptor: descriptor
        )
    }
}
