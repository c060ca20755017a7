import LinuxSystem
import OCISpec

extension RuntimeSpec {
    /// Refuses what would otherwise be passed over: a container that lacks part of its configuration is another one.
    func refuseUnsupported() throws(ContainerError) {
        let linux = linux ?? LinuxSpec()
        let asked: [(field: String, isThere: Bool)] = [
            ("hooks", hooks != nil),
            ("linux.cgroupsPath", linux.cgroupsPath?.isEmpty == false),
        ]
        guard linux.intelRdt == nil else {
            throw .unsupported("linux.intelRdt", "caches and memory bandwidth are not assigned; leave it out")
        }
        for (field, isThere) in asked where isThere { throw .unsupported(field, "not supported yet") }
    }
}
