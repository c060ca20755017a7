/// Why something that a command asked for can't be done.
package struct ExecutionError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What happened, the object first.
    package var message: String
    /// The place in the project that it is about: `services.web.ports[0]`; nil when it is about none.
    package var place: String?
    /// The next step.
    package var hint: String?

    /// A failure in words.
    package init(_ message: String, at place: String? = nil, hint: String? = nil) {
        self.message = message
        self.place = place
        self.hint = hint
    }

    /// A failure of one of the libraries below, in its own words.
    package init(_ error: any Error, at place: String? = nil) {
        if let known = error as? ExecutionError {
            self = known
        } else {
            self.init("\(error)", at: place)
        }
    }

    /// The message and the next step.
    package var description: String { hint.map { "\(message); \($0)" } ?? message }
}
