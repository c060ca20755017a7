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
            let sign = word.utf8.firstIndex(of: UInt8(ascii: "="))
            let given = sign.map { String(word[word.utf8.index(after: $0)...]) }
            let name = sign.map { String(word[..<$0]) } ?? word
            func value() throws -> String {
                if let given { return given }
                guard let next = rest.popFirst() else { throw ValidationError("\(word): a value is missing") }
                return next
            }
            switch name {
            case "--root", "-root": settings.givenRoot = absolute(try value())
            case "--log", "-log": settings.report.path = absolute(try value())
            case "--log-format", "-log-format":
                let form = try value()
                guard let known = RuntimeReport.Form(rawValue: form) else {
                    throw ValidationError("--log-format: '\(form)' is neither text nor json")
                }
                settings.report.form = known
            case "--systemd-cgroup": settings.isSystemd = given == nil || given == "true"
            case "--cgroup-manager": settings.isSystemd = try isSystemd(manager: value())
            case "--debug": break  // there is nothing more to say
            case "--rootless", "--criu": _ = try value()
            default: throw ValidationError("there is no option \(name) before the runtime's command")
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
        if isAbsolute(path) { return path }
        if path == "." { return absolute(ProcessContext.workingDirectory) }
        let parts = (path.hasPrefix("/") ? path : "\(ProcessContext.workingDirectory)/\(path)").split(separator: "/")
        return "/" + parts.filter { $0 != "." }.joined(separator: "/")
    }

    /// Whether a path is as `absolute` would return it, as engines give them; may say no for one that is.
    ///
    /// Byte by byte: to search a text for another, the library first asks the runtime for types, which takes longer.
    private static func isAbsolute(_ path: String) -> Bool {
        var previous: UInt8?
        for byte in path.utf8 {
            switch (previous, byte) {
            case (nil, UInt8(ascii: "/")): break
            case (nil, _), (UInt8(ascii: "/"), UInt8(ascii: "/")), (UInt8(ascii: "/"), UInt8(ascii: ".")): return false
            default: break
            }
            previous = byte
        }
        return path.utf8.count > 1 && previous != UInt8(ascii: "/")
    }
}
