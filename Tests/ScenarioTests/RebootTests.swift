import ContainerNetwork
import Foundation
import Glibc
import Testing

extension Scenarios {
    /// What is there after a loss of power, when the state below ROOST_RUNTIME is on a disk.
    @Suite struct Reboot {
        @Test("After a reboot up goes on, policies restart what they should, and no process of others is touched")
        func reboot() throws {
            let port = Scenario.freePort()
            let text = """
                services:
                  web:
                    image: rootfs:/
                    command: [python3, -m, http.server, "80", --directory, /srv]
                    init: true
                    restart: always
                    ports: ["\(port):80"]
                    volumes: ["data:/srv"]
                  unless: { \(Up.sleeper), restart: unless-stopped }
                  stopped: { \(Up.sleeper), restart: unless-stopped }
                  never: { \(Up.sleeper) }
                  reused: { \(Up.sleeper) }
                  other: { \(Up.sleeper), profiles: [later] }
                volumes: { data: }
                """
            try Scenario.with(text) { scenario in
                try scenario.roost("up", "-d")
                try scenario.roost("exec", "-T", "web", "sh", "-c", "echo kept > /srv/page; echo own > /opt/own")
                try Scenario.wait("page") { try scenario.page(port, "/page") }
                try scenario.roost("stop", "-t", "1", "stopped")
                let before = try scenario.identities()
                // Somebody else, who has the number of a container's process after the reboot.
                let stranger = try Program(["/bin/sleep", "infinity"], environment: [:], directory: "/", input: .none)
                try scenario.losePower { state in
                    let file = "\(state)/projects/\(scenario.name)/containers/\(scenario.name)-reused-1/journal"
                    let text = try String(contentsOfFile: file, encoding: .utf8)
                    let changed = text.replacing(/"pid":\d+/, with: "\"pid\":\(stranger.pid)")
                    #expect(changed != text)
                    try changed.write(toFile: file, atomically: true, encoding: .utf8)
                }
                #expect(try scenario.page(port, "/page") == nil)
                // Any command that begins something finds what there is; what it is not about follows its policy.
                try scenario.roost("--profile", "later", "up", "-d", "other")
                try scenario.wait(for: ["web-1": "running", "unless-1": "running", "other-1": "running"])
                let states = try scenario.states()
                #expect(states["stopped-1"] == "exited 143" && states["never-1"] == "exited 255")
                #expect(states["reused-1"] == "exited 255")
                #expect(try Scenario.wait("page") { try scenario.page(port, "/page") } == "kept\n")
                try scenario.roost("up", "-d")
                let running = try scenario.states()
                #expect(running.values.allSatisfy { $0 == "running" }, "\(running)")
                let after = try scenario.identities()
                #expect(before.allSatisfy { after[$0.key] == $0.value })
                #expect(try scenario.roost("exec", "-T", "web", "cat", "/opt/own") == "own\n")
                #expect(kill(stranger.pid, 0) == 0)
            }
        }
    }
}

extension Scenario {
    /// Ends everything of the project at one moment, and leaves of it what a disk would: its files, as they were then.
    fileprivate func losePower(_ change: (String) throws -> Void) throws {
        let keepers = try host("/usr/bin/pgrep", "-x", "-f", "roost-keeper \(name)").stdout
        let keeping = keepers.split(separator: "\n").compactMap { pid_t($0) }
        // Nobody writes down what happens from here on.
        for pid in keeping { kill(pid, SIGSTOP) }
        let copy = "\(scratch)/disk"
        try #require(try host("/bin/cp", "-a", runtime, copy).status == 0)
        let contained = try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap { pid_t($0) }
            .filter { pid in
                let groups = FileManager.default.contents(atPath: "/proc/\(pid)/cgroup") ?? Data()
                return String(decoding: groups, as: UTF8.self).contains("/roost/\(name)")
            }
        for pid in contained + keeping { kill(pid, SIGKILL) }
        try Self.wait("the end of all processes") { (contained + keeping).allSatisfy { kill($0, 0) != 0 } ? () : nil }
        let network = try HostNetwork.open()
        for record in try NetworkRegistry(directory: "\(runtime)/networks").networks() {
            try network.removeLinks(group: record.group)
        }
        try network.remove(table: "roost_\(name)")
        let script = "find /sys/fs/cgroup -depth -type d -path '*/roost/\(name)*' -exec rmdir {} +"
        try #require(try host("/bin/sh", "-c", script).status == 0)
        try FileManager.default.removeItem(atPath: runtime)
        try FileManager.default.moveItem(atPath: copy, toPath: runtime)
        try change(runtime)
    }
}
