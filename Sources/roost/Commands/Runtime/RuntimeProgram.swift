import ArgumentParser
import ContainerRuntime
import Glibc
import LinuxSystem

/// The process as an OCI runtime: `roost runtime …`, or a program by the name `roost-runtime`.
enum RuntimeProgram {
    /// The name under which the program is nothing else.
    static let name = "roost-runtime"

    /// What follows the runtime's name on the command line; nil when it is not meant.
    private static let line: [String]? = {
        let own = CommandLine.arguments
        if own.first?.split(separator: "/").last.map(name.elementsEqual) == true { return Array(own.dropFirst()) }
        return own.dropFirst().first == "runtime" ? Array(own.dropFirst(2)) : nil
    }()

    /// The options before the command, and the command.
    private static let parsed = Result { try RuntimeSettings.parse(line ?? []) }

    /// The command that is meant, when there is such a one.
    static var commandName: String? {
        guard let name = try? parsed.get().rest.first, Runtime.knows(name) else { return nil }  // told by `start`
        return name
    }

    /// The options before the command.
    static var settings: RuntimeSettings { get throws { try parsed.get().settings } }

    /// Runs the command, when the process was started for one of the runtime's.
    static func startIfMeant() {
        guard line != nil else { return }
        fillStandardDescriptors()
        var report = RuntimeReport()
        do {
            let (settings, rest) = try parsed.get()
            try settings.report.check()
            report = settings.report
            if let run = RuntimeQuickLine.command(rest) {
                try run()
            } else {
                var command = try parse(rest)
                try command.run()
            }
        } catch let status as ExitCode {
            // Not by the argument parser, which would look for a message first.
            exit(status.rawValue)
        } catch let error as ContainerError {
            report.error(text(of: error))
            exit(failure)
        } catch {
            let status = Runtime.exitCode(for: error)
            guard status != .success else { Runtime.exit(withError: error) }
            report.error(Runtime.message(for: error))
            exit(failure)
        }
        exit(EXIT_SUCCESS)
    }

    /// What says that the command failed, and not the program that it ran.
    private static var failure: Int32 { commandName == "exec" ? 255 : EXIT_FAILURE }

    /// Any command, read by the argument parser.
    private static func parse(_ line: [String]) throws -> any ParsableCommand {
        if let name = line.first, !name.hasPrefix("-"), name != "help", !Runtime.knows(name) {
            throw UserError("there is no command \"\(name)\" in the runtime: see `roost runtime --help`")
        }
        return try Runtime.parseAsRoot(line)
    }

    /// An error in the words by which engines tell a missing program from a broken runtime.
    private static func text(of error: ContainerError) -> String {
        switch error.code {
        case .noProgram: "\(error): executable file not found in $PATH: no such file or directory"
        case .notExecutable: "\(error): permission denied"
        case .invalidConfiguration, .unsupported, .noContainer, .wrongState, .kernel: "\(error)"
        }
    }
}
