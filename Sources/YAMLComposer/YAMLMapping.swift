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
        var kept: [Entry] = []
        kept.reserveCapacity(entries.count)
        // Not over copies of the entries, each of which would count four references up and down.
        for position in entries.indices {
            guard let value = try transform(entries[position]) else { continue }
            kept.append(Entry(key: entries[position].key, keyMark: entries[position].keyMark, value: value))
        }
        return YAMLMapping(distinct: kept, index: kept.count == entries.count ? index : nil)
    }

    /// The mapping with the values that `replace` gives new ones; nil when it gives none.
    package func replacingValues(_ replace: (YAMLNode, String) -> YAMLNode?) -> YAMLMapping? {
        var result: YAMLMapping?
        for position in entries.indices {
            guard let value = replace(entries[position].value, entries[position].key) else { continue }
            if result == nil { result = self }
            result?.entries[position].value = value
        }
        return result
    }

    /// Changes every value in place.
    package mutating func editValues(_ change: (String, inout YAMLNode) -> Void) {
        for position in entries.indices { change(entries[position].key, &entries[position].value) }
    }

    /// Changes the value of `key` in place, if there is one.
    package mutating func edit(_ key: String, _ change: (inout YAMLNode) -> Void) {
        if let found = position(of: key) { change(&entries[found].value) }
    }

    /// The mapping with its entries in the order of their keys.
    package var sortedByKey: YAMLMapping { YAMLMapping(distinct: entries.sorted { $0.key < $1.key }, index: nil) }

    /// A mapping of entries whose keys differ; `index` is the one that fits them, where there is one already.
    private init(distinct: [Entry], index known: [String: Int]?) {
        entries = distinct
        if let known {
            index = known
        } else if distinct.count >= Self.indexThreshold {
            index.reserveCapacity(distinct.count)
            for (place, entry) in distinct.enumerated() { index[entry.key] = place }
        }
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
