import Foundation
import Testing

extension Scenario {
    /// A container as `ps --format json` tells of it.
    struct Listing: Decodable, Equatable {
        struct Publisher: Decodable, Equatable {
            var URL: String
            var TargetPort: Int
            var PublishedPort: Int
            var `Protocol`: String
        }

        var ID: String
        var Name: String
        var Service: String
        var Project: String
        var Image: String
        var State: String
        var Status: String
        var Health: String
        var ExitCode: Int
        var Networks: String
        var Publishers: [Publisher]
    }

    /// All containers of the project, by name.
    func containers() throws -> [Listing] {
        try roost("ps", "-a", "--no-trunc", "--format", "json").split(separator: "\n")
            .map { try JSONDecoder().decode(Listing.self, from: Data($0.utf8)) }
    }

    /// The ids of all containers by their names without the project's: two equal answers mean that nothing was touched.
    func identities() throws -> [String: String] {
        Dictionary(uniqueKeysWithValues: try containers().map { (short($0.Name), $0.ID) })
    }

    /// How far each container has come, by short name: "running", "exited 3".
    func states() throws -> [String: String] {
        Dictionary(
            uniqueKeysWithValues: try containers().map { listing in
                (short(listing.Name), listing.State == "exited" ? "exited \(listing.ExitCode)" : listing.State)
            }
        )
    }

    /// A name or a text without the project's name and directory, which differ in each run.
    func short(_ text: String) -> String {
        text.replacing("\(name)-", with: "").replacing("\(name)_", with: "").replacing(scratch, with: "")
    }

    /// Waits until the states of some containers are these.
    func wait(for expected: [String: String], within limit: Duration = .seconds(30)) throws {
        var last: [String: String] = [:]
        do {
            try Self.wait("\(expected)", within: limit) {
                last = try states()
                return expected.allSatisfy { last[$0.key] == $0.value } ? () : nil
            }
        } catch { throw Program.Failure(description: "\(error); they were \(last)") }
    }

    /// The process of the project's supervisor: the child of its keeper.
    func supervisor() throws -> pid_t {
        let words = try host("/usr/bin/pgrep", "-x", "-f", "roost-keeper \(name)").stdout.split(separator: "\n")
        for pid in words.compactMap({ pid_t($0) }) {
            let comm = try String(contentsOfFile: "/proc/\(pid)/comm", encoding: .utf8)
            if comm == "roost\n" { return pid }
        }
        throw Program.Failure(description: "\(name) has no supervisor")
    }

    /// What is printed for a request by HTTP; nil while nobody answers.
    func page(_ port: UInt16, _ path: String = "/", host: String = "127.0.0.1") throws -> String? {
        let script =
            "import sys, urllib.request as r; "
            + "sys.stdout.write(r.build_opener(r.ProxyHandler({})).open(sys.argv[1], timeout=5).read().decode())"
        let outcome = try self.host("/usr/bin/python3", "-c", script, "http://\(host):\(port)\(path)")
        return outcome.status == 0 ? outcome.stdout : nil
    }
}
