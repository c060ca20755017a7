import Glibc
package import LinuxSystem

/// Overlays that steps of a build work on, made of directories that descriptors name.
package enum BuildOverlay {
    /// Mounts `lower`, highest first, for reading, with the changes in `upper` where it is given; all are lent.
    ///
    /// The mount is in no namespace, and the caller's. What is changed is a directory of its own in the form of image
    /// layers: nothing in it refers to other layers (`redirect_dir`, `metacopy`). Kernels before 6.5 take the lower
    /// directories in one string.
    package static func mount(
        _ lower: [CInt],
        upper: CInt? = nil,
        work: CInt? = nil
    ) throws(SyscallError) -> DetachedMount {
        if upper == nil && lower.count == 1 {
            return try DetachedMount.copy(of: name(lower[0]), recursive: false, attributes: .readOnly)
        }
        var changes: [FilesystemRecipe.Parameter] = []
        if let upper, let work {
            changes = [
                .init("upperdir", name(upper)), .init("workdir", name(work)), .init("volatile"),
                .init("redirect_dir", "off"), .init("metacopy", "off"),
            ]
        }
        let attributes: MountAttributes = upper == nil ? .readOnly : []
        do throws(SyscallError) {
            let parameters = lower.map { FilesystemRecipe.Parameter("lowerdir+", name($0)) } + changes
            return try .filesystem(FilesystemRecipe("overlay", parameters, attributes: attributes))
        } catch {
            guard error.errno.rawValue == EINVAL else { throw error }
            let joined = FilesystemRecipe.Parameter("lowerdir", lower.map(name).joined(separator: ":"))
            return try .filesystem(FilesystemRecipe("overlay", [joined] + changes, attributes: attributes))
        }
    }

    private static func name(_ descriptor: CInt) -> String { "/proc/self/fd/\(descriptor)" }
}
