package import YAMLComposer

/// Gathers the mistakes and warnings of one load, so that all are reported at once.
package final class DiagnosticCollector {
    /// What was found: first what has no place, then file by file, from top to bottom.
    package var all: [Diagnostic] {
        var files: [String: Int] = [:]
        for diagnostic in found {
            guard let file = diagnostic.mark?.file.name, files[file] == nil else { continue }
            files[file] = files.count + 1
        }
        func place(_ diagnostic: Diagnostic) -> (Int, Int, Int) {
            diagnostic.mark.map { (files[$0.file.name] ?? 0, $0.line, $0.column) } ?? (0, 0, 0)
        }
        // Of one place in the order of finding.
        return found.enumerated().map { (place: place($1), order: $0, diagnostic: $1) }
            .sorted { $0.place != $1.place ? $0.place < $1.place : $0.order < $1.order }
            .map(\.diagnostic)
    }

    private var found: [Diagnostic] = []
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

    /// Where variables are used that are not set, by name, and where in `all` that is told.
    private(set) var missing: [String: [(mark: SourceMark, told: Int)]] = [:]
    /// Nobody looks at more uses of one variable.
    private static let useLimit = 100
    /// Where the values of variables stand.
    var variables = VariableOrigins()
    /// The project between passes, for those who ask what they did; empty unless history is kept.
    private(set) var stages: [(stage: LoadStage, tree: YAMLNode)] = []
    /// Whether values remember those whose place they took.
    let keepsHistory: Bool

    /// An empty collector; with `keepsHistory`, values of the tree remember those whose place they took.
    package init(keepsHistory: Bool = false) { self.keepsHistory = keepsHistory }

    /// Notes a mistake.
    package func error(
        _ message: String,
        at mark: SourceMark?,
        hint: String? = nil,
        notes: [Diagnostic.Note] = [],
        path: String? = nil
    ) {
        add(Diagnostic(message, at: mark, hint: hint, notes: notes, path: path))
    }

    /// Notes something that is worth a warning, once.
    package func warning(_ message: String, at mark: SourceMark?) {
        add(Diagnostic(message, at: mark, severity: .warning))
    }

    /// Takes note of the project as it is after a pass.
    func keep(_ stage: LoadStage, _ tree: YAMLNode) { if keepsHistory { stages.append((stage, tree)) } }

    /// Notes the use of a variable that is not set: a warning for the first one of each name.
    func missing(_ name: String, at mark: SourceMark) {
        let place = found.count
        warning("the variable \(name) is not set and stands for nothing here", at: mark)
        remember(name, mark, at: place)
    }

    /// Notes the use of a variable that is not set and must be.
    func required(_ name: String, because message: String, at mark: SourceMark) {
        let place = found.count
        error(
            "the variable \(name) needs a value" + (message.isEmpty ? "" : ": \(message)"),
            at: mark,
            hint: "set \(name) in the environment or in .env"
        )
        remember(name, mark, at: place)
    }

    private func remember(_ name: String, _ mark: SourceMark, at place: Int) {
        // What was told before was not told again.
        guard let told = place < found.count ? place : missing[name]?.last?.told else { return }
        if missing[name]?.count ?? 0 < Self.useLimit { missing[name, default: []].append((mark, told)) }
    }

    /// Says more of a variable that is not set, once.
    func explainMissing(at place: Int, hint: String, note: Diagnostic.Note) {
        guard found.indices.contains(place), found[place].notes.isEmpty else { return }
        found[place].hint = hint
        found[place].notes.append(note)
    }

    /// Notes a mistake unless it was told of the same place before, or a warning unless it was given at found.
    package func add(_ diagnostic: Diagnostic) {
        let isWarning = diagnostic.severity == .warning
        let place = isWarning ? "" : diagnostic.mark?.location.description ?? ""
        guard told.insert("\(diagnostic.severity) \(place) \(diagnostic.message)").inserted else { return }
        hasErrors = hasErrors || !isWarning
        found.append(diagnostic)
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
