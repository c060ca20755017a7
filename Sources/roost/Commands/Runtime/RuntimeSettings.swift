import ArgumentParser
import ContainerRuntime
import Glibc
import LinuxSystem
import Orchestrator

/// What stands before the command of the runtime: runc's global options.
struct RuntimeSettings {
    private var givenRoot: String?
    var report = RuntimeReport()
    /// Groups are systemd's to make: `cgroupsPath` is a slice, a prefix and a name.
    private(set) var isSystemd = false

    /// The containers' state.
    var store: RuntimeStore { RuntimeStore(root: givenRoot ?? "\(ProjectReading.roots.runtime)/oci") }

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
            case "--root", "-root": settings.givenRoot = absolute(try value())
            case "--log", "-log": settings.report.path = absolute(try value())
            case "--log-format", "-log-format":
                let form = try value()
                guard let known = RuntimeReport.Form(rawValue: form) else {
                    throw ValidationError("--log-format: '\(form)' is neither text nor json")
                }
                settings.report.form = known
            case "--systemd-cgroup": settings.isSystemd = parts.count == 1 || parts[1] == "true"
            case "--cgroup-manager": settings.isSystemd = try isSystemd(manager: value())
            case "--debug": break  // there is nothing more to say
            case "--rootless", "--criu": _ = try value()
            default: throw ValidationError("there is no option \(parts[0]) before the runtime's command")
            }
        }
        if rest.first == "-v" { rest = ["--version"] }
        return (settings, Array(rest))
    }

    /// What crun's word for it means.
    private static func isSystemd(manager: String) throws -> Bool {
        switch manager {
        case "cgroupfs": return false
        case "systemd": return true
        default: throw ValidationError("--cgroup-manager: '\(manager)' is neither cgroupfs nor systemd")
        }
    }

    /// A path as the kernel has it; one that leads nowhere, as it is given.
    static func resolved(_ path: String) -> String {
        let path = absolute(path)
        guard let target = unsafe realpath(path, nil) else { return path }
        defer { unsafe free(target) }
        return unsafe String(cString: target)
    }

    /// A path that does not depend on our directory, without the parts that lead nowhere.
    static func absolute(_ path: String) -> String {
        // Engines give them so.
        if path.hasPrefix("/"), !path.contains("//"), !path.contains("/."), !path.hasSuffix("/") { return path }
        let parts = (path.hasPrefix("/") ? path : "\(ProcessContext.workingDirectory)/\(path)").split(separator: "/")
        return "/" + parts.filter { $0 != "." }.joined(separator: "/")
    }
}
