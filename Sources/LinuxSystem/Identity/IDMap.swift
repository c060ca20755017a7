/// One range of user or group ids of a user namespace: a line of `uid_map` or `gid_map`, user_namespaces(7).
package struct IDRange: Hashable, Sendable {
    /// The first id in the namespace.
    package var inside: UInt32
    /// The first id in the namespace above it.
    package var outside: UInt32
    /// How many ids.
    package var count: UInt32

    /// `count` ids from `inside` on, which are those from `outside` on for the namespace above.
    package init(inside: UInt32, outside: UInt32, count: UInt32) {
        (self.inside, self.outside, self.count) = (inside, outside, count)
    }
}

/// The user or group ids of a user namespace.
package struct IDMap: Hashable, Sendable, CustomStringConvertible {
    /// The most lines that the kernel takes, since Linux 4.15.
    package static let mostRanges = 340

    package var ranges: [IDRange]

    /// A map of ranges that don't overlap.
    package init(_ ranges: [IDRange]) { self.ranges = ranges }

    /// The text of `uid_map`: a line for each range.
    package var text: String { ranges.map { "\($0.inside) \($0.outside) \($0.count)\n" }.joined() }

    /// The ranges as newuidmap(1) takes them.
    package var words: [String] { ranges.flatMap { ["\($0.inside)", "\($0.outside)", "\($0.count)"] } }

    /// Whether an id of the namespace is somebody above it.
    package func contains(_ id: UInt32) -> Bool { ranges.contains { id >= $0.inside && id - $0.inside < $0.count } }

    /// Whether it makes one id of the namespace of a single one above it.
    package func isOnly(_ outside: UInt32) -> Bool {
        ranges.count == 1 && ranges[0].count == 1 && ranges[0].outside == outside
    }

    /// The id that stands for the namespace's root: 0, or the lowest there is.
    package var rootID: UInt32 { contains(0) ? 0 : ranges.map(\.inside).min() ?? 0 }

    /// Inside, outside and count of each range, joined by colons and commas.
    package var description: String {
        ranges.map { "\($0.inside):\($0.outside):\($0.count)" }.joined(separator: ",")
    }
}

/// How the ids of a new user namespace get into the kernel.
package struct NamespaceIDs: Hashable, Sendable, CustomStringConvertible {
    /// Who writes a map.
    package enum Writer: Hashable, Sendable {
        /// We do: with CAP_SETUID and CAP_SETGID, or our own id alone.
        case ourselves
        /// A program with the privilege to give what subuid(5) and subgid(5) grant: newuidmap(1), newgidmap(1).
        case helper
    }

    package var users: IDMap
    package var groups: IDMap
    package var userWriter = Writer.ourselves
    package var groupWriter = Writer.ourselves
    /// Whether setgroups(2) is denied in the namespace, without which nobody may write their own group's map.
    package var deniesGroups = false

    /// Maps that we write ourselves.
    package init(users: IDMap, groups: IDMap) { (self.users, self.groups) = (users, groups) }

    /// Both maps, and who writes them where we don't.
    package var description: String {
        let (byUser, byGroup) = (
            userWriter == .helper ? " by newuidmap" : "", groupWriter == .helper ? " by newgidmap" : ""
        )
        return "users \(users)\(byUser) groups \(groups)\(byGroup)\(deniesGroups ? " no setgroups" : "")"
    }
}
