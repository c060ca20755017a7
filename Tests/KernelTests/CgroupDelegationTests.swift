import Glibc
import LinuxSystem
import Testing

@Suite("controllers of the unified hierarchy")
struct CgroupDelegationTests {
    @Test("are enabled where they are missing, above the group and never in it")
    func delegation() throws {
        let box = try Box(["true"])
        let root = "\(box.scratch)/unified"
        for directory in ["", "/roost", "/roost/shop", "/roost/shop/web-1"] {
            mkdir(root + directory, 0o755)
            try make("\(root)\(directory)/cgroup.subtree_control", directory.isEmpty ? "cpu memory\n" : "")
        }
        var hierarchies = CgroupHierarchies(mountinfo: "")
        hierarchies.unified = root
        let group = Cgroup("/roost/shop/web-1", in: hierarchies)
        #expect(group.delegateEach(["memory"]).isEmpty)
        let values = try ["", "/roost", "/roost/shop", "/roost/shop/web-1"].map {
            try readFile("\(root)\($0)/cgroup.subtree_control")
        }
        #expect(values == ["cpu memory\n", "+memory", "+memory", ""])
        unlink("\(root)/roost/cgroup.subtree_control")
        let refused = group.delegateEach(["memory"])
        #expect(refused.keys.sorted() == ["memory"])
        #expect(refused["memory"]?.subject == "\(root)/roost/cgroup.subtree_control")
    }
}
