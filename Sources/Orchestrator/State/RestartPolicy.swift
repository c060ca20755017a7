/// Whether a container is started again after it ended by itself.
package enum RestartPolicy: Hashable, Codable, Sendable {
    /// `no`: never.
    case never
    /// `always` and `unless-stopped`: until a command stops it.
    ///
    /// The two differ only in what a daemon does when it starts, and Roost has none.
    case always
    /// `on-failure`: when its status is not 0, at most so many times in a row when there is a number.
    case onFailure(attempts: Int?)

    /// Whether a container that ended with `code`, after so many restarts in a row, is started again.
    package func restarts(afterCode code: Int32, restarts: Int) -> Bool {
        switch self {
        case .never: false
        case .always: true
        case .onFailure(let attempts): code != 0 && attempts.map { restarts < $0 } ?? true
        }
    }

    /// How long a container rests before the restart that follows `restarts` quick ones in a row.
    ///
    /// 100 ms, then twice as long each time, up to a minute.
    package static func delay(afterRestarts restarts: Int) -> Duration {
        restarts >= 10 ? .seconds(60) : min(.seconds(60), .milliseconds(100 << restarts))
    }

    /// A container that ran for this long has recovered: its next restart is the first one again.
    package static let recovery = Duration.seconds(10)
}
