import YAMLComposer

/// Where the values of variables stand, for those who ask how a value came about.
struct VariableOrigins {
    /// The variables of the process.
    private var process: [String: String] = [:]
    /// What files say, the files that count most first.
    private var lines: [String: [SourceVariable.Value]] = [:]
    /// The name of the project, which is a variable, too.
    private var projectName: String?

    /// Takes note of the variables of the process.
    mutating func add(process variables: [String: String]) { process = variables }

    /// Nobody looks at more places of one variable.
    private static let placeLimit = 100

    /// Takes note of a variable that a file sets.
    mutating func add(_ name: String, _ value: String, at mark: SourceMark) {
        guard lines[name]?.count ?? 0 < Self.placeLimit else { return }
        // The same file may be read twice on the way to the project's directory.
        let isKnown = lines[name]?.contains { value in
            if case .line(let other) = value.origin { other.location == mark.location } else { false }
        }
        if isKnown != true { lines[name, default: []].append(.init(value, from: .line(mark))) }
    }

    /// Takes note of the name of the project.
    mutating func add(projectName name: String) { projectName = name }

    /// The values of a variable, first the one that counts.
    func values(of name: String) -> [SourceVariable.Value] {
        let lines = lines[name] ?? []
        // A file's settings of Compose itself are put into the process, too.
        let isSetting = name.hasPrefix("COMPOSE_") && lines.contains { $0.text == process[name] }
        guard let value = process[name], !isSetting else { return lines }
        return [SourceVariable.Value(value, from: .process)] + lines
    }

    /// The values of a variable: first the one that counts, which is `value`, then those that it hides.
    func values(of name: String, being value: String?) -> [SourceVariable.Value] {
        guard let value else { return [] }
        if name == "COMPOSE_PROJECT_NAME", value == projectName, process[name] == nil, lines[name] == nil {
            return [.init(value, from: .projectName)]
        }
        var all = values(of: name)
        if let place = all.firstIndex(where: { $0.text == value }) { all.insert(all.remove(at: place), at: 0) }
        return all
    }
}
