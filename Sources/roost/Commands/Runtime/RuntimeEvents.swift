import ArgumentParser
import ContainerRuntime
import Glibc
import LinuxSystem

/// `roost runtime events`.
struct RuntimeEvents: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "events",
        abstract: "Show what a container uses, and when it wants for memory, as lines of JSON."
    )

    private struct Event<Content: Encodable>: Encodable {
        var type: String
        var id: String
        var data: Content?
    }

    @Option(help: "The time between two looks: 5s, 500ms, 1m.") var interval = "5s"
    @Flag(help: "Show what it uses now, and no more.") var stats = false
    @Argument(help: "The container's id.") var id: String

    /// How often want of memory is looked for, in milliseconds.
    private static let patience: Int32 = 1000

    func run() throws {
        let container = try RuntimeContainer(ContainerID(id), in: RuntimeProgram.settings.store)
        guard let pause = RuntimeDuration.milliseconds(interval), pause > 0 else {
            throw UserError("--interval: \"\(interval)\" is not a time above 0, like 5s, 500ms or 1m")
        }
        let process = try container.process()
        if stats {
            _ = try write("stats", container.statistics())
            return
        }
        let interrupts = try SignalWatch([SIGINT, SIGTERM])
        var (left, kills) = (pause, try container.memoryKills())
        while true {
            let wait = min(left, Self.patience)
            let ready = waitReadable([process.rawValue, interrupts.descriptor], milliseconds: wait)
            if ready.contains(true) { return }
            let count = try container.memoryKills()
            if count > kills, try !write("oom", String?.none) { return }
            kills = count
            left -= wait
            if left > 0 { continue }
            guard try write("stats", container.statistics()) else { return }
            left = pause
        }
    }

    /// Writes a line; false when nobody reads it any more.
    private func write(_ type: String, _ data: (some Encodable)?) throws -> Bool {
        let line = try RuntimeJSON.text(Event(type: type, id: id, data: data), isPretty: false)
        return ProcessContext.writeOutput(Array(line.utf8))
    }
}

/// Times as runc's options have them.
enum RuntimeDuration {
    private static let units: [(name: String, milliseconds: Double)] = [
        ("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000),
    ]

    /// The time that a number and a unit stand for; nil for what is none, or is longer than a month.
    static func milliseconds(_ text: String) -> Int32? {
        guard let unit = units.first(where: { text.hasSuffix($0.name) }),
            let number = Double(text.dropLast(unit.name.count)), number >= 0
        else { return nil }
        let time = number * unit.milliseconds
        return time < Double(Int32.max) ? Int32(time) : nil
    }
}
