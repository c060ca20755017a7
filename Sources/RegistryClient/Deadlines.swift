/// How long, and how often.
package struct Patience: Sendable {
    /// How often a request is sent, or a broken download taken up again, before that is a failure.
    package var attempts = 5
    /// The pause after the first failure; each further one is twice as long.
    package var firstPause: Duration = .milliseconds(250)
    /// No pause is longer, whatever a server asks for.
    package var longestPause: Duration = .seconds(30)
    /// How many redirections one request may take.
    package var redirects = 10
    /// How long a connection may take.
    package var connecting: Duration = .seconds(15)
    /// How long a server may send nothing.
    package var silence: Duration = .seconds(30)
    /// How many bytes have to come within a minute.
    package var slowest = 16 << 10

    package init() {}

    /// The pause before the next try; `asked` is what the server wants.
    package func pause(afterFailures failures: Int, asked: Duration?) -> Duration {
        if let asked { return min(max(asked, .zero), longestPause) }
        return min(firstPause * (1 << min(max(failures - 1, 0), 16)), longestPause)
    }
}

/// What `Retry-After` asks for: RFC 9110, section 10.2.3; `now` is in seconds since the epoch.
package func retryDelay(_ text: String, now: Int) -> Duration? {
    let text = text.split(separator: " ").joined(separator: " ")
    if let seconds = Int(text), seconds >= 0 { return .seconds(min(seconds, 86400)) }
    guard let date = HTTPDate.seconds(text) else { return nil }
    return .seconds(min(max(0, date - now), 86400))
}

/// The date of HTTP: `Sun, 06 Nov 1994 08:49:37 GMT`.
enum HTTPDate {
    /// Seconds since the epoch; nil for other forms.
    static func seconds(_ text: String) -> Int? {
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let parts = text.split(separator: " ")
        guard parts.count == 6, parts[5] == "GMT", let day = Int(parts[1]), (1...31).contains(day),
            let month = months.firstIndex(of: String(parts[2])), let year = Int(parts[3]), (1970...9999).contains(year)
        else { return nil }
        let clock = parts[4].split(separator: ":").compactMap { Int($0) }
        guard clock.count == 3, (0...23).contains(clock[0]), (0...59).contains(clock[1]), (0...60).contains(clock[2])
        else { return nil }
        // Days since the epoch by the civil calendar; the year begins in March.
        let shifted = month < 2 ? year - 1 : year
        let dayOfYear = (153 * (month < 2 ? month + 10 : month - 2) + 2) / 5 + day - 1
        let century = shifted / 400
        let yearOfEra = shifted - century * 400
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        let days = century * 146_097 + dayOfEra - 719_468
        return days * 86400 + clock[0] * 3600 + clock[1] * 60 + clock[2]
    }
}
