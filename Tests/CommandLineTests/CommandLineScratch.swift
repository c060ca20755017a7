import OCISpec
import Foundation
import Glibc
import LinuxSystem
import Orchestrator
import Supervisor
import Testing

/// A machine's state in a directory of its own, and the built program to look at it.
final class CommandLineScratch {
    /// What a command answered.
    struct Answer: Equatable {
        var output: String
        var error: String
        var status: Int32
    }

    let path: String
    let roots: StateRoots

    init() throws {
        var template = Array("/tmp/roost-test.XXXXXX".utf8CString)
        path = String(cString: try #require(mkdtemp(&template)))
        roots = StateRoots(environment: ["ROOST_RUNTIME": path + "/run", "ROOST_ROOT": path + "/lib"], isRoot: true)
        try makeDirectories(path + "/work")
    }

    deinit {
        // What can't be removed harms no later test: names are never used again.
        try? FileManager.default.removeItem(atPath: path)
    }

    /// The built program.
    var program: String {
        URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().appendingPathComponent("roost").path
    }

    /// Runs `roost` in the directory `work`.
    func roost(_ arguments: String...) throws -> Answer { try roost(arguments) }

    /// Runs `roost` in the directory `work`.
    func roost(_ arguments: [String]) throws -> Answer { try run(program, arguments) }

    /// Runs a program in the directory `work`.
    func run(_ program: String, _ arguments: [String]) throws -> Answer {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.currentDirectoryURL = URL(fileURLWithPath: path + "/work")
        process.environment = ["ROOST_RUNTIME": roots.runtime, "ROOST_ROOT": roots.storage, "HOME": path, "TZ": "UTC"]
        let (output, error) = ("\(path)/output", "\(path)/error")
        for file in [output, error] { try #require(FileManager.default.createFile(atPath: file, contents: nil)) }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle(forWritingAtPath: output)
        process.standardError = FileHandle(forWritingAtPath: error)
        try process.run()
        process.waitUntilExit()
        return Answer(output: try readFile(output), error: try readFile(error), status: process.terminationStatus)
    }

    /// Puts a container into a project, and lines into its log.
    func put(
        _ project: String,
        _ service: String,
        _ phase: ContainerState.Phase,
        number: Int = 1,
        id: String,
        log: [(Int64, String)] = []
    ) throws {
        let directory = ProjectDirectory(project: project, roots: roots)
        try directory.prepare()
        try directory.write(.init(directory: "/srv/\(project)", files: ["/srv/\(project)/compose.yaml"]))
        let name = number == 0 ? "\(project)-\(service)-run-1" : "\(project)-\(service)-\(number)"
        let definition = ContainerDefinition(digest: "d")
        var state = ContainerState(name: name, service: service, number: number, definition: definition, goal: .keep)
        state.actual = ContainerState.Actual(digest: "d", phase: phase)
        try directory.write(state)
        let full = String(repeating: id, count: 64)
        let created = WallTime(nanoseconds: 0)
        try directory.write(
            ContainerRecord(id: full, definition: "d", image: "rootfs:/", command: ["sh"], created: created),
            of: name
        )
        let place = "\(roots.storage)/containers/\(full)"
        try makeDirectories(place)
        var file = try LogFile.open(in: place, limits: .standard)
        for (time, text) in log {
            var buffer: [UInt8] = []
            let time = Timestamp.bytes(WallTime(nanoseconds: time))
            LogRecord.encode(Array(text.utf8), stream: .stdout, time: time, into: &buffer)
            try file.append(buffer)
        }
    }
}
