import Foundation
import Glibc
import Testing

/// The suites that run the built program against real projects.
///
/// They are one suite because the machine is shared: two of them at once would wait for each other's processors.
@Suite("Scenarios", .serialized, .enabled(if: getuid() == 0, "containers need root"))
struct Scenarios {}

/// A project of a test: its files, its state apart from that of the machine, and the program to try.
final class Scenario {
    /// Its directory: `project` with the files, and the program's state.
    let scratch: String
    /// The project's name, which no other test has.
    let name: String
    var variables: [String: String]
    /// Options that name further projects, which end before this one.
    var further: [[String]] = []
    private let ground: Footprint

    var directory: String { scratch + "/project" }
    var storage: String { scratch + "/storage" }
    var runtime: String { scratch + "/run" }

    /// The program, beside the bundle of the tests.
    static let program: String = {
        for argument in CommandLine.arguments + [
            (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        ]  // an absent name is not found below
        where argument.contains(".build/") {
            var url = URL(fileURLWithPath: argument)
            while url.path.contains(".build/") {
                url.deleteLastPathComponent()
                let candidate = url.appendingPathComponent("roost").path
                var isDirectory: ObjCBool = false
                if FileManager.default.fileExists(atPath: candidate, isDirectory: &isDirectory), !isDirectory.boolValue
                {
                    return candidate
                }
            }
        }
        return URL(fileURLWithPath: #filePath).appendingPathComponent("../../../.build/debug/roost").standardized.path
    }()

    /// Runs `body` with a project of these files, then takes it down and looks for what it left behind.
    static func with(
        _ compose: String,
        files: [String: String] = [:],
        _ body: (Scenario) throws -> Void
    ) throws {
        let scenario = try Scenario(compose, files)
        defer { scenario.finish() }
        try body(scenario)
    }

    private init(_ compose: String, _ files: [String: String]) throws {
        var template = Array("/tmp/roost-scenario.XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Program.Failure(description: "mkdtemp: errno \(errno)") }
        scratch = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        name = "t" + String(UInt64.random(in: 0..<(1 << 40)), radix: 36)
        ground = Footprint(project: name, scratch: scratch)
        variables = ["PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"]
        variables["ROOST_ROOT"] = storage
        variables["ROOST_RUNTIME"] = runtime
        variables["COMPOSE_PROJECT_NAME"] = name
        variables["TERM"] = "xterm-256color"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
        try write("compose.yaml", compose)
        for (path, text) in files { try write(path, text) }
    }

    /// Writes a file of the project.
    func write(_ path: String, _ text: String) throws {
        let url = URL(fileURLWithPath: "\(directory)/\(path)")
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: url)
    }

    /// Replaces the project's file.
    func rewrite(_ compose: String) throws { try write("compose.yaml", compose) }

    /// Starts `roost` beside the test.
    func start(
        _ arguments: [String],
        input: Program.Input = .none,
        environment: [String: String] = [:]
    ) throws -> Program {
        try Program(
            [Self.program] + arguments,
            environment: variables.merging(environment) { $1 },
            directory: directory,
            input: input
        )
    }

    /// Runs `roost` to its end.
    @discardableResult
    func run(
        _ arguments: [String],
        input: Program.Input = .none,
        environment: [String: String] = [:],
        within limit: Duration = .seconds(30)
    ) throws -> Outcome {
        let program = try start(arguments, input: input, environment: environment)
        defer { ground.observe() }
        return try program.end(within: limit)
    }

    /// Runs `roost`, which shall succeed, and returns what it wrote on its standard output.
    @discardableResult
    func roost(
        _ arguments: String...,
        input: Program.Input = .none,
        within limit: Duration = .seconds(30),
        at location: SourceLocation = #_sourceLocation
    ) throws -> String {
        let outcome = try run(arguments, input: input, within: limit)
        try #require(
            outcome.status == 0,
            "roost \(arguments.joined(separator: " ")): \(outcome.stdout)\(outcome.stderr)",
            sourceLocation: location
        )
        return outcome.stdout
    }

    /// Runs another program of the host to its end.
    func host(_ arguments: String..., within limit: Duration = .seconds(30)) throws -> Outcome {
        try Program(arguments, environment: variables, directory: directory, input: .none).end(within: limit)
    }

    /// Repeats the attempt until it gives something; what it throws meanwhile is waited out.
    @discardableResult
    static func wait<Value>(
        _ what: String,
        within limit: Duration = .seconds(30),
        _ attempt: () throws -> Value?
    ) throws -> Value {
        let end = ContinuousClock.now + limit
        var problem: (any Error)?
        while true {
            do { if let value = try attempt() { return value } } catch { problem = error }
            guard ContinuousClock.now < end else {
                throw Program.Failure(description: "\(what): not within \(limit)\(problem.map { ": \($0)" } ?? "")")
            }
            usleep(10_000)
        }
    }

    /// A port of the host that is free now.
    static func freePort() -> UInt16 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutableBytes(of: &address) { bytes in
            let pointer = bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self)
            _ = bind(descriptor, pointer, length)
            _ = getsockname(descriptor, pointer, &length)
        }
        return UInt16(bigEndian: address.sin_port)
    }

    private func finish() {
        do {
            for project in further { _ = try run(project + ["down", "-v", "-t", "1"]) }
            let outcome = try run(["-p", name, "down", "-v", "--remove-orphans", "-t", "1"])
            #expect(outcome.status == 0, "down: \(outcome.stderr)")
            let leftovers = try ground.leftovers()
            #expect(leftovers.isEmpty, "left behind: \(leftovers.joined(separator: "\n"))")
        } catch {
            Issue.record(error, "down")
        }
        ground.clear()
        try? FileManager.default.removeItem(atPath: scratch)  // a leftover in /tmp harms nobody
    }
}
