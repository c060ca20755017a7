import ArgumentParser
import ComposeModel
import ImageBuilder
import ImageStore
import Orchestrator
import TerminalOutput

/// `roost builder`.
struct BuilderCommands: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "builder",
        abstract: "Look after the cache of builds.",
        subcommands: [Prune.self]
    )

    /// `roost builder prune`.
    struct Prune: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Remove results of build steps and cache directories; images stay."
        )

        @Flag(name: .shortAndLong, help: "All of it, which is what happens anyway.") var all = false
        @Flag(name: .shortAndLong, help: "Ask nothing; nothing is asked.") var force = false
        @Option(
            name: [.long, .customLong("max-used-space")],
            help: "How much may stay, as in 10g: what was used last."
        )
        var keepStorage: String?
        @Option(parsing: .singleValue, help: "Only what was not used for some time: until=24h.") var filter: [String] =
            []

        func run() throws {
            try ProjectReading.reporting {
                var pruning = BuildCachePruning()
                if let keepStorage {
                    guard let bytes = ByteCount(text: keepStorage)?.bytes, bytes >= 0 else {
                        throw UserError("--keep-storage takes an amount such as 10g, not \"\(keepStorage)\"")
                    }
                    pruning.keptBytes = Int64(bytes)
                }
                for text in filter {
                    guard text.hasPrefix("until="), let span = TimeSpan(text: String(text.dropFirst("until=".count)))
                    else { throw UserError("--filter takes until=TIME such as until=24h, not \"\(text)\"") }
                    pruning.usedBefore = WallTime.now.nanoseconds - Int64(span.nanoseconds)
                }
                let roots = ProjectReading.roots
                let store = roots.images
                guard let result = try pruning.run(in: store) else {
                    throw UserError("a build is under way; try again when it has ended")
                }
                let amount = Amount.decimal(UInt64(max(0, result.bytes)))
                ProcessContext.writeOutput("Removed \(result.count), which frees \(amount)\n")
            }
        }
    }
}
