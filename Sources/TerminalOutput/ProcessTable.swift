import Glibc
package import LinuxSystem
package import Orchestrator

/// The processes of containers, as `roost top` shows them: the columns of `ps -ef` behind the service and the number.
package struct ProcessTable: Sendable {
    /// The moment at which processes were looked at.
    package struct Moment: Sendable {
        /// By the clock on the wall.
        package var time: WallTime
        /// Since boot, in clock ticks.
        package var ticks: UInt64
        /// Clock ticks in a second.
        package var ticksPerSecond: UInt64

        /// A moment by both clocks.
        package init(time: WallTime, ticks: UInt64, ticksPerSecond: UInt64) {
            self.time = time
            self.ticks = ticks
            self.ticksPerSecond = ticksPerSecond
        }
    }

    private var table = TextTable(
        heading: ["SERVICE", "#", "UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"],
        minimumWidth: 4,
        gap: 2
    )
    private let now: Moment
    private let users: [UInt32: String]

    /// A table without rows; `users` are the names of the host's users.
    package init(at now: Moment, users: [UInt32: String]) {
        self.now = now
        self.users = users
    }

    /// Whether there is nothing to show.
    package var isEmpty: Bool { table.rows.count == 1 }

    /// The lines of the table.
    package var text: String { table.text }

    /// Adds the processes of a container, whose first one may be ours: its arguments are nobody's business.
    package mutating func add(_ processes: [ProcessSnapshot], of container: ContainerState, first: Int32 = 0) {
        for process in processes {
            let age = now.ticks - min(now.ticks, process.start)
            let seconds = process.ticks / now.ticksPerSecond
            table.rows.append([
                container.service, String(container.number), users[process.userID] ?? String(process.userID),
                String(process.pid), String(process.parent),
                String(age == 0 ? 0 : min(99, process.ticks * 100 / age)), began(age), Self.terminal(process.terminal),
                Self.clock(seconds),
                process.pid == first && process.command.isOfHelper ? "init" : process.command.withoutControls,
            ])
        }
    }

    /// The time of day when a process began today, and else the day.
    private func began(_ age: UInt64) -> String {
        let current = Self.local(now.time)
        let begin = Self.local(now.time + .seconds(-Int64(age / now.ticksPerSecond)))
        if current.day == begin.day && age / now.ticksPerSecond < 86_400 {
            return "\(Self.twoDigits(begin.hour)):\(Self.twoDigits(begin.minute))"
        }
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        return "\(months[min(11, max(0, begin.month))])\(Self.twoDigits(UInt64(begin.day)))"
    }

    private static func local(_ time: WallTime) -> (month: Int, day: Int, hour: UInt64, minute: UInt64) {
        var seconds = time_t(time.nanoseconds / 1_000_000_000)
        var parts = unsafe tm()
        guard unsafe localtime_r(&seconds, &parts) != nil else { return (0, 1, 0, 0) }
        return (
            Int(unsafe parts.tm_mon), Int(unsafe parts.tm_mday), UInt64(max(0, unsafe parts.tm_hour)),
            UInt64(max(0, unsafe parts.tm_min))
        )
    }

    private static func clock(_ seconds: UInt64) -> String {
        [seconds / 3600, seconds / 60 % 60, seconds % 60].map(twoDigits).joined(separator: ":")
    }

    private static func twoDigits(_ number: UInt64) -> String { number < 10 ? "0\(number)" : String(number) }

    /// The name of a terminal by its device number: devpts(7) has the majors from 136.
    private static func terminal(_ device: UInt32) -> String {
        let major = (device >> 8) & 0xFFF
        let minor = (device & 0xFF) | ((device >> 12) & 0xFFF00)
        return (136...143).contains(major) ? "pts/\((major - 136) << 20 | minor)" : major == 4 ? "tty\(minor)" : "?"
    }
}

extension String {
    /// The text with `?` for every control character: what a container chose is shown on a terminal.
    package var withoutControls: String {
        String(
            String.UnicodeScalarView(
                unicodeScalars.map { $0.properties.generalCategory == .control ? "?" : $0 }
            )
        )
    }
}

extension String {
    /// Whether these are the words of our own first process: `init`, `i` and a number, and what it executes.
    fileprivate var isOfHelper: Bool {
        let words = split(separator: " ", maxSplits: 2)
        return words.count == 3 && words[0] == "init" && words[1].first == "i"
            && words[1].dropFirst().allSatisfy(\.isNumber)
    }
}
