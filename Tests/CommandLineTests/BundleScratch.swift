import Foundation
import Glibc
import LinuxSystem
import Testing

/// Containers of `roost runtime` on the host's root, read-only, with a directory of the test's own at `/mnt`.
final class BundleScratch {
    let scratch: CommandLineScratch
    var bundle: String { scratch.path + "/bundle" }
    var share: String { scratch.path + "/share" }
    var state: String { scratch.path + "/state" }
    /// A name that no other test's control group has.
    let id: String

    init() throws {
        scratch = try CommandLineScratch()
        id = "roost-test-" + String(scratch.path.suffix(6))
        try makeDirectories(bundle)
        try makeDirectories(share, mode: 0o755)
    }

    deinit { _ = try? scratch.roost(["runtime", "--root", state, "delete", "--force", id]) }  // a test that failed

    /// Runs a command of the runtime.
    func runtime(_ arguments: String...) throws -> CommandLineScratch.Answer {
        try scratch.roost(["runtime", "--root", state] + arguments)
    }

    /// Writes the configuration of a container that runs a shell's script.
    func write(_ script: String, terminal: Bool = false, _ change: (inout [String: Any]) -> Void = { _ in }) throws {
        try write(["/bin/sh", "-c", script], terminal: terminal, change)
    }

    func write(
        _ arguments: [String],
        terminal: Bool = false,
        _ change: (inout [String: Any]) -> Void = { _ in }
    ) throws {
        var spec: [String: Any] = [
            "ociVersion": "1.2.0", "hostname": "bundle", "root": ["path": "/", "readonly": true],
            "process": [
                "terminal": terminal, "cwd": "/", "args": arguments, "env": ["PATH=/usr/bin:/bin"],
                "user": ["uid": 0, "gid": 0], "noNewPrivileges": true,
            ],
            "mounts": [
                ["destination": "/proc", "type": "proc", "source": "proc"],
                ["destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]],
                [
                    "destination": "/dev/pts", "type": "devpts", "source": "devpts",
                    "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"],
                ],
                ["destination": "/mnt", "type": "bind", "source": share, "options": ["bind"]],
            ],
            "linux": ["namespaces": ["pid", "mount", "ipc", "uts", "network", "cgroup"].map { ["type": $0] }],
        ]
        change(&spec)
        try JSONSerialization.data(withJSONObject: spec).write(to: URL(fileURLWithPath: bundle + "/config.json"))
    }

    /// Adds a user namespace in which ids from 0 on are those from `first` on outside.
    static func addUserNamespace(_ spec: inout [String: Any], first: Int = 100_000, count: Int = 1000) {
        let mapping = [["containerID": 0, "hostID": first, "size": count]]
        change(&spec, "linux") { linux in
            linux["namespaces"] = (linux["namespaces"] as? [[String: Any]] ?? []) + [["type": "user"]]
            (linux["uidMappings"], linux["gidMappings"]) = (mapping, mapping)
        }
    }

    /// Changes an object that is a member of another.
    static func change(_ spec: inout [String: Any], _ name: String, _ change: (inout [String: Any]) -> Void) {
        var part = spec[name] as? [String: Any] ?? [:]
        change(&part)
        spec[name] = part
    }

    /// Adds a mount.
    static func mount(
        _ spec: inout [String: Any],
        _ destination: String,
        type: String,
        source: String = "none",
        _ options: String...
    ) {
        let mount: [String: Any] = [
            "destination": destination, "type": type, "source": source, "options": options,
        ]
        spec["mounts"] = (spec["mounts"] as? [[String: Any]] ?? []) + [mount]
    }

    /// Runs the configuration's container to its end; its id is the scratch's.
    func run() throws -> CommandLineScratch.Answer { try runtime("run", "--bundle", bundle, id) }

    /// Runs a command of the runtime after a script in a mount namespace of its own.
    func asRoot(_ arguments: [String], after script: String) throws -> CommandLineScratch.Answer {
        try scratch.run(
            "/usr/bin/unshare",
            ["--mount", "/bin/sh", "-ec", script + "; exec \"$0\" \"$@\"", scratch.program, "runtime", "--root", state]
                + arguments
        )
    }

    /// The number of a user who may do nothing.
    static let ordinaryUser = 61_234

    /// Has the scratch belong to that user.
    func giveToOrdinaryUser() {
        for path in [scratch.path, bundle, share, scratch.path + "/work"] {
            chown(path, UInt32(Self.ordinaryUser), UInt32(Self.ordinaryUser))
        }
    }

    /// Runs a command of the runtime as that user, after a script of root's in a mount namespace of its own.
    ///
    /// The program is executed by descriptor, since its path may lead through directories that are not for that user.
    func asOrdinaryUser(_ arguments: [String], after script: String = "") throws -> CommandLineScratch.Answer {
        let user = "\(Self.ordinaryUser)"
        let command = """
            \(script)
            exec 3< "$0"
            exec setpriv --reuid \(user) --regid \(user) --clear-groups /proc/self/fd/3 "$@"
            """
        return try scratch.run(
            "/usr/bin/unshare",
            ["--mount", "/bin/sh", "-ec", command, scratch.program, "runtime", "--root", state] + arguments
        )
    }

    /// What a container has written to a file of its `/mnt`.
    func said(_ name: String = "said") -> String { (try? readFile("\(share)/\(name)")) ?? "" }

    /// A member of what `state` prints.
    func stateMember(_ name: String) throws -> String {
        let answer = try runtime("state", id)
        let object = try JSONSerialization.jsonObject(with: Data(answer.output.utf8)) as? [String: Any]
        return object?[name].map { "\($0)" } ?? answer.error
    }

    /// What is left of containers: state directories and control groups.
    func leftovers() throws -> [String] {
        let hierarchies = try CgroupHierarchies.ofHost()
        let roots = [hierarchies.unified].compactMap { $0 } + hierarchies.legacy.values
        return namesInDirectory(state) + roots.map { "\($0)/roost-runtime-\(id)" }.filter { fileExists($0) }
    }
}
