import ContainerNetwork
import Foundation
import Glibc
import LinuxSystem

/// Everything that a project may leave on a machine, found by its name and its directories, whatever others do meanwhile.
final class Footprint {
    private let project: String
    private let scratch: String
    /// What a project of this name had before the test: nothing, or the name is no good.
    private let before: Set<String>
    /// Bridges of the project, and the numbers of its links, as its records named them at any time.
    private var bridges: Set<String> = []
    private var groups: Set<UInt32> = []

    init(project: String, scratch: String) {
        self.project = project
        self.scratch = scratch
        before = Self.pinnedNamespaces()
    }

    /// Reads the records of networks, which are gone when the links should be.
    func observe() {
        let registry = NetworkRegistry(directory: "\(scratch)/run/networks")
        for network in (try? registry.networks()) ?? [] {  // there are none before the first `up`
            bridges.insert(network.bridge.description)
            groups.insert(network.group)
        }
    }

    /// What is there that should not be, one line each.
    ///
    /// Processes are given a moment to end.
    func leftovers() throws -> [String] {
        var found: [String] = []
        let end = ContinuousClock.now + .seconds(10)
        repeat {
            found = try look()
            if found.isEmpty { return [] }
            usleep(20_000)
        } while ContinuousClock.now < end
        return found
    }

    private func look() throws -> [String] {
        var found = processes().map { "process \($0): \(Self.commandLine($0))" }
        let mounts = try String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8)
        for line in mounts.split(separator: "\n") where line.contains(scratch) || line.contains(project) {
            found.append("mount \(line)")
        }
        for link in Self.names("/sys/class/net") {
            let group = try? String(contentsOfFile: "/sys/class/net/\(link)/netdev_group", encoding: .utf8)  // may go
            let number = group.flatMap { UInt32($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
            if bridges.contains(link) || number.map(groups.contains) == true { found.append("link \(link)") }
        }
        for namespace in Self.pinnedNamespaces().subtracting(before) where namespace.contains(project) {
            found.append("namespace \(namespace)")
        }
        let table = "roost_\(project)"
        if try HostNetwork.open().hasTable(table) { found.append("table \(table)") }
        found += groups(of: mounts).map { "control group \($0)" }
        for directory in [
            "run/projects/\(project)", "run/networks", "run/bundles", "run/runtimes/crun", "run/runtimes/runc",
            "run/runtimes/runsc", "storage/containers", "storage/volumes", "storage/staging",
        ] {
            // Locks belong to all projects of the machine.
            found += Self.names("\(scratch)/\(directory)").filter { $0 != "lock" && $0 != ".lock" }.map {
                "file \(directory)/\($0)"
            }
        }
        return found
    }

    /// Ends and removes what a failed test left; nothing that another one owns.
    func clear() {
        for process in processes() { kill(process, SIGKILL) }
        for group in groups { try? HostNetwork.open().removeLinks(group: group) }  // tells of nothing new
        try? HostNetwork.open().remove(table: "roost_\(project)")  // as above
    }

    /// Its keeper and supervisor know its directories, its containers are in its groups.
    private func processes() -> [pid_t] {
        Self.names("/proc").compactMap { pid_t($0) }.filter { pid in
            guard pid != getpid() else { return false }
            if let group = Self.contents("/proc/\(pid)/cgroup"), group.contains("/roost/\(project)") { return true }
            return Self.contents("/proc/\(pid)/environ")?.contains("ROOST_RUNTIME=\(scratch)/run\0") == true
        }
    }

    private func groups(of mountinfo: String) -> [String] {
        mountinfo.split(separator: "\n").filter { $0.contains(" - cgroup") }.compactMap { line in
            let place = line.split(separator: " ")[4] + "/roost/\(project)"
            return access(String(place), F_OK) == 0 ? String(place) : nil
        }
    }

    private static func pinnedNamespaces() -> Set<String> { Set(names("/run/netns")) }

    private static func names(_ directory: String) -> [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []  // none is none
    }

    /// The content of a file of procfs; nil when the process has gone.
    private static func contents(_ path: String) -> String? {
        FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
    }

    private static func commandLine(_ pid: pid_t) -> String {
        (contents("/proc/\(pid)/cmdline") ?? "").replacing("\0", with: " ")
    }
}
