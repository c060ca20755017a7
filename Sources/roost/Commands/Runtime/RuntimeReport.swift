import OCISpec
import ContainerRuntime
import FoundationEssentials
import LinuxSystem

/// Where the runtime tells what went wrong: standard error, and the file that the engine reads.
struct RuntimeReport {
    /// The forms of a line in the file.
    enum Form: String { case text, json }

    private struct Line: Encodable {
        var level: String
        var msg: String
        var time: String
    }

    /// The file; nil for none.
    var path: String?
    var form = Form.text

    /// Fails where nothing could be written to the file: whoever asked for it would wait in vain.
    func check() throws {
        guard let path else { return }
        do { _ = try OwnedDescriptor.appending(to: path) } catch { throw UserError("--log: \(error)") }
    }

    /// Tells why the command failed.
    func error(_ message: String) { tell("error", message) }

    /// Tells what could not be done as it was asked.
    func warning(_ message: String) { tell("warning", message) }

    private func tell(_ level: String, _ message: String) {
        do {
            // Who asks for JSON and names no file reads it there.
            let isTold = path != nil || form == .text
            ProcessContext.writeError(isTold ? "\(level): \(message)\n" : try line(level, message))
            guard let path else { return }
            let file = try OwnedDescriptor.appending(to: path)
            try file.writeAll(Array(try line(level, message).utf8), subject: path)
        } catch { ProcessContext.writeError("warning: --log: \(error)\n") }
    }

    private func line(_ level: String, _ message: String) throws -> String {
        let time = Timestamp.text(nanoseconds: FileMetadata.Timestamp.now.sinceEpoch)
        switch form {
        case .json:
            let bytes = try JSONEncoder().encode(Line(level: level, msg: message, time: time))
            return String(decoding: bytes, as: UTF8.self) + "\n"
        case .text: return "time=\"\(time)\" level=\(level) msg=\(message.debugDescription)\n"
        }
    }
}
