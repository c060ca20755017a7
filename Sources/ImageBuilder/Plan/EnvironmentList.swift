/// Variables in the order of their first setting.
struct EnvironmentList: Hashable, Sendable {
    private(set) var names: [String] = []
    private var values: [String: String] = [:]

    /// No variables.
    init() {}

    /// Takes `NAME=value` texts; the last one of a name counts.
    init(_ texts: [String]) {
        for text in texts {
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            self[String(parts[0])] = parts.count > 1 ? String(parts[1]) : ""
        }
    }

    subscript(name: String) -> String? {
        get { values[name] }
        set {
            if values.updateValue(newValue ?? "", forKey: name) == nil { names.append(name) }
        }
    }

    /// The variables as `NAME=value`.
    var texts: [String] { names.map { "\($0)=\(values[$0] ?? "")" } }
}
