/// A mistake in the user's input, or a warning about it.
package struct Diagnostic: Error, Sendable {
    /// How much it matters.
    package enum Severity: String, Sendable { case error, warning }

    /// A second place that belongs to the story.
    package struct Note: Sendable {
        /// What happened there.
        package var message: String
        /// The place.
        package var mark: SourceMark?

        /// A note about `mark`.
        package init(_ message: String, at mark: SourceMark?) {
            self.message = message
            self.mark = mark
        }
    }

    /// How much it matters.
    package var severity: Severity
    /// What is wrong: lower case, no full stop.
    package var message: String
    /// Where; nil for what has no place in a file.
    package var mark: SourceMark?
    /// What to do about it.
    package var hint: String?
    /// Other places that belong to it; `allNotes` has those of the history of the value, too.
    package var notes: [Note]
    /// The way to the value it is about: `services.web.ports[0]`; nil to take it from the place.
    package var path: String?

    /// A mistake at `mark`.
    package init(
        _ message: String,
        at mark: SourceMark?,
        severity: Severity = .error,
        hint: String? = nil,
        notes: [Note] = [],
        path: String? = nil
    ) {
        self.message = message
        self.mark = mark
        self.severity = severity
        self.hint = hint
        self.notes = notes
        self.path = path
    }

    /// The notes, and those about how the value came to where it is: variables, `extends`, `include`.
    package var allNotes: [Note] {
        SourceHistory.distinct(notes + SourceHistory.notes(of: mark?.file.steps ?? []))
    }
}
