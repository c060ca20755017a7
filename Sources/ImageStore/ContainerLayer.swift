import Glibc
package import LinuxSystem
package import OCISpec

/// What one container changes of its root: the upper directory of its overlay.
///
/// It lasts until the host's next boot at most. So nothing of it needs to be on the disk at any moment: the overlay is
/// mounted `volatile` (Linux 5.10), and neither a sync(2) in the container nor its end, which would else write out the
/// whole filesystem that the layer is on, waits for a disk. What is to last longer belongs into a volume.
package struct ContainerLayer: Hashable, Sendable {
    /// The container's directory, with `upper` and a directory for overlayfs in it.
    package let directory: String
    /// The directory for overlayfs, named after the boot in which the layer was made.
    private let work: String
    private let parent: String
    let id: String

    /// Names the layer of a container; nothing is made yet.
    ///
    /// Throws `invalidReference` unless the ID is up to 128 letters, digits, ".", "_" and "-", starting with a letter or
    /// digit.
    package init(id: String, in store: ImageStore) throws(ImageError) {
        guard isPlainName(id) else {
            throw ImageError(.invalidReference, "container \"\(printable(id))\": the ID is no plain name")
        }
        self.id = id
        parent = "\(store.root)/containers"
        directory = "\(parent)/\(id)"
        work = "\(directory)/\(Self.workPrefix)\(bootName)"
    }

    private static let workPrefix = "work-"

    /// Whether the container has a layer.
    package var exists: Bool { access("\(directory)/upper", F_OK) == 0 }

    /// Makes the layer, empty; one that was made since the host's boot stays as it is.
    ///
    /// An older one is emptied: a loss of power may have taken any part of it.
    package func make(for root: RootFilesystem) throws(ImageError) {
        guard !bootName.isEmpty else {
            throw ImageError(.unsupported, "container \(id): /proc does not tell the boot's name; mount a proc there")
        }
        // It is made last.
        if access(work, F_OK) == 0 { return }
        let lower = root.mask == nil ? root.lowerDirectories[0] : "/"
        let like = try attempt("make the container \(id)") { () throws(SyscallError) in
            try OwnedDescriptor.path(lower).metadata()
        }
        if mkdir(directory, 0o700) != 0 {
            if exists { try removeChanges() }
            try makeStoreDirectories(parent, mode: 0o711)
            try makeStoreDirectories(directory, mode: 0o700)
        }
        if let image = root.image { try use(image) }
        // The root of the container gets owner and mode from here.
        let upper = "\(directory)/upper"
        guard mkdir(upper, 0o700) == 0 || errno == EEXIST, chown(upper, like.owner, like.group) == 0,
            chmod(upper, like.permissions) == 0, mkdir(work, 0o700) == 0
        else {
            throw .kernel("make the container \(id)", SyscallError(call: "mkdir", subject: directory, errno: .current))
        }
    }

    /// Says that the container uses an image, so that nobody removes that image, whoever knows of the container.
    ///
    /// An attribute costs no inode; where the filesystem has none, a file does.
    package func use(_ image: ContentDigest) throws(ImageError) {
        try attempt("make the container \(id)") { () throws(SyscallError) in
            let own = try OwnedDescriptor.directory(directory)
            do throws(SyscallError) {
                try ExtendedAttributes.set("\(Self.imageAttribute)\(image.hexadecimal)", "", of: own.rawValue)
            } catch {
                guard error.errno.rawValue == EOPNOTSUPP else { throw error }
                try replaceFile("\(directory)/\(Self.imageFile)\(image.hexadecimal)", [])
            }
        }
    }

    private static let imageAttribute = "user.roost.image."
    private static let imageFile = "image."

    /// The images from which containers of this boot are made, whatever project or state directory they belong to, with
    /// the ID of one container each.
    static func imagesInUse(below root: String) throws(ImageError) -> [ContentDigest: String] {
        var images: [ContentDigest: String] = [:]
        for id in namesInDirectory("\(root)/containers") {
            let directory = "\(root)/containers/\(id)"
            guard access("\(directory)/\(workPrefix)\(bootName)", F_OK) == 0 else { continue }
            let marks = try attempt("look at \(directory)") { () throws(SyscallError) in try Self.marks(directory) }
            for mark in marks {
                if let image = ContentDigest(hexadecimal: mark) { images[image] = id }
            }
        }
        return images
    }

    /// The IDs of containers whose changes the host's boot has ended, so that nothing of them runs.
    package static func left(in store: ImageStore) throws(ImageError) -> [String] {
        namesInDirectory("\(store.root)/containers").filter { id in
            // One that is just being made has none at all.
            let boots = namesInDirectory("\(store.root)/containers/\(id)").filter { $0.hasPrefix(workPrefix) }
            return isPlainName(id) && !boots.isEmpty && !boots.contains("\(workPrefix)\(bootName)")
        }
    }

    private static func marks(_ path: String) throws(SyscallError) -> [Substring] {
        do throws(SyscallError) {
            let own = try OwnedDescriptor.directory(path)
            let attributes = try ExtendedAttributes.names(of: own.rawValue).filter { $0.hasPrefix(imageAttribute) }
            let files = try DirectoryEntries().next(own).map(\.text).filter { $0.hasPrefix(imageFile) }
            return attributes.map { $0.dropFirst(imageAttribute.count) } + files.map { $0.dropFirst(imageFile.count) }
        } catch {
            // It went while we looked.
            guard error.errno.rawValue == ENOENT else { throw error }
            return []
        }
    }

    /// Mounts the root: what the image has, with the container's changes on top.
    ///
    /// The mount is in no namespace, and the caller's. Kernels before 6.5 take the lower directories in one string; those
    /// before 6.15 take none that is not in the mount namespace, and then the mask is part of the changes.
    /// Who makes several roots with a mask lends the mask's mount to all of them.
    package func makeRoot(
        of root: RootFilesystem,
        sharing mask: MaskMount? = nil
    ) throws(ImageError) -> DetachedMount {
        do throws(SyscallError) { return try makeRoot(of: root, by: .appended, sharing: mask) } catch {
            guard error.errno.rawValue == EINVAL else { throw .kernel("mount the root of the container \(id)", error) }
        }
        return try attempt("mount the root of the container \(id)") { () throws(SyscallError) in
            do throws(SyscallError) { return try makeRoot(of: root, by: .appendedWithMaskInUpper) } catch {
                guard error.errno.rawValue == EINVAL else { throw error }
                return try makeRoot(of: root, by: .joined)
            }
        }
    }

    /// Removes the layer with everything in it; one that isn't there is no error.
    ///
    /// Follows no link and crosses into no mount. After a crash, do it again.
    package func remove() throws(ImageError) {
        try attempt("remove the container \(id)") { () throws(SyscallError) in
            do throws(SyscallError) {
                try OwnedDescriptor.directory(parent).removeTree(id)
            } catch {
                guard error.errno.rawValue == ENOENT else { throw error }
            }
        }
    }

    /// Removes what the container has changed; its log stays.
    private func removeChanges() throws(ImageError) {
        try attempt("empty the container \(id), whose changes a reboot has ended") { () throws(SyscallError) in
            let own = try OwnedDescriptor.directory(directory)
            let names = try DirectoryEntries().next(own).map(\.text)
            for name in names where name.hasPrefix("upper") || name.hasPrefix("work") { try own.removeTree(name) }
        }
    }

    /// Removes the sign that overlayfs leaves so that nobody mounts a layer again that was not written out.
    ///
    /// In the same boot it can't be but complete.
    private func forgetVolatility() throws(SyscallError) {
        guard access("\(work)/work/incompat", F_OK) == 0 else { return }
        try OwnedDescriptor.directory("\(work)/work").removeTree("incompat")
    }

    /// The ways to name lower directories to overlayfs.
    enum OverlayForm {
        /// One `lowerdir+` each, Linux 6.5, and the mask as one of them, Linux 6.15.
        case appended
        /// One `lowerdir+` each, and the mask among the changes.
        case appendedWithMaskInUpper
        /// All in `lowerdir`, and the mask among the changes; for this mount(2) is needed when they are many.
        case joined
    }

    func makeRoot(
        of root: RootFilesystem,
        by form: OverlayForm,
        sharing shared: MaskMount? = nil
    ) throws(SyscallError) -> DetachedMount {
        var names = MountPaths()
        defer { names.close() }
        try forgetVolatility()
        let upper = try names.name("\(directory)/upper")
        let work = try names.name(work)
        if let mask = root.mask, form == .appended {
            let mount = if let shared { shared } else { try MaskMount(mask) }
            let lower: [String]
            if root.lowerDirectories.count > 1 {
                let base = try root.maskedBase(mount).takeDescriptor()
                lower = try names.names(root.lowerDirectories.dropLast()) + [names.name(base)]
            } else {
                lower = try [names.name(mount.descriptor.duplicate())] + names.names(root.lowerDirectories)
            }
            return try Self.overlay(lower.map { .init("lowerdir+", $0) }, upper, work)
        }
        if root.mask != nil && root.lowerDirectories.count > 1 {
            // Among the changes the mask would hide what the layers have.
            throw SyscallError(
                call: "an image built on rootfs:/, which takes Linux 6.15",
                subject: id,
                errno: Errno(rawValue: ENOSYS)
            )
        }
        if let mask = root.mask {
            try mask.planOrRefusal().make(in: OwnedDescriptor.directory("\(directory)/upper"))
        }
        guard form == .joined else {
            return try Self.overlay(names.names(root.lowerDirectories).map { .init("lowerdir+", $0) }, upper, work)
        }
        let numbers = try names.numbers(root.lowerDirectories)
        let lower = numbers.map { "/proc/self/fd/\($0)" }.joined(separator: ":")
        // fsconfig(2) takes values of 255 bytes.
        if lower.utf8.count <= 255 { return try Self.overlay([.init("lowerdir", lower)], upper, work) }
        return try DetachedMount.mounted(
            "overlay",
            options: "lowerdir=\(numbers.joined(separator: ":")),upperdir=\(upper),workdir=\(work),volatile",
            relativeTo: "/proc/self/fd",
            at: self.work
        )
    }

    private static func overlay(
        _ lower: [FilesystemRecipe.Parameter],
        _ upper: String,
        _ work: String
    ) throws(SyscallError) -> DetachedMount {
        let own: [FilesystemRecipe.Parameter] = [.init("upperdir", upper), .init("workdir", work), .init("volatile")]
        return try .filesystem(FilesystemRecipe("overlay", lower + own))
    }
}

/// The layer in memory that hides parts of the host's root: one for any number of containers.
///
/// It shows the host as it was when this was made: directories' owners and modes, and which host keys there were.
package final class MaskMount: Sendable {
    let descriptor: OwnedDescriptor

    /// Makes the layer of a mask.
    package convenience init(of mask: RootMask) throws(ImageError) {
        do throws(SyscallError) { try self.init(mask) } catch { throw .kernel("hide the host's secrets", error) }
    }

    init(_ mask: RootMask) throws(SyscallError) {
        let plan = try mask.planOrRefusal()
        let mode = String(plan.root.permissions, radix: 8)
        descriptor = try DetachedMount.filesystem(FilesystemRecipe("tmpfs", [.init("mode", mode)])).takeDescriptor()
        try plan.make(in: descriptor)
    }
}

extension RootMask {
    /// The plan, or the kernel's refusal to tell what the host has.
    fileprivate func planOrRefusal() throws(SyscallError) -> MaskPlan {
        do throws(ImageError) { return try plan() } catch {
            throw error.cause ?? SyscallError(call: "lstat", subject: "/", errno: Errno(rawValue: EIO))
        }
    }
}

extension RootFilesystem {
    /// Mounts what the image has, for reading only; the mount is in no namespace, and the caller's.
    ///
    /// Several layers take Linux 6.5, a mask takes 6.15.
    package func makeReadOnly() throws(ImageError) -> DetachedMount {
        try attempt("mount an image") { () throws(SyscallError) in
            if mask == nil && lowerDirectories.count == 1 {
                return try DetachedMount.copy(of: lowerDirectories[0], recursive: false, attributes: .readOnly)
            }
            var names = MountPaths()
            defer { names.close() }
            if let mask, lowerDirectories.count > 1 {
                let base = names.name(try maskedBase(MaskMount(mask)).takeDescriptor())
                let lower = try names.names(lowerDirectories.dropLast()) + [base]
                return try DetachedMount.filesystem(
                    FilesystemRecipe("overlay", lower.map { .init("lowerdir+", $0) }, attributes: .readOnly)
                )
            }
            var lower = try names.names(lowerDirectories)
            if let mask { lower.insert(names.name(try MaskMount(mask).descriptor.duplicate()), at: 0) }
            return try DetachedMount.filesystem(
                FilesystemRecipe("overlay", lower.map { .init("lowerdir+", $0) }, attributes: .readOnly)
            )
        }
    }
}

extension RootFilesystem {
    /// The host's root without its secrets, as a layer below others.
    ///
    /// As an overlay of its own: overlayfs refuses "/" beside layers that lie within it, but sees no further than another
    /// overlay.
    package func maskedBase(_ mask: MaskMount) throws(SyscallError) -> DetachedMount {
        var names = MountPaths()
        defer { names.close() }
        let lower = try [names.name(mask.descriptor.duplicate())] + names.names(lowerDirectories.suffix(1))
        return try DetachedMount.filesystem(
            FilesystemRecipe("overlay", lower.map { .init("lowerdir+", $0) }, attributes: .readOnly)
        )
    }
}

/// Names of directories that mount options can hold, and the descriptors that some of them go through.
private struct MountPaths {
    private var open: [CInt] = []

    /// The path itself when it is short and plain, else one through a descriptor.
    mutating func name(_ path: String) throws(SyscallError) -> String {
        let isPlain = path.utf8.count <= 255 && path.utf8.allSatisfy { !#":,\"#.utf8.contains($0) }
        return isPlain ? path : name(try OwnedDescriptor.directory(path))
    }

    mutating func names(_ paths: some Sequence<String>) throws(SyscallError) -> [String] {
        var names: [String] = []
        for path in paths { names.append(try name(path)) }
        return names
    }

    /// The numbers of descriptors, which are their names in `/proc/self/fd`: hundreds fit into one page.
    mutating func numbers(_ paths: [String]) throws(SyscallError) -> [String] {
        var numbers: [String] = []
        for path in paths {
            open.append(try OwnedDescriptor.directory(path).release())
            numbers.append("\(open[open.count - 1])")
        }
        return numbers
    }

    mutating func name(_ directory: consuming OwnedDescriptor) -> String {
        open.append(directory.release())
        return "/proc/self/fd/\(open[open.count - 1])"
    }

    func close() {
        for descriptor in open { _ = OwnedDescriptor(adopting: descriptor) }
    }
}

/// Whether a name is a file name without surprises.
func isPlainName(_ name: String) -> Bool {
    func isAlphanumeric(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
    }
    guard let first = name.utf8.first, isAlphanumeric(first), name.utf8.count <= 128 else { return false }
    return name.utf8.allSatisfy { isAlphanumeric($0) || "_.-".utf8.contains($0) }
}
