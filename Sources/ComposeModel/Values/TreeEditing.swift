package import YAMLComposer

extension YAMLNode {
    /// Changes the value under `key`, if there is one.
    package mutating func edit(_ key: String, _ change: (inout YAMLNode) -> Void) {
        guard var mapping, var value = mapping[key] else { return }
        change(&value)
        mapping[key] = value
        content = .mapping(mapping)
    }

    /// Changes every value of a mapping.
    package mutating func editEntries(_ change: (String, inout YAMLNode) -> Void) {
        guard let mapping else { return }
        content = .mapping(
            mapping.compactMapValues { entry in
                var value = entry.value
                change(entry.key, &value)
                return value
            }
        )
    }

    /// Changes every element of a list.
    package mutating func editElements(_ change: (inout YAMLNode) -> Void) {
        guard let sequence else { return }
        content = .sequence(
            sequence.map { element in
                var element = element
                change(&element)
                return element
            }
        )
    }

    /// Puts a value under `key`; an empty node becomes a mapping.
    package mutating func set(_ key: String, _ value: Content) {
        if isNull { content = .mapping(YAMLMapping()) }
        guard var mapping else { return }
        mapping[key] = YAMLNode(value, at: mapping[key]?.mark ?? mark)
        content = .mapping(mapping)
    }

    /// Puts a value under `key` unless one is there.
    package mutating func setDefault(_ key: String, _ value: Content) {
        if self[key] == nil { set(key, value) }
    }

    /// Takes the value of `key` away.
    package mutating func remove(_ key: String) {
        guard var mapping else { return }
        mapping[key] = nil
        content = .mapping(mapping)
    }

    /// The texts of a list.
    var texts: [String] { sequence?.compactMap(\.string) ?? [] }
}
