/// What may be written to a terminal besides text.
package enum TerminalStyle {
    /// The choices of `--ansi`.
    package enum Choice: String, CaseIterable, Sendable { case never, always, auto }

    /// Whether text gets colours: as `choice` says, and if it says nothing on a terminal without `NO_COLOR`.
    package static func isColoured(_ choice: Choice, isTerminal: Bool, environment: [String: String]) -> Bool {
        switch choice {
        case .never: false
        case .always: true
        case .auto:
            isTerminal && environment["TERM"] != "dumb" && (environment["NO_COLOR"] ?? "").isEmpty
        }
    }

    /// Text in the colour of a select graphic rendition, `36` or `36;1`.
    static func coloured(_ text: String, _ code: String) -> String { "\u{1B}[\(code)m\(text)\u{1B}[0m" }
}
