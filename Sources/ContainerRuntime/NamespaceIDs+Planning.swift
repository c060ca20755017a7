import LinuxSystem
import OCISpec

extension NamespaceIDs {
    /// The ids of the new user namespace that a configuration asks for, and who can write them.
    init(_ linux: LinuxSpec, _ inputs: PlanInputs) throws(ContainerError) {
        self.init(
            users: try IDMap(linux.uidMappings, place: "linux.uidMappings"),
            groups: try IDMap(linux.gidMappings, place: "linux.gidMappings")
        )
        if !inputs.has("SETUID"), !users.isOnly(inputs.user) { userWriter = .helper }
        guard !inputs.has("SETGID") else { return }
        if groups.isOnly(inputs.group) { deniesGroups = true } else { groupWriter = .helper }
    }

    /// Refuses a user who is nobody in the namespace.
    func check(_ user: ProcessSpec.User) throws(ContainerError) {
        guard users.contains(user.uid) else {
            throw .invalid("process.user.uid", "\(user.uid) is not in linux.uidMappings")
        }
        for (index, gid) in ([user.gid] + (user.additionalGids ?? [])).enumerated() where !groups.contains(gid) {
            let place = index == 0 ? "gid" : "additionalGids[\(index - 1)]"
            throw .invalid("process.user.\(place)", "\(gid) is not in linux.gidMappings")
        }
        guard !deniesGroups || user.additionalGids?.isEmpty != false else {
            throw .invalid(
                "process.user.additionalGids",
                "can't be had: without CAP_SETGID, setgroups(2) is denied where our own group alone is mapped"
            )
        }
    }
}

extension IDMap {
    /// The ranges of a configuration.
    init(_ mappings: [IDMapping]?, place: String) throws(ContainerError) {
        guard let mappings, !mappings.isEmpty else {
            throw .invalid(place, "missing: ids need ranges of inside, outside and count")
        }
        guard mappings.count <= IDMap.mostRanges else {
            throw .invalid(place, "\(mappings.count) ranges are more than the \(IDMap.mostRanges) of the kernel")
        }
        for (index, mapping) in mappings.enumerated() {
            let highest = UInt64(max(mapping.containerID, mapping.hostID)) + UInt64(mapping.size)
            guard mapping.size > 0, highest <= UInt64(UInt32.max) else {
                throw .invalid("\(place)[\(index)]", "\(mapping.size) ids from there on are not a range")
            }
            for other in mappings[..<index]
            where IDMap.overlap(mapping.containerID, other.containerID, mapping, other)
                || IDMap.overlap(mapping.hostID, other.hostID, mapping, other)
            {
                throw .invalid("\(place)[\(index)]", "has ids of an earlier range")
            }
        }
        self.init(mappings.map { IDRange(inside: $0.containerID, outside: $0.hostID, count: $0.size) })
    }

    private static func overlap(_ mine: UInt32, _ theirs: UInt32, _ range: IDMapping, _ other: IDMapping) -> Bool {
        mine < UInt64(theirs) + UInt64(other.size) && theirs < UInt64(mine) + UInt64(range.size)
    }
}
