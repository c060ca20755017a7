import CLinux
import Glibc
import LinuxSystem
import Orchestrator
import TerminalOutput
import Testing

@Suite("Progress on a terminal", .timeLimit(.minutes(1)))
struct ProgressPrinterTests {
    @Test("the picture is as wide as the terminal, and the cursor comes back")
    func terminal() throws {
        let master = OwnedDescriptor(adopting: open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC))
        var locked: CInt = 0
        try #require(ioctl(master.rawValue, 0x4004_5431 /* TIOCSPTLCK */, &locked) == 0)
        let terminal = OwnedDescriptor(
            adopting: ioctl(master.rawValue, 0x5441 /* TIOCGPTPEER */, O_RDWR | O_NOCTTY | O_CLOEXEC)
        )
        var size = winsize(ws_row: 10, ws_col: 36, ws_xpixel: 0, ws_ypixel: 0)
        try #require(ioctl(terminal.rawValue, UInt(TIOCSWINSZ), &size) == 0)
        let printer = ProgressPrinter("up", mode: .tty, isColoured: false, descriptor: terminal.rawValue)
        printer.report(Progress(.container, "voting-frontend-1", "Started", .done))
        printer.finish()
        printer.finish()
        printer.report(Progress(.container, "too-late", "Started", .done))
        _ = consume terminal
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        // A terminal without a user answers EIO after the last byte.
        while case let count = read(master.rawValue, &buffer, buffer.count), count > 0 { bytes += buffer[..<count] }
        let text = String(decoding: bytes, as: UTF8.self)
        #expect(text.hasPrefix("\u{1B}[?25l[+] up 1/1\u{1B}[K\r\n ✔ Container voting…  Started  0.0s\u{1B}[K\r\n"))
        #expect(text.hasSuffix("\u{1B}[?25h"))
        #expect(!text.contains("too-late"))
    }

    @Test("a signal that ends the process gives the cursor back first")
    func signal() async throws {
        var template = Array("/tmp/roost-test.XXXXXX".utf8CString)
        let file = OwnedDescriptor(adopting: mkstemp(&template))
        let path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        defer { removeFile(path) }
        setenv("ROOST_TEST_FILE", path, 1)
        defer { unsetenv("ROOST_TEST_FILE") }
        await #expect(processExitsWith: .signal(SIGTERM)) {
            let file = open(String(cString: getenv("ROOST_TEST_FILE")), O_WRONLY | O_APPEND | O_CLOEXEC)
            var blocked = sigset_t()
            sigemptyset(&blocked)
            pthread_sigmask(SIG_SETMASK, &blocked, nil)
            let printer = ProgressPrinter("up", mode: .tty, isColoured: false, descriptor: file)
            printer.interrupted { raise(SIGTERM) }
        }
        #expect(try readFile(path) == "\u{1B}[?25h")
        _ = consume file
    }

    @Test("plain progress is written at once")
    func plain() throws {
        let pipe = try Pipe()
        let printer = ProgressPrinter("up", mode: .plain, isColoured: false, descriptor: pipe.writing.rawValue)
        printer.report(Progress(.network, "n", "Created", .done))
        printer.finish()
        var buffer = [UInt8](repeating: 0, count: 100)
        let count = read(pipe.reading.rawValue, &buffer, buffer.count)
        #expect(String(decoding: buffer[..<max(0, count)], as: UTF8.self) == " Network n  Created\n")
    }
}
