import Glibc
import LinuxSystem
import Orchestrator
import Supervisor
import Testing

@Suite("Following the logs of a project", .timeLimit(.minutes(1)))
struct LogFollowerTests {
    private let scratch: Scratch
    private let project: ProjectDirectory
    private let roots: StateRoots

    init() throws {
        scratch = try Scratch()
        roots = StateRoots(
            environment: ["ROOST_RUNTIME": scratch.path + "/run", "ROOST_ROOT": scratch.path + "/lib"],
            isRoot: true
        )
        project = ProjectDirectory(project: "p", roots: roots)
        try project.prepare()
    }

    private func put(
        _ service: String,
        id: String,
        _ phase: ContainerState.Phase,
        goal: ContainerState.Goal = .keep
    ) throws {
        var state = ContainerState(
            name: "p-\(service)-1",
            service: service,
            number: 1,
            definition: ContainerDefinition(digest: "d"),
            goal: goal
        )
        state.actual = ContainerState.Actual(digest: "d", phase: phase)
        try makeDirectories(log(id))
        try makeDirectories(project.container(state.name))
        let record = ContainerRecord(
            id: id,
            definition: "d",
            image: "rootfs:/",
            command: [],
            created: WallTime(nanoseconds: 0)
        )
        try project.write(record, of: state.name)
        try project.write(state)
    }

    private func log(_ id: String) -> String { "\(roots.storage)/containers/\(id)" }

    private func append(_ text: String, at time: Int64, to id: String) throws {
        try makeDirectories(log(id))
        var file = try LogFile.open(in: log(id), limits: .standard)
        try file.append(record(text, at: time))
    }

    private func follower(_ change: (inout LogFollower.Selection) -> Void = { _ in }) throws -> LogFollower {
        var selection = LogFollower.Selection()
        change(&selection)
        return try LogFollower(project, storage: roots.storage, selection: selection) { WallTime(nanoseconds: 100) }
    }

    private func existing(_ follower: LogFollower) throws -> [String] {
        var result: [String] = []
        try follower.readExisting {
            result.append("\($0.service): \(String(decoding: $1.text.dropLast(), as: UTF8.self))")
        }
        return result
    }

    private let running = ContainerState.Phase.running(since: WallTime(nanoseconds: 0))
    private let ended = ContainerState.Phase.exited(code: 0, at: WallTime(nanoseconds: 0))

    @Test("what is there comes in the order of time, whichever container wrote it")
    func merge() throws {
        try put("a", id: "1", running)
        try put("b", id: "2", ended)
        for time in [1, 4, 5] { try append("\(time)\n", at: Int64(time), to: "1") }
        for time in [2, 3, 6] { try append("\(time)\n", at: Int64(time), to: "2") }
        #expect(try existing(follower()) == ["a: 1", "b: 2", "b: 3", "a: 4", "a: 5", "b: 6"])
        #expect(try existing(follower { $0.tail = 1 }) == ["a: 5", "b: 6"])
        #expect(try existing(follower { $0.services = ["b"] }) == ["b: 2", "b: 3", "b: 6"])
        #expect(try existing(follower { $0.number = 2 }) == [])
        #expect(
            try existing(
                follower {
                    $0.since = WallTime(nanoseconds: 3)
                    $0.until = WallTime(nanoseconds: 5)
                }
            ) == ["b: 3", "a: 4", "a: 5"]
        )
    }

    /// Follows, and does the next of `steps` each time the follower has shown everything it knows of.
    private func followed(_ follower: LogFollower, _ steps: [() throws -> Void]) throws -> [String] {
        var result = try existing(follower)
        var rest = steps[...]
        try follower.follow({ container, record in
            result.append("\(container.service): \(String(decoding: record.text.dropLast(), as: UTF8.self))")
        }) {
            // A step that fails shows in what is missing from the result.
            try? rest.popFirst()?()
            return true
        }
        #expect(rest.isEmpty)
        return result
    }

    @Test("following goes on through the end of one container and ends with the last")
    func ends() throws {
        try put("a", id: "1", running)
        try put("b", id: "2", running)
        try append("old\n", at: 1, to: "1")
        let lines = try followed(
            follower(),
            [
                { try append("new\n", at: 2, to: "1") },
                { try put("a", id: "1", ended) },
                {
                    try append("last\n", at: 3, to: "2")
                    try put("b", id: "2", ended)
                },
            ]
        )
        #expect(lines == ["a: old", "a: new", "b: last"])
    }

    @Test("nothing is waited for when nothing runs")
    func nothingRuns() throws {
        try put("a", id: "1", ended)
        try append("x\n", at: 1, to: "1")
        #expect(try followed(follower(), []) == ["a: x"])
        let absent = ProjectDirectory(project: "absent", roots: roots)
        let follower = try LogFollower(absent, storage: roots.storage, selection: .init()) { WallTime(nanoseconds: 0) }
        #expect(try followed(follower, []) == [])
    }

    @Test("a container that is made anew, and one that is new, are followed")
    func recreated() throws {
        try put("a", id: "1", running)
        try append("one\n", at: 1, to: "1")
        let lines = try followed(
            follower(),
            [
                {
                    try append("two\n", at: 9, to: "2")
                    try put("a", id: "2", running)
                },
                {
                    try append("x\n", at: 3, to: "3")
                    try put("b", id: "3", ended)
                },
                { try put("a", id: "2", ended) },
            ]
        )
        #expect(lines.contains("a: two"))
        #expect(lines.contains("b: x"))
        #expect(lines.count == 3)
    }

    @Test("following ends when the project goes")
    func gone() throws {
        try put("a", id: "1", running)
        #expect(try followed(try follower(), [{ try project.remove() }]) == [])
    }

    @Test("a reader that is gone ends the following")
    func noReader() throws {
        try put("a", id: "1", running)
        let follower = try follower()
        _ = try existing(follower)
        var flushes = 0
        try follower.follow({ _, _ in }) {
            flushes += 1
            return false
        }
        #expect(flushes == 1)
    }

    @Test("nothing is waited for after the time until which lines are wanted")
    func until() throws {
        try put("a", id: "1", running)
        #expect(try followed(follower { $0.until = WallTime(nanoseconds: 99) }, []) == [])
    }
}
