/// How a step went.
package enum StepOutcome: Hashable, Sendable {
    /// Its result was there.
    case cached
    /// It was done in so much time.
    case done(Duration)
    /// It failed after so much time.
    case failed(Duration)
}

/// Hears how a build goes, from several threads.
package protocol BuildReporter: Sendable {
    /// These steps are needed.
    func planned(_ steps: [BuildStep])
    /// A step has begun that no cache had.
    func began(_ step: BuildStep)
    /// A step has written something.
    func wrote(_ step: BuildStep, _ bytes: [UInt8])
    /// So many bytes of a file that a step takes from a server have come; `total` when the server says how many there are.
    func fetched(_ step: BuildStep, _ done: Int64, of total: Int64?)
    /// A step has ended.
    func ended(_ step: BuildStep, _ outcome: StepOutcome)
}
