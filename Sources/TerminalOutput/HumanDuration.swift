extension Duration {
    /// The length in the one unit that suits it: `2 minutes`, `About an hour`, `3 weeks`.
    package var inWords: String {
        let seconds = max(0, components.seconds)
        let minutes = seconds / 60
        // Hours are rounded where everything else is cut, as Docker does it.
        let hours = (seconds + 1800) / 3600
        switch true {
        case seconds < 1: return "Less than a second"
        case seconds == 1: return "1 second"
        case seconds < 60: return "\(seconds) seconds"
        case minutes == 1: return "About a minute"
        case minutes < 60: return "\(minutes) minutes"
        case hours == 1: return "About an hour"
        case hours < 48: return "\(hours) hours"
        case hours < 24 * 14: return "\(hours / 24) days"
        case hours < 24 * 60: return "\(hours / 24 / 7) weeks"
        case hours < 24 * 365 * 2: return "\(hours / 24 / 30) months"
        default: return "\(seconds / 3600 / 24 / 365) years"
        }
    }

    /// The length in seconds with one decimal: `0.4s`.
    var inSeconds: String {
        let tenths = max(0, components.seconds) * 10 + max(0, components.attoseconds) / 100_000_000_000_000_000
        return "\(tenths / 10).\(tenths % 10)s"
    }
}
