package import LinuxSystem
import Synchronization

/// How many descriptors the relays of a process may take: all together, and each published port.
///
/// Whoever reaches a port may open connections to it, and a process without free descriptors serves nobody any more.
package final class RelayBudget: Sendable {
    private let used = Atomic<Int>(0)
    private let limit: Int
    fileprivate let limitPerPort: Int

    /// So many descriptors; a connection takes two, and a client of datagrams one.
    package init(limit: Int, perPort limitPerPort: Int) { (self.limit, self.limitPerPort) = (limit, limitPerPort) }

    /// At most half of the descriptors that this process may have, and no more than 8,192: prlimit(2).
    ///
    /// A port may take a quarter of that. What lies behind a connection that nobody reads from is some hundred KiB.
    package static func ofThisProcess() throws(SyscallError) -> RelayBudget {
        let all = Int(min(try ResourceLimit.ofThisProcess(.nofile).soft / 2, 8192))
        return RelayBudget(limit: all, perPort: all / 4)
    }

    fileprivate func take(_ count: Int) -> Bool {
        if used.add(count, ordering: .relaxed).newValue <= limit { return true }
        giveBack(count)
        return false
    }

    fileprivate func giveBack(_ count: Int) { used.subtract(count, ordering: .relaxed) }
}

/// What one relay has taken of a budget.
final class RelayShare: Sendable {
    private let budget: RelayBudget
    private let used = Atomic<Int>(0)

    init(of budget: RelayBudget) { self.budget = budget }

    /// Whether so many descriptors may be taken; the caller gives back what it was given.
    func take(_ count: Int) -> Bool {
        if used.add(count, ordering: .relaxed).newValue <= budget.limitPerPort, budget.take(count) { return true }
        used.subtract(count, ordering: .relaxed)
        return false
    }

    func giveBack(_ count: Int) {
        used.subtract(count, ordering: .relaxed)
        budget.giveBack(count)
    }
}
