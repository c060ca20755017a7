/// How fast bytes move.
struct TransferPace: Hashable, Sendable {
    /// When they began to.
    var since: Duration
    /// How many had moved before.
    var before: Int64

    /// How many of how many have moved, and how fast: `12.3MB/30MB 4.1MB/s`.
    func text(done: Int64, total: Int64?, at time: Duration) -> String {
        var text = Amount.decimal(UInt64(max(0, done)))
        if let total { text += "/\(Amount.decimal(UInt64(max(0, total))))" }
        guard time > since else { return text }
        let spent = (time - since).components
        let seconds = Double(spent.seconds) + Double(spent.attoseconds) * 1e-18
        let rate = Double(done - before) / seconds
        if rate >= 1, rate < 1e15 { text += " \(Amount.decimal(UInt64(rate)))/s" }
        return text
    }
}
