@testable import ImageStore
import LinuxSystem
import Testing

/// A host that is a table: directories with their modes, and links.
private struct TableHost: FileLookup {
    var directories: [String: UInt32]
    var links: [String: String] = [:]

    func metadata(_ path: String) throws(ImageError) -> FileMetadata? {
        guard let mode = directories[path] else { return nil }
        return FileMetadata(kind: .directory, permissions: mode, owner: 7)
    }

    func realPath(_ path: String) -> String? {
        let real = links[path] ?? path
        return directories[real] != nil ? real : nil
    }
}

@Suite("the mask of the host's root")
struct RootMaskTests {
    @Test("empties what is there, hides names that may come, and keeps parents as they are")
    func plan() throws {
        let host = TableHost(directories: [
            "/": 0o755, "/tmp": 0o1777, "/etc": 0o755, "/var": 0o755, "/var/lib": 0o755, "/var/lib/roost": 0o711,
        ])
        let plan = try MaskPlan(
            emptied: ["/tmp", "/home", "/var/lib/roost"],
            hidden: ["/etc/shadow", "/opt/key", "/var/lib/roost/lock", "/swapfile"],
            host: host
        )
        #expect(
            plan.description == """
                parent /etc 755 7:0
                hidden /etc/shadow
                hidden /swapfile
                empty /tmp 1777 7:0
                parent /var 755 7:0
                parent /var/lib 755 7:0
                empty /var/lib/roost 711 7:0
                """
        )
    }

    @Test("masks what a link leads to, and leaves the link")
    func links() throws {
        let host = TableHost(
            directories: ["/": 0o755, "/data": 0o755, "/data/home": 0o750],
            links: ["/home": "/data/home"]
        )
        let plan = try MaskPlan(emptied: ["/home"], hidden: [], host: host)
        #expect(plan.description == "parent /data 755 7:0\nempty /data/home 750 7:0")
    }
}
