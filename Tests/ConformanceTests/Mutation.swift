import ComposeModel
import YAMLComposer
import TestSupport

/// Changes project files in ways that people, editors and attackers do.
struct Mutation {
    /// Where the changes come from.
    var numbers: SeededNumbers

    /// Texts that mean something to a reader of YAML, to Compose, or to what looks for variables.
    private static let tokens = [
        "&a ", "*a", "<<: *a", "<<: [*a, *a]", "!reset ", "!override ", "!!binary ", "!!str ", "!!int ", "---\n",
        "...\n",
        "\t", "\u{0}", "\u{FEFF}", "\u{2028}", "\r\n", "\r", "{", "}", "[", "]", ": ", "- ", "? ", "| \n", "> \n", "'",
        "\"",
        "#", "${A}", "${A:-${B:-c}}", "${A:?no}", "${A:+x}", "${", "$$", "$", "${A-$}", "${-}", "%YAML 1.1\n", "@", "`",
        "null", "~", "0x10", "1e9", "-0", ".inf", ".nan", "2001-01-01", "9223372036854775808", "yes", "x-a: 1\n", "\\",
        "=", "/", "..", "é", "👩‍👩‍👧", "e\u{301}",
    ]
    private static let texts = [
        "", " ", "a", "-1", "0", "1", "65536", "80:80", "1-3:1-3", "[::1]:80:80", "80/udp", "./a:/b:ro",
        "a:/b:z,nocopy",
        "C:\\x:/y", "\\\\.\\pipe", "~", "~/a", "~b", "/", "..", "1h30m", "1.5s", "-1s", "99999999999h", "512m", "1e9",
        "-1m",
        "1.5gb", "9999999999999t", "A=b", "A", "=", "A==", "a=b=c", "host:1.1.1.1", "h=[::1]", "service:web",
        "container:x",
        "service:", "CMD", "NONE", "unconfined", "'", "\"a", "a b 'c d'", "$$A", "$$", "${A:-b}", "yes", "null", "true",
        "\u{7}", "a\nb", "a: b", "#a", "é", "x-a", "default", "2001-01-01", "0440", "010", "0x1f", "all", "every_1d",
    ]

    init(seed: UInt64) { numbers = SeededNumbers(seed: seed) }

    mutating func index(below count: Int) -> Int { Int.random(in: 0..<max(count, 1), using: &numbers) }

    /// Some bytes changed, taken out, doubled or put in.
    mutating func bytes(_ bytes: [UInt8], other: [UInt8]) -> [UInt8] {
        var result = bytes
        for _ in 0...index(below: 4) {
            let place = index(below: result.count + 1)
            let end = min(result.count, place + index(below: 40))
            switch index(below: 6) {
            case 0 where place < result.count: result[place] = UInt8.random(in: 0...255, using: &numbers)
            case 1: result.removeSubrange(place..<end)
            case 2: result.insert(contentsOf: result[place..<end], at: index(below: result.count + 1))
            case 3:
                let start = index(below: other.count + 1)
                result.insert(contentsOf: other[start..<min(other.count, start + index(below: 80))], at: place)
            default: result.insert(contentsOf: Self.tokens[index(below: Self.tokens.count)].utf8, at: place)
            }
        }
        return result
    }

    /// A tree with some values taken out, exchanged, wrapped or moved; `other` gives what is put in.
    mutating func tree(_ node: YAMLNode, other: YAMLNode) -> YAMLNode {
        var donors: [YAMLNode] = []
        Self.collect(other, &donors)
        Self.collect(node, &donors)
        return changed(node, donors, depth: 0)
    }

    private static func collect(_ node: YAMLNode, _ result: inout [YAMLNode]) {
        result.append(node)
        for entry in node.mapping?.entries ?? [] { collect(entry.value, &result) }
        for element in node.sequence ?? [] { collect(element, &result) }
    }

    private mutating func changed(_ node: YAMLNode, _ donors: [YAMLNode], depth: Int) -> YAMLNode {
        if depth > 0 && index(below: 24) == 0 { return replacement(node, donors) }
        switch node.content {
        case .mapping(let mapping):
            var entries: [YAMLMapping.Entry] = []
            for entry in mapping.entries where depth < 2 || index(below: 40) != 0 {
                var entry = entry
                entry.value = changed(entry.value, donors, depth: depth + 1)
                entries.append(entry)
            }
            if index(below: 30) == 0, let donor = donors[index(below: donors.count)].mapping?.entries.first {
                entries.append(donor)
            }
            return node.with(.mapping(YAMLMapping(entries)))
        case .sequence(let elements):
            var result: [YAMLNode] = []
            for element in elements { result.append(changed(element, donors, depth: depth + 1)) }
            if index(below: 20) == 0, let last = result.last { result.append(last) }
            return node.with(.sequence(result))
        default: return node
        }
    }

    private mutating func replacement(_ node: YAMLNode, _ donors: [YAMLNode]) -> YAMLNode {
        switch index(below: 10) {
        case 0: node.with(.null)
        case 1: node.with(.int(index(below: 3) == 0 ? -1 : index(below: 100_000)))
        case 2: node.with(.float(index(below: 2) == 0 ? 0.5 : 1e300))
        case 3: node.with(.bool(index(below: 2) == 0))
        case 4: node.with(.sequence([node]))
        case 5: node.with(.mapping(YAMLMapping([.init(key: "a", keyMark: node.mark, value: node)])))
        case 6: donors[index(below: donors.count)]
        default: node.with(.string(Self.texts[index(below: Self.texts.count)]))
        }
    }
}
