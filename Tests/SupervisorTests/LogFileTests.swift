import Glibc
import LinuxSystem
import Orchestrator
import Supervisor
import Testing

@Suite("Files of logs, and reading them")
struct LogFileTests {
    private let scratch: Scratch
    private var names: [String] { namesInDirectory(scratch.path) }

    init() throws { scratch = try Scratch() }

    @Test("a log goes on where it ended")
    func goingOn() throws {
        for text in ["a\n", "b\n"] {
            var log = try LogFile.open(in: scratch.path, limits: .standard)
            try log.append(record(text))
        }
        #expect(scratch.logged() == ["a\n", "b\n"])
    }

    @Test("a full file makes room for a new one, and the oldest goes")
    func rotation() throws {
        let size = Int64(record("1\n").count)
        var log = try LogFile.open(in: scratch.path, limits: .init(sizeBytes: 2 * size, files: 3))
        for number in 1...7 { try log.append(record("\(number)\n")) }
        #expect(names == ["log.json", "log.json.1", "log.json.2"])
        #expect(scratch.text("log.json") == String(decoding: record("7\n"), as: UTF8.self))
        #expect(scratch.logged() == ["3\n", "4\n", "5\n", "6\n", "7\n"].suffix(5))
        try log.append(record("8\n"))
        try log.append(record("9\n"))
        #expect(scratch.logged() == ["5\n", "6\n", "7\n", "8\n", "9\n"])
    }

    @Test("a single file is emptied, and a record larger than the limit is written whole")
    func single() throws {
        var log = try LogFile.open(in: scratch.path, limits: .init(sizeBytes: 10, files: 1))
        for number in 1...3 { try log.append(record("\(number)\n")) }
        #expect(names == ["log.json"])
        #expect(scratch.logged() == ["3\n"])
    }

    @Test("what a killed writer left of a record does not spoil the next one")
    func cutShort() throws {
        let whole = String(decoding: record("a\n"), as: UTF8.self)
        try scratch.write(whole + whole.dropLast(5), "log.json")
        var log = try LogFile.open(in: scratch.path, limits: .standard)
        try log.append(record("b\n"))
        #expect(scratch.logged() == ["a\n", "b\n"])
        try scratch.write(String(repeating: "x", count: 10_000), "log.json")
        var other = try LogFile.open(in: scratch.path, limits: .standard)
        try other.append(record("c\n"))
        #expect(scratch.text("log.json") == String(decoding: record("c\n"), as: UTF8.self))
    }

    @Test("a symbolic link in the place of the log is not written through")
    func link() throws {
        try scratch.write("precious", "target")
        try #require(symlink("target", "\(scratch.path)/log.json") == 0)
        #expect(throws: SyscallError.self) { _ = try LogFile.open(in: scratch.path, limits: .standard) }
        #expect(scratch.logged() == [])
    }

    // Reading

    @Test("a cursor follows a log through many cuts without losing or repeating a record")
    func followingRotation() throws {
        let size = Int64(record("100\n").count)
        var log = try LogFile.open(in: scratch.path, limits: .init(sizeBytes: 3 * size, files: 4))
        let cursor = LogCursor(directory: scratch.path)
        #expect(cursor.next() == nil)
        var seen: [String] = []
        var written = 100
        // Up to two cuts between two looks: the cursor's file is never among those that go.
        for step in 0..<60 {
            for _ in 0..<(step % 7) {
                try log.append(record("\(written)\n"))
                written += 1
            }
            seen += cursor.texts()
        }
        #expect(seen == (100..<written).map { "\($0)\n" })
    }

    @Test("a cursor whose file is gone goes on with the oldest one there is")
    func lostFile() throws {
        let size = Int64(record("100\n").count)
        var log = try LogFile.open(in: scratch.path, limits: .init(sizeBytes: size, files: 2))
        let cursor = LogCursor(directory: scratch.path)
        try log.append(record("100\n"))
        #expect(cursor.texts() == ["100\n"])
        for number in 101...105 { try log.append(record("\(number)\n")) }
        #expect(cursor.texts() == ["104\n", "105\n"])
    }

    @Test("a cursor notices that a single file was emptied")
    func emptied() throws {
        var log = try LogFile.open(
            in: scratch.path,
            limits: .init(sizeBytes: Int64(record("100\n").count * 2), files: 1)
        )
        let cursor = LogCursor(directory: scratch.path)
        try log.append(record("100\n"))
        try log.append(record("101\n"))
        #expect(cursor.texts() == ["100\n", "101\n"])
        try log.append(record("102\n"))
        #expect(cursor.texts() == ["102\n"])
    }

    @Test("half a record waits for its other half; lines that are none are passed over")
    func halves() throws {
        let whole = String(decoding: record("a\n"), as: UTF8.self)
        let cursor = LogCursor(directory: scratch.path)
        let file = open("\(scratch.path)/log.json", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        defer { close(file) }
        func append(_ text: some StringProtocol) { _ = String(text).withCString { write(file, $0, strlen($0)) } }
        append("junk\n" + whole.prefix(10))
        #expect(cursor.next() == nil)
        append(whole.dropFirst(10))
        #expect(cursor.texts() == ["a\n"])
    }

    @Test(
        "the tail is the last records, across files and larger than a read",
        arguments: [0, 1, 2, 5, 1999, 2000, 3000]
    )
    func tail(count: Int) throws {
        let size = Int64(record("1000 \(String(repeating: "x", count: 100))\n").count)
        var log = try LogFile.open(in: scratch.path, limits: .init(sizeBytes: 1500 * size, files: 5))
        let texts = (1000..<3000).map { "\($0) \(String(repeating: "x", count: 100))\n" }
        for text in texts { try log.append(record(text)) }
        #expect(names == ["log.json", "log.json.1"])
        let cursor = LogCursor(directory: scratch.path)
        cursor.seek(tail: count)
        #expect(cursor.texts() == texts.suffix(count))
        try log.append(record("new\n"))
        #expect(cursor.texts() == ["new\n"])
    }

    @Test("a cursor beside a writer that cuts the log all the time sees every record once", .timeLimit(.minutes(1)))
    func concurrent() async throws {
        let path = scratch.path
        let count = 1000
        async let writer: Void = Self.fill(path, count: count)
        let cursor = LogCursor(directory: path)
        var seen: [String] = []
        while seen.last != "\(count)\n", !Task.isCancelled {
            let found = cursor.texts()
            seen += found
            if found.isEmpty { await Task.yield() }
        }
        try await writer
        #expect(seen == (1...count).map { "\($0)\n" })
    }

    @concurrent private static func fill(_ path: String, count: Int) async throws {
        // So small that a reader is overtaken by many cuts, and so many that no record goes.
        var log = try LogFile.open(in: path, limits: .init(sizeBytes: 500, files: 1000))
        for number in 1...count { try log.append(record("\(number)\n")) }
    }
}
