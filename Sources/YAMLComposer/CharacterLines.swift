/// The lines of a text as text tools count them, which know one end of a line only.
///
/// YAML 1.1 also ends a line at a carriage return by itself, and at the line separators of Unicode; libyaml counts those.
struct CharacterLines {
    /// How many characters stand before each line.
    private let starts: [Int]

    /// The lines of `bytes`; nil when YAML counts them in the same way.
    init?(of bytes: [UInt8]) {
        guard Self.hasOtherEnds(bytes) else { return nil }
        var starts = [0]
        var characters = 0
        // A mark at the start of the text is no character for libyaml.
        let text = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes.dropFirst(3) : bytes[...]
        for byte in text {
            if byte & 0xC0 != 0x80 { characters += 1 }
            if byte == 0x0A { starts.append(characters) }
        }
        self.starts = starts
    }

    private static func hasOtherEnds(_ bytes: [UInt8]) -> Bool {
        for place in bytes.indices {
            let byte = bytes[place]
            guard byte == 0x0D || byte == 0xC2 || byte == 0xE2 else { continue }
            let next = bytes[place...].dropFirst()
            switch byte {
            case 0x0D: if next.first != 0x0A { return true }
            case 0xC2: if next.first == 0x85 { return true }
            default: if next.starts(with: [0x80, 0xA8]) || next.starts(with: [0x80, 0xA9]) { return true }
            }
        }
        return false
    }

    /// The line and the column of the character behind `index` others, both from 1.
    func place(of index: Int) -> (line: Int, column: Int) {
        var (low, high) = (0, starts.count - 1)
        while low < high {
            let middle = (low + high + 1) / 2
            if starts[middle] <= index { low = middle } else { high = middle - 1 }
        }
        return (low + 1, index - starts[low] + 1)
    }
}
