import Glibc

extension DetachedMount {
    /// Makes a filesystem that begins with what a directory holds: files, directories and links with their owners and
    /// modes.
    ///
    /// The directory is found beneath another, which is lent, as if that were the root; without one there the filesystem
    /// stays empty. Devices, sockets and pipes are left out.
    package static func filled(
        _ recipe: FilesystemRecipe,
        with path: String,
        of root: CInt
    ) throws(SyscallError) -> DetachedMount {
        let mount = try DetachedMount.filesystem(recipe)
        let directory = OwnedDescriptor(
            adopting: try SyscallError.checkErrno(fcntl(root, F_DUPFD_CLOEXEC, 3), "fcntl(F_DUPFD_CLOEXEC)", "the root")
        )
        let source: OwnedDescriptor
        do {
            source = try directory.openAt(
                path: Array(path.utf8CString),
                O_PATH | O_DIRECTORY,
                [.inRoot, .noMagicLinks]
            )
        } catch {
            guard error.errno == .notFound else { throw error }
            return mount
        }
        var options = TreeWriter.Options()
        options.keepsOwners = true
        // By a descriptor that can be written to: that of a mount only names it.
        let target = try mount.descriptor.openAt(path: Array(".".utf8CString), O_RDONLY | O_DIRECTORY, [.beneath])
        let metadata = try source.metadata()
        try TreeWalk(staysInMount: true).walk(source, as: [0], to: TreeWriter(into: target, as: nil, options))
        if !recipe.parameters.contains(where: { $0.key == "mode" }) {
            let isSet = fchmod(target.rawValue, mode_t(metadata.permissions))
            _ = try SyscallError.checkErrno(isSet, "fchmod", path)
        }
        if !recipe.parameters.contains(where: { ["uid", "gid"].contains($0.key) }) {
            let isSet = fchown(target.rawValue, metadata.owner, metadata.group)
            _ = try SyscallError.checkErrno(isSet, "fchown", path)
        }
        return mount
    }
}
