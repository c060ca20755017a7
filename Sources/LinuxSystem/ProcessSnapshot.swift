import CLinux
import Glibc

/// What procfs tells of a process at one moment: proc_pid_stat(5), proc_pid_cmdline(5), proc_pid_status(5).
package struct ProcessSnapshot: Hashable, Sendable {
    /// Its id in our own PID namespace.
    package var pid: Int32
    /// Its parent's.
    package var parent: Int32
    /// Who it runs as.
    package var userID: UInt32
    /// The device number of its terminal; 0 for none.
    package var terminal: UInt32
    /// The processor time that it has used, in clock ticks.
    package var ticks: UInt64
    /// When it was started, in clock ticks since boot.
    package var start: UInt64
    /// Its memory that is not swapped out, in pages.
    package var residentPages: UInt64
    /// Its arguments, as much as is asked for; its name in brackets when it has none.
    package var command: String

    /// Longer command lines are cut; bytes.
    private static let longestCommand = 4096

    /// Looks at a process; nil when it is gone.
    package init?(of pid: Int32) {
        guard let stat = try? readFile("/proc/\(pid)/stat"), let status = try? readFile("/proc/\(pid)/status") else {
            return nil
        }
        self.init(pid: pid, stat: stat, status: status, command: Self.beginning(of: "/proc/\(pid)/cmdline"))
    }

    /// Reads the texts of procfs; nil for what is none.
    package init?(pid: Int32, stat: String, status: String, command: [UInt8]) {
        // The program's name may hold anything, blanks and parentheses too, so fields are counted from its end.
        guard let open = stat.firstIndex(of: "("), let close = stat.lastIndex(of: ")"), open < close else { return nil }
        let fields = stat[stat.index(after: close)...].split(separator: " ")
        guard fields.count > 21, let parent = Int32(fields[1]), let terminal = Int32(fields[4]),
            let user = UInt64(fields[11]), let system = UInt64(fields[12]), let start = UInt64(fields[19]),
            let pages = Int64(fields[21])
        else { return nil }
        let line = status.split(separator: "\n").first { $0.hasPrefix("Uid:") }
        guard let userID = line?.split(whereSeparator: \.isWhitespace).dropFirst(2).first.flatMap({ UInt32($0) }) else {
            return nil
        }
        self.pid = pid
        self.parent = parent
        self.userID = userID
        self.terminal = UInt32(bitPattern: terminal)
        ticks = user &+ system
        self.start = start
        residentPages = UInt64(max(0, pages))
        let words = command.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
        let name = stat[stat.index(after: open)..<close]
        self.command = words.isEmpty ? "[\(name)]" : words.joined(separator: " ")
    }

    /// Clock ticks in a second: sysconf(3).
    package static var ticksPerSecond: UInt64 { UInt64(max(1, sysconf(Int32(_SC_CLK_TCK)))) }

    /// Clock ticks since boot.
    package static var now: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        let nanoseconds = UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
        return nanoseconds / (1_000_000_000 / ticksPerSecond)
    }

    /// Bytes in a page.
    package static var pageSize: UInt64 { UInt64(max(1, sysconf(Int32(_SC_PAGESIZE)))) }

    private static func beginning(of path: String) -> [UInt8] {
        guard let file = try? OwnedDescriptor.reading(path) else { return [] }
        var bytes = [UInt8](repeating: 0, count: longestCommand)
        let count = read(file.rawValue, &bytes, bytes.count)
        return Array(bytes.prefix(max(0, count)))
    }
}
