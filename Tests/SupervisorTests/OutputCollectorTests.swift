import CLinux
import Glibc
import LinuxSystem
import Orchestrator
import Supervisor
import Testing

@Suite("Collecting what containers write", .serialized, .timeLimit(.minutes(1)))
struct OutputCollectorTests {
    private let scratch: Scratch
    private let poller: Poller

    init() throws {
        scratch = try Scratch()
        poller = try Poller()
    }

    /// A FIFO that is open on both sides, as containers get it.
    private func fifo(_ name: String = "stdout") throws -> OwnedDescriptor {
        let path = "\(scratch.path)/\(name)"
        try #require(mkfifo(path, 0o600) == 0)
        return OwnedDescriptor(adopting: open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC))
    }

    private func collector() throws -> OutputCollector {
        let log = try LogFile.open(in: scratch.path, limits: .standard)
        return try OutputCollector(log: log, poller: poller) { WallTime(nanoseconds: 0) }
    }

    private func put(_ bytes: some Sequence<UInt8>, into file: borrowing OwnedDescriptor) {
        let bytes = Array(bytes)
        #expect(write(file.rawValue, bytes, bytes.count) == bytes.count)
    }

    @Test("lines of both outputs are recorded, each under its name")
    func streams() throws {
        let output = try fifo()
        let errors = try fifo("stderr")
        put("one\ntwo\n".utf8, into: output)
        put("oh\n".utf8, into: errors)
        let collector = try collector()
        try collector.collect(output.duplicate(), .stdout, isTerminal: false)
        try collector.collect(errors.duplicate(), .stderr, isTerminal: false)
        collector.finish()
        #expect(
            scratch.text("log.json") == """
                {"log":"one\\n","stream":"stdout","time":"1970-01-01T00:00:00.000000000Z"}
                {"log":"two\\n","stream":"stdout","time":"1970-01-01T00:00:00.000000000Z"}
                {"log":"oh\\n","stream":"stderr","time":"1970-01-01T00:00:00.000000000Z"}

                """
        )
    }

    @Test("half a line stays in the FIFO, through any number of supervisors, until its end comes")
    func partialLines() throws {
        let output = try fifo()
        put("whole\nhal".utf8, into: output)
        for _ in 0..<2 { try collector().collect(output.duplicate(), .stdout, isTerminal: false) }
        #expect(scratch.logged() == ["whole\n"])
        put("f\n".utf8, into: output)
        try collector().collect(output.duplicate(), .stdout, isTerminal: false)
        #expect(scratch.logged() == ["whole\n", "half\n"])
    }

    @Test("a last line without an end is recorded when the container has ended")
    func lastLine() throws {
        let output = try fifo()
        put("bye".utf8, into: output)
        let collector = try collector()
        try collector.collect(output.duplicate(), .stdout, isTerminal: false)
        #expect(scratch.logged() == [])
        collector.finish()
        collector.finish()
        #expect(scratch.logged() == ["bye"])
    }

    @Test("a long line is recorded in pieces that cut no character")
    func longLine() throws {
        let output = try fifo()
        let line = "x" + String(repeating: "漢", count: 16_000) + "\n"
        put(line.utf8, into: output)
        let collector = try collector()
        try collector.collect(output.duplicate(), .stdout, isTerminal: false)
        let pieces = scratch.logged()
        #expect(pieces.count == 3)
        #expect(pieces.allSatisfy { $0.utf8.count <= 16 << 10 })
        #expect(pieces.joined() == line)
    }

    @Test("bytes that are no text go through, whatever they are")
    func binary() throws {
        let output = try fifo()
        put(repeatElement(0x80, count: 40_000) + [0xFF, 0x00, 0x0A], into: output)
        let collector = try collector()
        try collector.collect(output.duplicate(), .stdout, isTerminal: false)
        collector.finish()
        #expect(scratch.logged().joined() == String(repeating: "\u{FFFD}", count: 40_001) + "\0\n")
    }

    @Test("a FIFO full of small pieces without a line end does not stop its writer")
    func smallPieces() throws {
        let output = try fifo()
        let source = try Pipe()
        for _ in 0..<16 {
            put("p".utf8, into: source.writing)
            // Bytes that were spliced in are not joined, so each takes one of the pipe's sixteen places.
            let moved = clinux_syscall(
                Int64(SYS_splice),
                UInt64(source.reading.rawValue),
                0,
                UInt64(output.rawValue),
                0,
                1,
                0
            )
            try #require(moved == 1)
        }
        var request = pollfd(fd: output.rawValue, events: Int16(POLLOUT), revents: 0)
        try #require(poll(&request, 1, 0) == 0)
        let collector = try collector()
        try collector.collect(output.duplicate(), .stdout, isTerminal: false)
        #expect(poll(&request, 1, 0) == 1)
        #expect(scratch.logged() == [String(repeating: "p", count: 16)])
    }

    @Test("what is written while nobody asks is collected by itself")
    func poller() async throws {
        let output = try fifo()
        let log = try LogFile.open(in: scratch.path, limits: .standard)
        let (times, source) = AsyncStream.makeStream(of: Void.self)
        let collector = try OutputCollector(log: log, poller: poller) {
            source.yield()
            return WallTime(nanoseconds: 0)
        }
        try collector.collect(output.duplicate(), .stdout, isTerminal: false)
        put("late\n".utf8, into: output)
        var turns = times.makeAsyncIterator()
        // The clock is read at the beginning of each turn: that of `collect`, and that of the news.
        for _ in 0..<2 { _ = await turns.next() }
        collector.finish()
        #expect(scratch.logged() == ["late\n"])
    }

    @Test("without a log, what is written is taken away")
    func noLog() throws {
        let output = try fifo()
        put("x\n".utf8, into: output)
        let collector = try OutputCollector(log: nil, poller: poller) { WallTime(nanoseconds: 0) }
        try collector.collect(output.duplicate(), .stdout, isTerminal: false)
        var byte: UInt8 = 0
        #expect(read(output.rawValue, &byte, 1) == -1)
    }

    @Test("the lines of a terminal are recorded, and what has no end when it is over")
    func terminal() throws {
        let master = OwnedDescriptor(adopting: open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC))
        var locked: CInt = 0
        try #require(ioctl(master.rawValue, 0x4004_5431 /* TIOCSPTLCK */, &locked) == 0)
        let terminal = OwnedDescriptor(
            adopting: ioctl(master.rawValue, 0x5441 /* TIOCGPTPEER */, O_RDWR | O_NOCTTY | O_CLOEXEC)
        )
        _ = fcntl(master.rawValue, F_SETFL, O_NONBLOCK)
        put("one\ntw".utf8, into: terminal)
        let collector = try collector()
        try collector.collect(master.duplicate(), .stdout, isTerminal: true)
        collector.finish()
        #expect(scratch.logged() == ["one\r\n", "tw"])
    }

    @Test("a supervisor that dies between reading lines and recording them loses none")
    func killed() async throws {
        let output = try fifo()
        put("one\ntwo\nthree\nfo".utf8, into: output)
        setenv("ROOST_TEST_SCRATCH", scratch.path, 1)
        defer { unsetenv("ROOST_TEST_SCRATCH") }
        await #expect(processExitsWith: .signal(SIGXFSZ)) {
            let path = String(cString: getenv("ROOST_TEST_SCRATCH"))
            // The kernel ends the process in the middle of its write to the log: after copying, before taking away.
            var limit = rlimit(rlim_cur: 100, rlim_max: 100)
            setrlimit(__rlimit_resource_t(1 /* RLIMIT_FSIZE */), &limit)
            signal(SIGXFSZ, SIG_DFL)
            var blocked = sigset_t()
            sigemptyset(&blocked)
            pthread_sigmask(SIG_SETMASK, &blocked, nil)
            let collector = try OutputCollector(
                log: try LogFile.open(in: path, limits: .standard),
                poller: try Poller()
            ) { WallTime(nanoseconds: 0) }
            let descriptor = OwnedDescriptor(adopting: open("\(path)/stdout", O_RDWR | O_NONBLOCK | O_CLOEXEC))
            try collector.collect(descriptor, .stdout, isTerminal: false)
        }
        let collector = try collector()
        try collector.collect(output.duplicate(), .stdout, isTerminal: false)
        put("ur\n".utf8, into: output)
        collector.finish()
        let found = scratch.logged()
        #expect(found.suffix(4) == ["one\n", "two\n", "three\n", "four\n"])
    }
}
