package import YAMLComposer

/// Gathers the mistakes and warnings of one load, so that all are reported at once.
package final class DiagnosticCollector {
    /// What was found, in the order of finding.
    package private(set) var all: [Diagnostic] = []
    /// Whether anything found makes the project unusable.
    package private(set) var hasErrors = false

    /// The mappings and lists that values were taken out of, by path: what they lack may be what was wrong.
    private(set) var damaged: Set<String> = []
    /// Whether a file is missing that others refer into: what is not there may be in it.
    private(set) var isIncomplete = false

    private var told: Set<String> = []
    private var hints = 0
    /// Looking for what was meant takes time, so only the first mistakes get it.
    private static let hintLimit = 100

    /// An empty collector.
    package init() {}

    /// Notes a mistake.
    package func error(_ message: String, at mark: SourceMark?, hint: String? = nil) {
        add(Diagnostic(message, at: mark, hint: hint))
    }

    /// Notes something that is worth a warning, once.
    package func warning(_ message: String, at mark: SourceMark?) {
        add(Diagnostic(message, at: mark, severity: .warning))
    }

    /// Notes a mistake unless it was told of the same place before, or a warning unless it was given at all.
    package func add(_ diagnostic: Diagnostic) {
        let isWarning = diagnostic.severity == .warning
        let place = isWarning ? "" : diagnostic.mark?.location.description ?? ""
        guard told.insert("\(diagnostic.severity) \(place) \(diagnostic.message)").inserted else { return }
        hasErrors = hasErrors || !isWarning
        all.append(diagnostic)
    }

    /// Notes a key that means nothing in the mapping at `path`; passes go on without it.
    func addUnknownKey(_ diagnostic: Diagnostic, in path: String) {
        add(diagnostic)
        if diagnostic.severity == .error { damaged.insert(path) }
    }

    /// Notes that something was taken out of the mapping or list at `path`.
    func markDamaged(_ path: String) { damaged.insert(path) }

    /// Notes that a file could not be taken in.
    func markIncomplete() { isIncomplete = true }

    /// Whether the service `other` would have lacked something already when `name` was made from it.
    func markDamaged(service name: String, like other: String) {
        if damaged.contains("services.\(other)") { damaged.insert("services.\(name)") }
    }

    /// What was probably meant by `word`.
    func nearest(_ word: String, among candidates: some Sequence<String>) -> String? {
        guard hints < Self.hintLimit else { return nil }
        hints += 1
        return NearestKey.match(word, among: candidates)
    }

    /// The hint that names what was probably meant by `word`.
    func hint(_ word: String, among candidates: some Sequence<String>) -> String? {
        nearest(word, among: candidates).map { "did you mean \"\($0)\"?" }
    }

    /// Notes what one check found, in the order of the lines it is about.
    func addInFileOrder(_ found: [Diagnostic]) {
        func key(_ one: Diagnostic) -> (String, Int, Int) {
            (one.mark?.file.name ?? "", one.mark?.line ?? 0, one.mark?.column ?? 0)
        }
        // Sorting by place and then by turn keeps what is said about one place in order.
        let ordered = found.enumerated().sorted { left, right in
            let (first, second) = (key(left.element), key(right.element))
            return first == second ? left.offset < right.offset : first < second
        }
        for one in ordered { add(one.element) }
    }
}
