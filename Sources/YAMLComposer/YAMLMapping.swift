/// The entries of a YAML mapping in the order they were written.
package struct YAMLMapping: Sendable {
    /// One key and its value.
    package struct Entry: Sendable {
        /// The key.
        package var key: String
        /// Where the key was written.
        package var keyMark: SourceMark
        /// The value.
        package var value: YAMLNode

        /// An entry whose key was written at `keyMark`.
        package init(key: String, keyMark: SourceMark, value: YAMLNode) {
            self.key = key
            self.keyMark = keyMark
            self.value = value
        }
    }

    /// The entries in order; change them through the subscript.
    package private(set) var entries: [Entry] = []
    /// Only large mappings pay for an index: small ones are searched faster than hashed.
    private var index: [String: Int] = [:]
    private static let indexThreshold = 16

    /// An empty mapping.
    package init() {}

    /// A mapping of `entries`; a later entry replaces an earlier one of the same key.
    package init(_ entries: some Sequence<Entry>) { for entry in entries { set(entry) } }

    /// The keys in order.
    package var keys: [String] { entries.map(\.key) }
    /// Whether there are no entries.
    package var isEmpty: Bool { entries.isEmpty }

    /// The entry of `key`.
    package func entry(_ key: String) -> Entry? { position(of: key).map { entries[$0] } }

    /// The value of `key`; assigning keeps the place of a key that exists, and nil removes it.
    package subscript(key: String) -> YAMLNode? {
        get { position(of: key).map { entries[$0].value } }
        set {
            guard let newValue else { return remove(key) }
            if let found = position(of: key) {
                entries[found].value = newValue
            } else {
                append(Entry(key: key, keyMark: newValue.mark, value: newValue))
            }
        }
    }

    /// Puts an entry in the place of the one with its key, or at the end.
    package mutating func set(_ entry: Entry) {
        if let found = position(of: entry.key) { entries[found] = entry } else { append(entry) }
    }

    /// Changes every value; a nil result removes the entry.
    package func compactMapValues<E: Error>(_ transform: (Entry) throws(E) -> YAMLNode?) throws(E) -> YAMLMapping {
        var result = YAMLMapping()
        for entry in entries {
            guard let value = try transform(entry) else { continue }
            result.append(Entry(key: entry.key, keyMark: entry.keyMark, value: value))
        }
        return result
    }

    /// The mapping with the places of its keys and its values changed.
    func movingMarks(_ place: (SourceMark) -> SourceMark, _ move: (YAMLNode) -> YAMLNode) -> YAMLMapping {
        var result = self
        for position in entries.indices {
            result.entries[position].keyMark = place(entries[position].keyMark)
            result.entries[position].value = move(entries[position].value)
        }
        return result
    }

    private func position(of key: String) -> Int? {
        index.isEmpty ? entries.firstIndex { $0.key == key } : index[key]
    }

    private mutating func append(_ entry: Entry) {
        entries.append(entry)
        if !index.isEmpty {
            index[entry.key] = entries.count - 1
        } else if entries.count == Self.indexThreshold {
            for (place, entry) in entries.enumerated() { index[entry.key] = place }
        }
    }

    private mutating func remove(_ key: String) {
        guard let found = position(of: key) else { return }
        let kept = entries[..<found] + entries[(found + 1)...]
        self = YAMLMapping()
        for entry in kept { append(entry) }
    }
}
