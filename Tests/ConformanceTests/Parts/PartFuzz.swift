import Foundation
import Testing
import YAMLComposer

#if canImport(Glibc)
import Glibc
#endif

/// Feeds one part of the loader with texts that nobody wrote.
///
/// A short run with a fixed seed belongs to the suite. `ROOST_FUZZ_COUNT`, `ROOST_FUZZ_SEED` and `ROOST_FUZZ_SECONDS`
/// make it another one, and `ROOST_FUZZ_KEEP` names a directory where the text at hand is left, so that the one of a
/// crash can be looked at.
struct PartFuzz {
    /// What the part is called where a run is reported.
    let part: String
    /// How many texts the suite takes.
    var count = 3000

    /// No text may take a part longer than this, in processor time: a load must end within a second.
    private static let limit = 1_000_000_000

    /// Makes a text and asks what is wrong with how the part takes it, again and again.
    func run<Input: FuzzInput>(
        _ make: (inout Mutation) -> Input,
        problem: (Input) throws -> String?
    ) throws {
        let environment = ProcessInfo.processInfo.environment
        func number(_ name: String) -> Int? { environment[name].flatMap { Int($0) } }
        let seed = number("ROOST_FUZZ_SEED") ?? 1
        let duration = number("ROOST_FUZZ_SECONDS").map { $0 * 1_000_000_000 }
        let count = duration == nil ? number("ROOST_FUZZ_COUNT") ?? count : Int.max
        let start = Self.clock(CLOCK_MONOTONIC)
        var round = 0
        while round < count, duration.map({ Self.clock(CLOCK_MONOTONIC) - start < $0 }) ?? true {
            // A round can be had again without those before it.
            var mutation = Mutation(seed: UInt64(truncatingIfNeeded: seed) << 32 ^ UInt64(round))
            let input = make(&mutation)
            if let directory = environment["ROOST_FUZZ_KEEP"] {
                try Data(input.bytes).write(to: URL(fileURLWithPath: "\(directory)/\(part)"))
            }
            let before = Self.clock(CLOCK_THREAD_CPUTIME_ID)
            let found = try problem(input)
            let taken = Self.clock(CLOCK_THREAD_CPUTIME_ID) - before
            if let found { record(found, input, round) }
            if taken > Self.limit { record("it took \(taken / 1_000_000) ms", input, round) }
            round += 1
        }
        if duration != nil { print("fuzzed \(part): \(round) rounds with seed \(seed)") }
    }

    private func record(_ problem: String, _ input: some FuzzInput, _ round: Int) {
        Issue.record(
            "\(part), round \(round): \(problem)\n\(String(decoding: input.bytes, as: UTF8.self).debugDescription)"
        )
    }

    private static func clock(_ clock: clockid_t) -> Int {
        var time = timespec()
        clock_gettime(clock, &time)
        return time.tv_sec * 1_000_000_000 + time.tv_nsec
    }
}

/// What a part is fed with.
protocol FuzzInput {
    /// The text.
    var bytes: [UInt8] { get }
}

/// A text with what it means; nil when nobody knows.
struct FuzzText<Meaning>: FuzzInput {
    var text: String
    var meaning: Meaning?

    var bytes: [UInt8] { Array(text.utf8) }
}

extension Mutation {
    /// One of a few.
    mutating func one<Element>(of choices: [Element]) -> Element { choices[index(below: choices.count)] }

    /// Yes, once in `count` times.
    mutating func once(in count: Int) -> Bool { index(below: count) == 0 }

    /// Characters from `alphabet`, from `range` of them.
    mutating func text(_ alphabet: String, _ range: ClosedRange<Int>) -> String {
        let characters = Array(alphabet.unicodeScalars)
        var result = String.UnicodeScalarView()
        for _ in 0..<range.lowerBound + index(below: range.count) { result.append(one(of: characters)) }
        return String(result)
    }

    /// A text that was changed, whose meaning nobody knows then.
    mutating func damaged<Meaning>(_ text: FuzzText<Meaning>) -> FuzzText<Meaning> {
        let changed = bytes(text.bytes, other: text.bytes)
        return FuzzText(text: String(decoding: changed, as: UTF8.self))
    }
}

extension SourceMark {
    /// Whether the mark points at a character of its file, or just behind the last one of a line.
    var isInside: Bool {
        if line == 1 && column == 1 { return true }
        let lines = file.bytes.count { $0 == 0x0A } + 1
        // A line may also end where YAML, but no text tool, sees an end.
        guard line >= 1, column >= 1, let text = file.line(line) else { return line >= 1 && line <= lines + 1 }
        return column <= text.unicodeScalars.count + 2
    }
}
