import ArgumentParser
import ContainerRuntime
import Glibc
import LinuxSystem
import Orchestrator

/// What stands before the command of the runtime: runc's global options.
struct RuntimeSettings {
    /// Where the containers' state is.
    var root = "\(ProjectReading.roots.runtime)/oci"
    var report = RuntimeReport()
    private var isSystemd = false

    var store: RuntimeStore { RuntimeStore(root: root) }

    /// Takes the options off the beginning of a command line; the rest begins with the command.
    static func parse(_ arguments: [String]) throws -> (settings: RuntimeSettings, rest: [String]) {
        var settings = RuntimeSettings()
        var rest = arguments[...]
        while let word = rest.first, word.hasPrefix("-"), !["-h", "--help", "-v", "--version"].contains(word) {
            rest.removeFirst()
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            func value() throws -> String {
                if parts.count == 2 { return parts[1] }
                guard let next = rest.popFirst() else { throw ValidationError("\(word): a value is missing") }
                return next
            }
            switch parts[0] {
            case "--root", "-root": settings.root = absolute(try value())
            case "--log", "-log": settings.report.path = absolute(try value())
            case "--log-format", "-log-format":
                let form = try value()
                guard let known = RuntimeReport.Form(rawValue: form) else {
                    throw ValidationError("--log-format: '\(form)' is neither text nor json")
                }
                settings.report.form = known
            case "--systemd-cgroup": settings.isSystemd = parts.count == 1 || parts[1] == "true"
            case "--debug": break  // there is nothing more to say
            case "--rootless", "--criu": _ = try value()
            default: throw ValidationError("there is no option \(parts[0]) before the runtime's command")
            }
        }
        if rest.first == "-v" { rest = ["--version"] }
        return (settings, Array(rest))
    }

    /// Refuses what can't be had, where errors can already be told.
    func check() throws {
        guard !isSystemd else {
            throw UserError(
                "--systemd-cgroup is not supported: leave it out, and groups are made in the hierarchy itself"
            )
        }
    }

    /// A path that does not depend on our directory.
    static func absolute(_ path: String) -> String {
        path.hasPrefix("/") ? path : "\(ProcessContext.workingDirectory)/\(path)"
    }
}
