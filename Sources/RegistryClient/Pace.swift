/// Notices when somebody sends so little that it will never end.
struct Pace {
    private let least: Int
    private var bytes = 0
    private var begin = ContinuousClock.now

    init(least: Int) { self.least = least }

    mutating func accepts(_ count: Int) -> Bool {
        bytes += count
        guard ContinuousClock.now - begin > .seconds(60) else { return true }
        defer { (bytes, begin) = (0, .now) }
        return bytes >= least
    }
}
