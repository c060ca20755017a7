import LinuxSystem
import OCISpec

extension ContainerPlan {
    /// The ids that files get in a mount: those it names itself, or else the container's; nil where they stay.
    func ids(of mount: MountSpec, _ options: MountOptions, origin: String) throws(ContainerError) -> HostMount.IDs? {
        if mount.uidMappings?.isEmpty == false || mount.gidMappings?.isEmpty == false {
            let users = try IDMap(mount.uidMappings, place: "\(origin).uidMappings")
            return .given(
                NamespaceIDs(users: users, groups: try IDMap(mount.gidMappings, place: "\(origin).gidMappings"))
            )
        }
        guard let asked = options.ids else { return nil }
        if let text = asked.text { return .given(try NamespaceIDs(text, place: "\(origin).options")) }
        if let ids = preparation?.ids {
            return .given(NamespaceIDs(users: ids.users, groups: ids.groups))
        }
        guard let user = namespaces.joined.first(where: { $0.kind == .user }) else {
            throw .invalid("\(origin).options", "'idmap' needs uidMappings and gidMappings, or a user namespace")
        }
        return .ofNamespace(path: user.path)
    }
}

extension NamespaceIDs {
    /// Reads crun's form: `uids=0-1000-1#1-2000-10;gids=0-1000-1`, ranges of inside, outside and count.
    init(_ text: String, place: String) throws(ContainerError) {
        var maps: [Substring: IDMap] = [:]
        for part in text.split(separator: ";") {
            let halves = part.split(separator: "=", maxSplits: 1)
            guard halves.count == 2, ["uids", "gids"].contains(halves[0]) else {
                throw .invalid(place, "'idmap=\(text)' is not of the form uids=0-1000-1;gids=0-1000-1")
            }
            let ranges = halves[1].split(separator: "#").map { range in range.split(separator: "-").map { UInt32($0) } }
            var mappings: [IDMapping] = []
            for numbers in ranges {
                let known = numbers.compactMap { $0 }
                guard known.count == 3, numbers.count == 3 else {
                    throw .invalid(place, "'\(part)' has a range that is not of three numbers joined by '-'")
                }
                mappings.append(IDMapping(containerID: known[0], hostID: known[1], size: known[2]))
            }
            maps[halves[0]] = try IDMap(mappings, place: place)
        }
        guard let users = maps["uids"], let groups = maps["gids"] else {
            throw .invalid(place, "'idmap=\(text)' lacks uids or gids")
        }
        self.init(users: users, groups: groups)
    }
}
