/// A limit of processes: getrlimit(2).
package struct Ulimit: Hashable, Sendable {
    /// What is limited.
    package enum Resource: String, Hashable, Sendable, CaseIterable {
        case core, cpu, data, fsize, locks, memlock, msgqueue, nice, nofile, nproc, rss, rtprio, rttime, sigpending
        case stack
    }

    /// What is limited.
    package var resource: Resource
    /// The limit a process may raise itself; nil for none.
    package var soft: UInt64?
    /// The limit it can raise the other one to; nil for none.
    package var hard: UInt64?

    /// A limit of `resource`.
    package init(_ resource: Resource, soft: UInt64?, hard: UInt64?) {
        self.resource = resource
        self.soft = soft
        self.hard = hard
    }
}
