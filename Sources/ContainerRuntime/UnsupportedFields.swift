import LinuxSystem
import OCISpec

extension RuntimeSpec {
    /// Refuses what would otherwise be passed over: a container that lacks part of its configuration is another one.
    func refuseUnsupported() throws(ContainerError) {
        let process = process ?? ProcessSpec()
        let linux = linux ?? LinuxSpec()
        let asked: [(field: String, isThere: Bool)] = [
            ("process.scheduler", process.scheduler != nil),
            ("process.ioPriority", process.ioPriority != nil),
            ("process.execCPUAffinity", process.execCPUAffinity != nil), ("hooks", hooks != nil),
            ("linux.cgroupsPath", linux.cgroupsPath?.isEmpty == false),
            ("linux.intelRdt", linux.intelRdt != nil), ("linux.personality", linux.personality != nil),
        ]
        for (field, isThere) in asked where isThere { throw .unsupported(field, "not supported yet") }
    }
}
