/// Builds of one command that may need each other's images.
package struct BuildJobs: Sendable {
    /// One build, and the names of those that have to be over before.
    package struct Job: Sendable {
        package var name: String
        package var needs: Set<String>

        /// A build that waits for `needs`.
        package init(name: String, needs: Set<String>) {
            self.name = name
            self.needs = needs
        }
    }

    private struct State {
        var waiting: [Job]
        var done: Set<String> = []
        var failures: [(name: String, error: any Error)] = []
    }

    private let jobs: [Job]

    /// Builds without circles, of which all names that are needed are names of others.
    package init(_ jobs: [Job]) { self.jobs = jobs }

    /// Runs `body` for each, at most `limit` at once; returns what failed, in the order in which it did.
    ///
    /// After a failure nothing more begins, and what is under way ends soon; that this makes others fail is not told. Blocks
    /// until all have ended.
    package func run(
        atMost limit: Int,
        _ shared: BuilderResources,
        _ body: @escaping @Sendable (String) throws -> Void
    ) throws -> [(name: String, error: any Error)] {
        let state = Monitor(State(waiting: jobs))
        @Sendable func work() {
            while true {
                let next = state.await { state -> Job?? in
                    if state.waiting.isEmpty || !state.failures.isEmpty { return .some(nil) }
                    guard let index = state.waiting.firstIndex(where: { $0.needs.isSubset(of: state.done) }) else {
                        return nil
                    }
                    return state.waiting.remove(at: index)
                }
                guard let job = next else { return }
                do {
                    try body(job.name)
                    state.change { _ = $0.done.insert(job.name) }
                } catch {
                    state.change { $0.failures.append((job.name, error)) }
                    shared.interruption.raise()
                }
            }
        }
        let count = max(1, min(limit, jobs.count))
        if count == 1 { work() } else { try runOnThreads(count) { work() } }
        let failures = state.change { $0.failures }
        let causes = failures.filter { ($0.error as? BuildError)?.code != .interrupted }
        return causes.isEmpty ? failures : causes
    }
}
