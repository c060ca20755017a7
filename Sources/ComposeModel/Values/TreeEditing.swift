package import YAMLComposer

extension YAMLNode {
    /// Changes the value under `key`, if there is one.
    package mutating func edit(_ key: String, _ change: (inout YAMLNode) -> Void) {
        guard case .mapping(var mapping) = content else { return }
        // Nobody else may hold the mapping, or changing it would copy it.
        content = .null
        mapping.edit(key, change)
        content = .mapping(mapping)
    }

    /// Changes every value of a mapping.
    package mutating func editEntries(_ change: (String, inout YAMLNode) -> Void) {
        guard case .mapping(var mapping) = content else { return }
        content = .null
        mapping.editValues(change)
        content = .mapping(mapping)
    }

    /// Changes every element of a list.
    package mutating func editElements(_ change: (inout YAMLNode) -> Void) {
        guard case .sequence(var elements) = content else { return }
        content = .null
        for position in elements.indices { change(&elements[position]) }
        content = .sequence(elements)
    }

    /// Puts a value under `key`; an empty node becomes a mapping.
    package mutating func set(_ key: String, _ value: Content) {
        if isNull { content = .mapping(YAMLMapping()) }
        guard case .mapping(var mapping) = content else { return }
        content = .null
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
