import LinuxSystem
import OCISpec

extension RuntimeSpec {
    /// Reads the configuration of a bundle for `roost runtime`, with all paths of the host made absolute.
    init(absolute bundle: String) throws(ContainerError) {
        try self.init(bundle: bundle)
        guard ociVersion.hasPrefix("1.") else {
            throw .unsupported("ociVersion", "'\(ociVersion)' is not a version 1 of the specification")
        }
        guard let path = root?.path, !path.isEmpty else { throw .invalid("root.path", "missing: there is no root") }
        root?.path = path.absolute(in: bundle)
        for (index, mount) in (mounts ?? []).enumerated() {
            guard mount.type != MountSpec.preparedType else {
                throw .invalid("mounts[\(index)].type", "'\(MountSpec.preparedType)' is not a filesystem")
            }
            guard let source = mount.source, mount.type == "bind" || MountOptions(mount.options ?? []).isBind else {
                continue
            }
            mounts?[index].source = source.absolute(in: bundle)
        }
    }

    /// The configuration as `ContainerPlan` takes it: what is done around the container is not in it.
    var ofContainer: RuntimeSpec {
        var spec = self
        spec.hooks = nil
        spec.linux?.cgroupsPath = nil
        return spec
    }

    /// The path of the control group of a container with this configuration: `/roost-runtime/ID` without a word of it,
    /// and below our own group without privilege.
    func groupPath(_ id: ContainerID, isPrivileged: Bool = true) throws(ContainerError) -> String {
        let place = "linux.cgroupsPath"
        guard let path = linux?.cgroupsPath, !path.isEmpty else {
            return (isPrivileged ? "" : RuntimeSpec.ownGroup) + "/roost-runtime/\(id)"
        }
        guard path.split(separator: ":", omittingEmptySubsequences: false).count != 3 else {
            throw .unsupported(place, "'\(path)' names a slice of systemd; give a path instead")
        }
        let parts = path.split(separator: "/")
        // The root group holds the host.
        guard !parts.isEmpty, !parts.contains(where: { $0 == "." || $0 == ".." }), !path.utf8.contains(0) else {
            throw .invalid(place, "'\(path)' is not the path of a group below the root")
        }
        return "/" + parts.joined(separator: "/")
    }
}

extension RuntimeSpec {
    /// The path of our own group in the unified hierarchy; empty for its root, and where there is none: cgroups(7).
    static var ownGroup: String {
        let text = (try? readFile("/proc/self/cgroup")) ?? ""  // without procfs nothing else works either
        let line = text.split(separator: "\n").first { $0.hasPrefix("0::/") }
        let path = line.map { String($0.dropFirst(3)) } ?? ""
        return path == "/" || path.contains("..") ? "" : path
    }
}

extension ProcessSpec {
    /// Sets `HOME` to where the user is at home in a root of the host, if it is not set: passwd(5).
    ///
    /// It is `/` for a user who is not there, and where the file can't be read.
    mutating func addHome(root path: String) {
        guard env?.contains(where: { $0.hasPrefix("HOME=") }) != true else { return }
        let home = try? ProcessSpec.home(of: user?.uid ?? 0, root: path)  // what is wrong shows when it is mounted
        env = (env ?? []) + ["HOME=\(home ?? "/")"]
    }

    private static func home(of uid: UInt32, root path: String) throws -> String {
        let root = try OwnedDescriptor.directory(path)
        return try UserDatabase(directory: root.rawValue).resolve("\(uid)").home
    }
}

extension String {
    /// This path of the host; one that is not absolute begins in a directory.
    fileprivate func absolute(in directory: String) -> String { hasPrefix("/") ? self : "\(directory)/\(self)" }
}
