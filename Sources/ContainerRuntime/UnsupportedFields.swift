import LinuxSystem
import OCISpec

extension RuntimeSpec {
    /// Refuses what would otherwise be passed over: a container that lacks part of its configuration is another one.
    func refuseUnsupported() throws(ContainerError) {
        let process = process ?? ProcessSpec()
        let linux = linux ?? LinuxSpec()
        let asked: [(field: String, isThere: Bool)] = [
            ("process.apparmorProfile", process.apparmorProfile?.isEmpty == false),
            ("process.selinuxLabel", process.selinuxLabel?.isEmpty == false),
            ("hooks", hooks != nil),
            ("linux.uidMappings", linux.uidMappings?.isEmpty == false),
            ("linux.gidMappings", linux.gidMappings?.isEmpty == false),
            ("linux.cgroupsPath", linux.cgroupsPath?.isEmpty == false),
            ("linux.rootfsPropagation", !["", "private", "rprivate"].contains(linux.rootfsPropagation ?? "")),
            ("linux.mountLabel", linux.mountLabel?.isEmpty == false),
            ("linux.timeOffsets", linux.timeOffsets?.isEmpty == false),
        ]
        guard linux.intelRdt == nil else {
            throw .unsupported("linux.intelRdt", "caches and memory bandwidth are not assigned; leave it out")
        }
        for (field, isThere) in asked where isThere { throw .unsupported(field, "not supported yet") }
    }
}

extension MountSpec {
    /// The options, when all of them can be had.
    func checkedOptions(place: String) throws(ContainerError) -> MountOptions {
        guard uidMappings == nil, gidMappings == nil else {
            throw .unsupported(place, "id-mapped mounts are not supported yet")
        }
        let options = MountOptions(options ?? [])
        let isBind = options.isBind || type == "bind"
        if let propagation = options.propagation, propagation == .unbindable || !isBind && propagation != .private {
            throw .unsupported("\(place).options", "propagation '\(propagation)' is not supported yet")
        }
        if let word = options.unsupported.first {
            throw .unsupported("\(place).options", "'\(word)' is not supported yet")
        }
        if isBind, let parameter = options.parameters.first {
            throw .invalid("\(place).options", "'\(parameter.key)' is not an option of a bind mount")
        }
        return options
    }
}
