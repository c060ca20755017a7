import Glibc
import LinuxSystem
import Synchronization

/// The names of other projects' containers on networks that projects share, read anew when they have changed.
package final class NeighbourNames: Sendable {
    private struct Known {
        var stamp: Stamp
        var zone: Zone
    }

    private struct Stamp: Hashable {
        var seconds: Int
        var nanoseconds: Int
    }

    private struct State {
        var guests: [String: NetworkGuests] = [:]
        var known: [String: Known] = [:]
    }

    private let project: String
    private let state = Mutex(State())

    /// Names as a project sees them.
    package init(project: String) { self.project = project }

    /// Says where the guests of the project's networks are, by network.
    package func update(_ guests: [String: NetworkGuests]) {
        state.withLock { state in
            state.guests = guests
            state.known = state.known.filter { guests[$0.key] != nil }
        }
    }

    /// What others on these networks answer to.
    ///
    /// One stat(2) for each network that nobody shares or where nothing has changed.
    func zones(of networks: Set<String>) -> [Zone] { networks.sorted().compactMap(zone) }

    private func zone(of network: String) -> Zone? {
        state.withLock { state in
            guard let guests = state.guests[network] else { return nil }
            var status = stat()
            guard stat(guests.directory, &status) == 0 else {
                state.known[network] = nil
                return nil
            }
            let stamp = Stamp(seconds: status.st_mtim.tv_sec, nanoseconds: status.st_mtim.tv_nsec)
            if let known = state.known[network], known.stamp == stamp { return known.zone }
            let zone = Zone(guests.names(except: project))
            // Times of files are those of the last tick: what has just changed may change again in the same one.
            var now = timespec()
            clock_gettime(CLOCK_REALTIME, &now)
            let age = (now.tv_sec - stamp.seconds) * 1_000_000_000 + now.tv_nsec - stamp.nanoseconds
            state.known[network] = age > 50_000_000 ? Known(stamp: stamp, zone: zone) : nil
            return zone
        }
    }
}
