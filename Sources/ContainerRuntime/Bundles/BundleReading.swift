import LinuxSystem
import OCISpec

extension RuntimeSpec {
    /// The configuration of a bundle for `roost runtime`, with all paths of the host made absolute.
    func absolute(in bundle: String) throws(ContainerError) -> RuntimeSpec {
        var spec = self
        guard RuntimeSpec.isFirst(version: ociVersion) else {
            throw .unsupported("ociVersion", "'\(ociVersion)' is not a version 1 of the specification")
        }
        guard let path = root?.path, !path.isEmpty else { throw .invalid("root.path", "missing: there is no root") }
        spec.root?.path = path.absolute(in: bundle)
        for (index, mount) in (mounts ?? []).enumerated() {
            guard mount.type != MountSpec.preparedType else {
                throw .invalid("mounts[\(index)].type", "'\(MountSpec.preparedType)' is not a filesystem")
            }
            guard let source = mount.source, mount.isBind else { continue }
            spec.mounts?[index].source = source.absolute(in: bundle)
        }
        return spec
    }

    /// Whether a version is 1.MINOR or 1.MINOR.PATCH, with or without what follows a sign: Semantic Versioning 2.0.0.
    ///
    /// Not by a pattern, which takes longer to compile than the rest of a configuration to read.
    private static func isFirst(version: String) -> Bool {
        let signs = [UInt8(ascii: "-"), UInt8(ascii: "+")]
        let bytes = Array(version.utf8)
        let numbers = bytes.prefix { !signs.contains($0) }
        let parts = numbers.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        let isNumbered =
            (2...3).contains(parts.count) && parts[0].elementsEqual([UInt8(ascii: "1")])
            && parts.allSatisfy { (1...9).contains($0.count) && $0.allSatisfy { (0x30...0x39).contains($0) } }
        guard isNumbered, numbers.endIndex < bytes.endIndex else { return isNumbered }
        let suffix = bytes[(numbers.endIndex + 1)...]
        return !suffix.isEmpty
            && suffix.allSatisfy { byte in
                signs.contains(byte) || byte == UInt8(ascii: ".") || (0x30...0x39).contains(byte)
                    || (0x41...0x5a).contains(byte & 0xdf)
            }
    }

    /// The configuration as `ContainerPlan` takes it: what is done around the container is not in it.
    var ofContainer: RuntimeSpec {
        var spec = self
        spec.hooks = nil
        spec.linux?.cgroupsPath = nil
        return spec
    }

    /// The path of the control group of a container with this configuration: `/roost-runtime-ID` without a word of it,
    /// and below our own group without privilege.
    func groupPath(_ id: ContainerID, isPrivileged: Bool = true) throws(ContainerError) -> String {
        let place = "linux.cgroupsPath"
        guard let path = linux?.cgroupsPath, !path.isEmpty else {
            // Not below a group for all of them: the kernel takes as long to make that as the container's own.
            return (isPrivileged ? "" : RuntimeSpec.ownGroup) + "/roost-runtime-\(id)"
        }
        guard path.split(separator: ":", omittingEmptySubsequences: false).count != 3 else {
            throw .unsupported(place, "'\(path)' names a slice of systemd, which takes --systemd-cgroup")
        }
        let parts = path.split(separator: "/")
        // The root group holds the host.
        guard !parts.isEmpty, !parts.contains(where: { $0 == "." || $0 == ".." }), !path.utf8.contains(0) else {
            throw .invalid(place, "'\(path)' is not the path of a group below the root")
        }
        let joined = "/" + parts.joined(separator: "/")
        // Lists of groups have one on a line; and no path of a file of the group may be longer than a path.
        guard path.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }), joined.utf8.count <= 2048,
            parts.allSatisfy({ $0.utf8.count <= 255 })
        else {
            throw .invalid(place, "'\(path.prefix(80))' is too long for a group, or has control characters")
        }
        return joined
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

extension String {
    /// This path of the host; one that is not absolute begins in a directory.
    fileprivate func absolute(in directory: String) -> String { hasPrefix("/") ? self : "\(directory)/\(self)" }
}
