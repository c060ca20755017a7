import YAMLComposer

/// Gathers what is wrong with a Dockerfile, so that all of it is told at once.
struct DockerfileReport {
    let source: SourceFile
    private var found: [Diagnostic] = []
    private var told: Set<String> = []
    private(set) var hasErrors = false
    /// Whether a check found something in a file that wants that to fail.
    private var failedCheck: SourceMark?
    /// Nobody reads more of them.
    private static let limit = 500

    init(_ source: SourceFile) { self.source = source }

    private func mark(_ position: Dockerfile.Position) -> SourceMark {
        SourceMark(file: source, line: position.line, column: position.column)
    }

    /// Notes a mistake.
    mutating func error(
        _ message: String,
        at position: Dockerfile.Position,
        hint: String? = nil,
        notes: [(String, Dockerfile.Position)] = []
    ) {
        hasErrors = true
        add(Diagnostic(message, at: mark(position), hint: hint, notes: notes.map { .init($0.0, at: mark($0.1)) }))
    }

    /// Notes a warning that no check has a name for.
    mutating func warning(_ message: String, at position: Dockerfile.Position, hint: String? = nil) {
        add(Diagnostic(message, at: mark(position), severity: .warning, hint: hint))
    }

    /// Notes what a check found, if it counts there.
    mutating func found(
        _ check: DockerfileCheck,
        _ message: String,
        at position: Dockerfile.Position,
        _ options: CheckOptions,
        hint: String? = nil
    ) {
        guard options.wants(check) else { return }
        if options.failsBuild { failedCheck = failedCheck ?? mark(position) }
        add(Diagnostic("\(message) (\(check.rawValue))", at: mark(position), severity: .warning, hint: hint))
    }

    mutating func add(_ diagnostic: Diagnostic) {
        let place = diagnostic.mark.map { "\($0.location)" } ?? ""
        guard found.count < Self.limit, told.insert("\(place) \(diagnostic.message)").inserted else { return }
        hasErrors = hasErrors || diagnostic.severity == .error
        found.append(diagnostic)
    }

    /// Says that warnings are mistakes when the file asks for that: called when everything was looked at.
    mutating func finish() {
        guard let place = failedCheck else { return }
        failedCheck = nil
        add(Diagnostic("a check found something, and the file says that this is a mistake: error=true", at: place))
    }

    /// Everything, in the order of the file; what has no place comes first.
    var all: [Diagnostic] {
        found.enumerated().sorted { left, right in
            let (one, other) = (left.element.mark, right.element.mark)
            let (first, second) = ((one?.line ?? 0, one?.column ?? 0), (other?.line ?? 0, other?.column ?? 0))
            return first == second ? left.offset < right.offset : first < second
        }
        .map(\.element)
    }
}
