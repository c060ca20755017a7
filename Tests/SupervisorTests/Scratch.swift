import OCISpec
import Glibc
import LinuxSystem
import Orchestrator
import Supervisor
import Testing

import class Foundation.FileManager

/// A directory of its own for a test, and what lies in it.
final class Scratch {
    let path: String

    init() throws {
        var template = Array("/tmp/roost-test.XXXXXX".utf8CString)
        path = String(cString: try #require(mkdtemp(&template)))
    }

    deinit {
        // What can't be removed harms no later test: names are never used again.
        try? FileManager.default.removeItem(atPath: path)
    }

    /// The text of a file; empty when it is not there.
    func text(_ name: String) -> String { (try? readFile("\(path)/\(name)", limit: 64 << 20)) ?? "" }

    /// Puts text into a file.
    func write(_ text: String, _ name: String) throws { try replaceFile("\(path)/\(name)", Array(text.utf8)) }

    /// The texts of all records that a cursor finds.
    func logged() -> [String] { LogCursor(directory: path).texts() }
}

extension LogCursor {
    /// The texts of all records from here on.
    func texts() -> [String] {
        var result: [String] = []
        while let record = next() { result.append(String(decoding: record.text, as: UTF8.self)) }
        return result
    }
}

/// The bytes of a record with this text.
func record(_ text: String, at time: Int64 = 0, _ stream: LogRecord.Stream = .stdout) -> [UInt8] {
    var buffer: [UInt8] = []
    let time = Timestamp.bytes(WallTime(nanoseconds: time))
    LogRecord.encode(Array(text.utf8), stream: stream, time: time, into: &buffer)
    return buffer
}
