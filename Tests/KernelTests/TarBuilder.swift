import ImageStore
import OCISpec
import Testing

/// Builds tar archives byte by byte, also such as no honest program writes.
struct TarBuilder: CustomTestStringConvertible {
    private(set) var bytes: [UInt8] = []

    var testDescription: String { "\(bytes.count) bytes" }

    /// Adds an entry; `type` is tar's: "0" file, "1" hard link, "2" symbolic link, "3" and "4" devices, "5" directory.
    mutating func add(
        _ name: String,
        _ type: Character,
        content: [UInt8] = [],
        link: String = "",
        mode: Int = 0o644,
        owner: Int = 0
    ) {
        var header = [UInt8](repeating: 0, count: 512)
        func put(_ text: String, at offset: Int) {
            for (index, byte) in text.utf8.enumerated() { header[offset + index] = byte }
        }
        func octal(_ value: Int, _ digits: Int) -> String {
            let text = String(value, radix: 8)
            return String(repeating: "0", count: digits - text.count) + text
        }
        put(name, at: 0)
        put(octal(mode, 7), at: 100)
        put(octal(owner, 7), at: 108)
        put(octal(owner, 7), at: 116)
        put(octal(content.count, 11), at: 124)
        put(octal(1_000_000_000, 11), at: 136)
        put("        ", at: 148)
        put(String(type), at: 156)
        put(link, at: 157)
        put("ustar\u{0}00", at: 257)
        put(octal(header.reduce(0) { $0 + Int($1) }, 6) + "\u{0} ", at: 148)
        bytes += header + content
        bytes += [UInt8](repeating: 0, count: (512 - content.count % 512) % 512)
    }

    mutating func file(_ name: String, _ text: String = "", mode: Int = 0o644, owner: Int = 0) {
        add(name, "0", content: Array(text.utf8), mode: mode, owner: owner)
    }

    mutating func directory(_ name: String, mode: Int = 0o755, owner: Int = 0) {
        add(name, "5", mode: mode, owner: owner)
    }

    /// Adds extended attributes for the next entry, as pax does.
    mutating func attributes(_ attributes: [(String, String)]) {
        let records = attributes.map { name, value -> String in
            let rest = " SCHILY.xattr.\(name)=\(value)\n"
            let length = rest.utf8.count
            let total = "\(length)".utf8.count + length
            return "\("\(total)".utf8.count + length)" + rest
        }
        add("pax", "x", content: Array(records.joined().utf8))
    }

    /// The archive with its end.
    var archive: [UInt8] { bytes + [UInt8](repeating: 0, count: 1024) }
}
