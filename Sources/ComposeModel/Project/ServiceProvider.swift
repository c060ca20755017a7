package import YAMLComposer

/// A program that takes care of a service in our place.
package struct ServiceProvider: Hashable, Sendable {
    /// The program's name.
    package var type: String
    /// What it is told of the service, by name: `--name=value`, once for each value.
    package var arguments: [String]

    /// Reads `provider` of a service; nil when it names no program.
    package init?(_ node: YAMLNode) {
        guard let type = node["type"]?.string, !type.isEmpty else { return nil }
        self.type = type
        arguments = (node["options"]?.mapping?.entries ?? []).sorted { $0.key < $1.key }.flatMap { entry in
            (entry.value.sequence ?? [entry.value]).compactMap(\.scalarText).map { "--\(entry.key)=\($0)" }
        }
    }
}
