/// When a container starts again by itself.
package struct RestartPolicy: Hashable, Sendable {
    /// After which end.
    package enum Condition: Hashable, Sendable {
        /// After none.
        case no
        /// After any.
        case always
        /// After one with a status other than 0.
        case onFailure
        /// After any, but not when it was stopped before the machine started.
        case unlessStopped
    }

    /// After which end.
    package var condition = Condition.no
    /// How often; nil for ever.
    package var maximumAttempts: Int?
    /// How long to wait before; nil for the usual growing delay.
    package var delay: Duration?
    /// How long it must run for the start to count as one that worked.
    package var window: Duration?

    /// No restart, or the one of `condition`.
    package init(_ condition: Condition = .no, maximumAttempts: Int? = nil) {
        self.condition = condition
        self.maximumAttempts = maximumAttempts
    }

    /// Reads `no`, `always`, `unless-stopped`, `on-failure` and `on-failure:3`.
    init?(text: String) {
        let words = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        switch words[0] {
        case "no": condition = .no
        case "always": condition = .always
        case "unless-stopped": condition = .unlessStopped
        case "on-failure": condition = .onFailure
        default: return nil
        }
        guard words.count > 1 else { return }
        guard words.count == 2, condition == .onFailure, let count = UInt16(words[1]) else { return nil }
        maximumAttempts = count == 0 ? nil : Int(count)
    }
}
