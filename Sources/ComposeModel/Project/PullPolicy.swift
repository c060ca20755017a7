/// When an image is fetched.
package enum PullPolicy: Hashable, Sendable {
    /// Each time.
    case always
    /// Not at all: it must be there.
    case never
    /// When it is not there.
    case missing
    /// Not at all: it is built each time.
    case build
    /// When it was fetched longer ago than this.
    case every(Duration)

    /// Reads the word of `pull_policy`.
    init?(text: String) {
        switch text {
        case "always", "refresh": self = .always
        case "never": self = .never
        case "missing", "if_not_present": self = .missing
        case "build": self = .build
        case "daily": self = .every(.seconds(86400))
        case "weekly": self = .every(.seconds(7 * 86400))
        default:
            guard text.hasPrefix("every_"), let span = TimeSpan(text: String(text.dropFirst(6))),
                span.nanoseconds >= 0
            else { return nil }
            self = .every(.nanoseconds(span.nanoseconds))
        }
    }
}
