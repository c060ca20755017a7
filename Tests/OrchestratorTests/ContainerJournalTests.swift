import FoundationEssentials
import LinuxSystem
@testable import Orchestrator
import Testing

@Suite("A container's journal")
struct ContainerJournalTests {
    private let path: String
    private var file: String { path + "/journal" }

    init() throws {
        path = FileManager.default.temporaryDirectory.path + "/roost-journal-\(UInt64.random(in: .min ... .max))"
        try makeDirectories(path)
    }

    private func process(_ pid: Int32) -> ProcessRecord { ProcessRecord(pid: pid, start: 7, groups: ["/a"]) }

    @Test("the last line of a kind holds, and null means that there is none")
    func last() throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        let journal = ContainerJournal(in: path)
        #expect(try journal.last(.process, as: ProcessRecord.self) == nil)
        try journal.append(.process, process(1))
        try journal.append(.process, process(2))
        #expect(try journal.last(.process, as: ProcessRecord.self) == process(2))
        try journal.append(.process, ProcessRecord?.none)
        #expect(try journal.last(.process, as: ProcessRecord.self) == nil)
        #expect(try journal.last(.record, as: ContainerRecord.self) == nil)
    }

    @Test("a line that was cut short counts for nothing, wherever it was cut")
    func torn() throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        let journal = ContainerJournal(in: path)
        try journal.append(.process, process(1))
        let first = try readBytes(file)
        try journal.append(.process, process(2))
        let whole = try readBytes(file)
        for length in first.count..<whole.count {
            try replaceFile(file, Array(whole[..<length]))
            #expect(try journal.last(.process, as: ProcessRecord.self) == process(1))
        }
    }

    @Test("after a line that was cut short the next one is whole")
    func tornThenWritten() throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        let journal = ContainerJournal(in: path)
        try journal.append(.process, process(1))
        try replaceFile(file, try readBytes(file).dropLast(3))
        try journal.append(.process, process(2))
        #expect(try journal.last(.process, as: ProcessRecord.self) == process(2))
    }

    @Test("what is no journal is an error that names the file")
    func damaged() throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        let message = "\(file) is not what Roost wrote; look at it, and remove it when it is of no use"
        for text in ["{", "junk\n", "{\"state\":\n", "{\"state\":{}}\n", "{\"state\":junk}\n"] {
            try replaceFile(file, Array(text.utf8))
            let error = #expect(throws: StoreError.self) {
                try ContainerJournal(in: path).last(.state, as: ContainerState.self)
            }
            #expect(error?.code == .unreadable && error?.message == message, "\(text)")
        }
    }

    @Test("it does not grow for ever, and what holds is kept")
    func weeding() throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        let journal = ContainerJournal(in: path)
        let record = ContainerRecord(
            id: "c",
            definition: "d",
            image: "i",
            command: ["x"],
            created: WallTime(nanoseconds: 1)
        )
        try journal.append(.record, record)
        var sizes: [Int] = []
        for pid in 1...3000 {
            try journal.append(.process, process(Int32(pid)))
            sizes.append(try readBytes(file).count)
        }
        #expect(try #require(sizes.max()) < 70_000 && sizes.contains { $0 < 1000 })
        #expect(try journal.last(.record, as: ContainerRecord.self) == record)
        #expect(try journal.last(.process, as: ProcessRecord.self) == process(3000))
    }
}
