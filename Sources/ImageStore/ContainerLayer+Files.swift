import Glibc
import LinuxSystem

extension ContainerLayer {
    /// A small file of a container, in a directory below its root.
    package struct File: Hashable, Sendable {
        /// Its name.
        package var name: String
        /// What it holds.
        package var bytes: [UInt8]

        /// A file called `name`.
        package init(_ name: String, _ bytes: [UInt8]) {
            self.name = name
            self.bytes = bytes
        }
    }

    /// Puts files into a directory of the container, in the place of whatever has their names, before its root is
    /// mounted; false when that can't be done here.
    ///
    /// Written through the overlay, every file costs several inodes more: a whiteout, a copied directory, temporary
    /// names. The directory has to be one in the image and, where the container has changed it, still be one: a link is
    /// not followed, and false returned. `directory` is one component.
    package func write(_ files: [File], in directory: String, of root: RootFilesystem) throws(ImageError) -> Bool {
        guard let like = try directoryOfImage(directory, root) else { return false }
        return try attempt("write into /\(directory) of the container \(id)") { () throws(SyscallError) in
            let upper = try OwnedDescriptor.directory("\(self.directory)/upper")
            if mkdirat(upper.rawValue, directory, 0o700) == 0 {
                let made = try upper.openAt(path: directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, [.beneath, .noLinks])
                _ = try SyscallError.checkErrno(fchown(made.rawValue, like.owner, like.group), "fchown", directory)
                _ = try SyscallError.checkErrno(fchmod(made.rawValue, like.permissions), "fchmod", directory)
            } else if errno != EEXIST {
                throw SyscallError(call: "mkdirat", subject: directory, errno: .current)
            }
            guard let place = try open(directory, in: upper) else { return false }
            for file in files { try write(file, in: place) }
            return true
        }
    }

    /// What the image's highest layer that has the name says of it; nil when it is no directory.
    private func directoryOfImage(_ name: String, _ root: RootFilesystem) throws(ImageError) -> FileMetadata? {
        for lower in root.lowerDirectories {
            let found = try attempt("look at \(lower)/\(name)") { () throws(SyscallError) in
                try FileMetadata.of("\(lower)/\(name)")
            }
            if let found { return found.kind == .directory ? found : nil }
        }
        return nil
    }

    /// Nil when what has the name is no directory any more.
    private func open(_ name: String, in upper: borrowing OwnedDescriptor) throws(SyscallError) -> OwnedDescriptor? {
        do throws(SyscallError) {
            return try upper.openAt(path: name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, [.beneath, .noLinks])
        } catch {
            guard [ENOTDIR, ELOOP].contains(error.errno.rawValue) else { throw error }
            return nil
        }
    }

    private func write(_ file: File, in place: borrowing OwnedDescriptor) throws(SyscallError) {
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
        var raw = openat(place.rawValue, file.name, flags, 0o644)
        if raw < 0 && errno == EEXIST {
            _ = try SyscallError.checkErrno(unlinkat(place.rawValue, file.name, 0), "unlinkat", file.name)
            raw = openat(place.rawValue, file.name, flags, 0o644)
        }
        let opened = OwnedDescriptor(adopting: try SyscallError.checkErrno(raw, "openat", file.name))
        _ = try SyscallError.checkErrno(fchmod(opened.rawValue, 0o644), "fchmod", file.name)
        try opened.writeAll(file.bytes, subject: file.name)
    }
}
