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
    func error(_ message: String) {
        ProcessContext.writeError("error: \(message)\n")
        log("error", message)
    }

    /// Tells what could not be done as it was asked.
    func warning(_ message: String) {
        ProcessContext.writeError("warning: \(message)\n")
        log("warning", message)
    }

    private func log(_ level: String, _ message: String) {
        guard let path else { return }
        let line = Line(
            level: level,
            msg: message,
            time: Timestamp.text(nanoseconds: FileMetadata.Timestamp.now.sinceEpoch)
        )
        do {
            let file = try OwnedDescriptor.appending(to: path)
            let text: [UInt8]
            switch form {
            case .json: text = Array(try JSONEncoder().encode(line))
            case .text:
                text = Array("time=\"\(line.time)\" level=\(level) msg=\(message.debugDescription)".utf8)
            }
            try file.writeAll(text + [UInt8(ascii: "\n")], subject: path)
        } catch { ProcessContext.writeError("warning: --log: \(error)\n") }
    }
}
