import Glibc
import LinuxSystem
package import Orchestrator

/// A reader of a container's log that goes from record to record and across the files that the log is cut into.
///
/// Works beside a writer: at the end it waits to be asked again, and finds the way to newer files by inode when the
/// log has been cut in the meantime, however often.
package final class LogCursor {
    private struct Identity: Hashable {
        var device: UInt64
        var inode: UInt64

        init(_ information: stat) {
            device = UInt64(information.st_dev)
            inode = UInt64(information.st_ino)
        }
    }

    private static let chunk = 64 << 10
    /// A line of a log file is at most this long; what is longer is passed over.
    ///
    /// In bytes.
    private static let longestRecord = 4 << 20

    private let directory: String
    /// The file that is read; -1 while there is none.
    private var file = OwnedDescriptor(adopting: -1)
    private var identity: Identity?
    /// Where the next read begins, in the file.
    private var offset: Int64 = 0
    private var buffer: [UInt8] = []
    /// Where the next record begins in `buffer`.
    private var place = 0

    /// A cursor before the first record of the log in `directory`; there need not be one yet.
    package init(directory: String) { self.directory = directory }

    /// The next record; nil when there is none yet.
    ///
    /// Lines that are no records are passed over.
    package func next() -> LogRecord? {
        repeat {
            while let line = nextLine() {
                if let record = LogRecord(line: line) { return record }
            }
        } while fill()
        return nil
    }

    /// Goes to before the last `count` records, as far as the files reach back.
    ///
    /// Reads backwards from the end, and no more than these records take.
    package func seek(tail count: Int) {
        var left = count
        for number in numbers().reversed() where open(number) {
            left -= skipBack(records: left)
            if left <= 0 { return }
        }
    }

    /// Goes to a place before the first record that is not older than `time`, by the times of the files.
    package func seek(since time: WallTime) {
        for number in numbers() where open(number) {
            var information = stat()
            guard fstat(file.rawValue, &information) == 0 else { return }
            let changed = Int64(information.st_mtim.tv_sec) * 1_000_000_000 + Int64(information.st_mtim.tv_nsec)
            if changed >= time.nanoseconds { return }
        }
    }

    // Lines

    private func nextLine() -> ArraySlice<UInt8>? {
        guard let end = buffer[place...].firstIndex(of: 0x0A) else {
            buffer.removeFirst(place)
            place = 0
            if buffer.count > Self.longestRecord { buffer.removeAll() }
            return nil
        }
        defer { place = end + 1 }
        return buffer[place..<end]
    }

    /// Reads on; false when there is nothing more for now.
    private func fill() -> Bool {
        if identity == nil {
            guard openOldest() else { return false }
        }
        if read() { return true }
        if isCutShort() {
            offset = 0
            discard()
            return read()
        }
        return advance()
    }

    private func read() -> Bool {
        let start = buffer.count
        buffer += [UInt8](repeating: 0, count: Self.chunk)
        let count = pread(at: offset, into: start)
        buffer.removeLast(Self.chunk - count)
        offset += Int64(count)
        return count > 0
    }

    /// Reads at most a chunk into `buffer`; what can't be read counts as the end.
    private func pread(at offset: Int64, into start: Int) -> Int {
        while true {
            let count = buffer.withUnsafeMutableBytes {
                Glibc.pread(file.rawValue, $0.baseAddress.map { $0 + start }, $0.count - start, off_t(offset))
            }
            if count < 0 && errno == EINTR { continue }
            return max(0, count)
        }
    }

    private func discard() {
        buffer.removeAll(keepingCapacity: true)
        place = 0
    }

    /// Goes back from the end of the file by so many records; returns how many there were.
    private func skipBack(records: Int) -> Int {
        var information = stat()
        guard fstat(file.rawValue, &information) == 0 else { return 0 }
        defer { discard() }
        var (end, found) = (Int64(information.st_size), 0)
        while end > 0 {
            let start = max(0, end - Int64(Self.chunk))
            buffer = [UInt8](repeating: 0, count: Int(end - start))
            let count = pread(at: start, into: 0)
            for index in buffer[..<count].indices.reversed() where buffer[index] == 0x0A {
                if found == records {
                    offset = start + Int64(index) + 1
                    return found
                }
                found += 1
            }
            end = start
        }
        offset = 0
        return found
    }

    // Files

    /// The numbers of the log's files, the oldest first; 0 is the current one.
    private func numbers() -> [Int] {
        namesInDirectory(directory).compactMap { name in
            if name == "log.json" { return 0 }
            return name.hasPrefix("log.json.") ? Int(name.dropFirst(9)) : nil
        }
        .sorted(by: >)
    }

    private func path(_ number: Int) -> String { "\(directory)/log.json" + (number == 0 ? "" : ".\(number)") }

    /// Opens a file of the log to read it from its beginning; false when it is not there, or not the one expected.
    private func open(_ number: Int, expecting expected: Identity? = nil) -> Bool {
        let raw = Glibc.open(path(number), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard raw >= 0 else { return false }
        let opened = OwnedDescriptor(adopting: raw)
        var information = stat()
        guard fstat(raw, &information) == 0, information.st_mode & S_IFMT == S_IFREG else { return false }
        guard expected == nil || expected == Identity(information) else { return false }
        identity = Identity(information)
        file = opened
        offset = 0
        discard()
        return true
    }

    /// Opens the oldest file; false when there is none.
    private func openOldest() -> Bool {
        // The writer may rename the files between our look and our opening: then one is older than what we have opened.
        for _ in 0..<64 {
            guard let oldest = numbers().first else { return false }
            if open(oldest), self.identity(of: numbers().first ?? 0) == identity { return true }
        }
        return identity != nil
    }

    /// Whether the file has been emptied since it was read: a log of a single file starts again that way.
    private func isCutShort() -> Bool {
        var information = stat()
        return fstat(file.rawValue, &information) == 0 && Int64(information.st_size) < offset
    }

    /// Goes to the next newer file when there is one.
    private func advance() -> Bool {
        // The writer may be renaming files while we look; then we look again, but not for ever.
        for _ in 0..<64 {
            var information = stat()
            guard fstat(file.rawValue, &information) == 0 else { return false }
            let all = numbers()
            // A file without a name was the oldest one, so whatever is there is newer.
            let own = information.st_nlink == 0 ? (all.first ?? -1) + 1 : all.first { identity(of: $0) == identity }
            guard let own else { continue }
            let next = (0..<own).last { identity(of: $0) != nil }
            let found = next.flatMap { identity(of: $0) }
            // A gap that has been filled in the meantime holds the file that comes next.
            let isFilled = ((next ?? -1) + 1..<own).contains { identity(of: $0) != nil }
            guard !isFilled, information.st_nlink == 0 || identity(of: own) == identity else { continue }
            guard let next else { return false }
            guard let found else { continue }
            // The file was written to until it was renamed, which may be after we read its end.
            if read() { return true }
            if open(next, expecting: found), read() { return true }
        }
        return false
    }

    private func identity(of number: Int) -> Identity? {
        var information = stat()
        return lstat(path(number), &information) == 0 ? Identity(information) : nil
    }
}
