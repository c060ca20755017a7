import Glibc
import LinuxSystem
package import OCISpec

extension LinuxSpec.Device {
    /// The device nodes below a directory of the host, by path; those of terminals and links are left out.
    package static func ofHost(below directory: String = "/dev") throws(ContainerError) -> [LinuxSpec.Device] {
        var found: [LinuxSpec.Device] = []
        guard let stream = opendir(directory) else {
            throw .kernel("devices", SyscallError(call: "opendir", subject: directory, errno: .current))
        }
        defer { closedir(stream) }
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            let path = "\(directory)/\(name)"
            // Filesystems of their own, and the console that a terminal is attached to.
            guard ![".", ".."].contains(name), !["/dev/pts", "/dev/shm", "/dev/mqueue", "/dev/console"].contains(path)
            else { continue }
            var status = stat()
            // A node may go while we look; then it is no device to give.
            guard lstat(path, &status) == 0 else { continue }
            switch status.st_mode & S_IFMT {
            case S_IFDIR: found += try ofHost(below: path)
            case S_IFCHR, S_IFBLK: found.append(LinuxSpec.Device(path: path, status))
            default: break
            }
        }
        return found.sorted { $0.path < $1.path }
    }

    /// The devices that a path of the host names, at another path of the container: one, or those of a directory.
    package static func allOfHost(_ source: String, at path: String) throws(ContainerError) -> [LinuxSpec.Device] {
        var status = stat()
        guard stat(source, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            return [try ofHost(source, at: path)]
        }
        return try ofHost(below: source).map { device in
            var device = device
            device.path = path + device.path.dropFirst(source.count)
            return device
        }
    }

    /// The device that a path of the host names, at another path of the container: stat(2).
    package static func ofHost(_ source: String, at path: String) throws(ContainerError) -> LinuxSpec.Device {
        var status = stat()
        guard stat(source, &status) == 0 else {
            throw .kernel("devices", SyscallError(call: "stat", subject: source, errno: .current))
        }
        guard [S_IFCHR, S_IFBLK].contains(status.st_mode & S_IFMT) else {
            throw .invalid("devices", "\(source) is not a device")
        }
        return LinuxSpec.Device(path: path, status)
    }

    /// Whether a file of the host is this device.
    func isSame(as status: stat) -> Bool {
        let other = LinuxSpec.Device(path: path, status)
        let isDevice = [S_IFCHR, S_IFBLK].contains(status.st_mode & S_IFMT)
        return isDevice && other.major == major && other.minor == minor && (type == "b") == (other.type == "b")
    }

    private init(path: String, _ status: stat) {
        let number = UInt64(status.st_rdev)
        self.init(
            type: status.st_mode & S_IFMT == S_IFBLK ? "b" : "c",
            path: path,
            major: Int64((number >> 8 & 0xfff) | (number >> 32 & ~0xfff)),
            minor: Int64((number & 0xff) | (number >> 12 & ~0xff & 0xffff_ffff)),
            fileMode: UInt32(status.st_mode & 0o777),
            uid: status.st_uid,
            gid: status.st_gid
        )
    }
}
