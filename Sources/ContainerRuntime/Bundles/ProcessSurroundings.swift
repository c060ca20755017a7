import Glibc
import LinuxSystem
import OCISpec

extension ProcessSpec {
    /// Gives a program that is not told where it is at home the home of its user, as `/etc/passwd` of a root has it, and
    /// the number of its process to one that is given sockets: environ(7), sd_listen_fds(3).
    mutating func addHome(in root: String) {
        let activated = getenv("LISTEN_FDS").map { String(cString: $0) }.flatMap { UInt16($0) }
        if let activated, activated > 0 {
            env = (env ?? []).filter { !$0.hasPrefix("LISTEN_FDS=") && !$0.hasPrefix("LISTEN_PID=") }
            env?.append("LISTEN_FDS=\(activated)")
            env?.append("LISTEN_PID=1")
        }
        guard (env ?? []).last(where: { $0.hasPrefix("HOME=") })?.utf8.count ?? 0 <= "HOME=".utf8.count else { return }
        // An image whose users can't be read has none.
        let users = try? UserDatabase(usersOf: root)
        env = (env ?? []).filter { !$0.hasPrefix("HOME=") } + ["HOME=\(users?.home(of: user?.uid ?? 0) ?? "/")"]
    }
}

extension RuntimeSpec {
    /// Makes standard input, output and error the program's own where it runs as somebody else, so that it can open
    /// them again by their names in procfs: fchown(2).
    ///
    /// What others use too, as the null device or a terminal, stays whose it is.
    func giveStandardDescriptors() throws(ContainerError) {
        guard let user = process?.user, process?.terminal != true else { return }
        for number: Int32 in 0...2 {
            var status = stat()
            guard fstat(number, &status) == 0, [S_IFREG, S_IFIFO, S_IFSOCK].contains(status.st_mode & S_IFMT) else {
                continue
            }
            let uid = LinuxSpec.hostID(of: user.uid, linux?.uidMappings)
            let gid = LinuxSpec.hostID(of: user.gid, linux?.gidMappings)
            guard status.st_uid != uid || status.st_gid != gid else { continue }
            // A filesystem that is read-only, or has no owners, leaves the file as useful as it was.
            guard fchown(number, uid, gid) != 0, ![EROFS, EPERM, EINVAL].contains(Glibc.errno) else { continue }
            throw .kernel("process.user", .init(call: "fchown", subject: "descriptor \(number)", errno: .current))
        }
    }
}

extension LinuxSpec {
    /// The id outside that an id of a container is; the same where nothing maps it.
    static func hostID(of id: UInt32, _ mappings: [IDMapping]?) -> UInt32 {
        let mapping = (mappings ?? []).first {
            id >= $0.containerID && UInt64(id) < UInt64($0.containerID) + UInt64($0.size)
        }
        return mapping.map { id - $0.containerID &+ $0.hostID } ?? id
    }
}
