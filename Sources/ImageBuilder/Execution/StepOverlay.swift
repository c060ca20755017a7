import CLinux
import Glibc
import ImageStore
import LinuxSystem

/// A filesystem that a step works on: what is there, and a directory that takes what the step changes.
struct StepOverlay: ~Copyable {
    let mount: DetachedMount
    private let place: StepPlace
    private let rootMetadata: FileMetadata

    /// The root, as a directory to resolve paths in.
    var root: Int32 { mount.descriptor.rawValue }

    private init(mount: consuming DetachedMount, place: StepPlace, rootMetadata: FileMetadata) {
        self.mount = mount
        self.place = place
        self.rootMetadata = rootMetadata
    }

    /// Mounts `filesystem` with the changes of a step on top; `stubs` is a directory between the two.
    static func make(
        _ filesystem: StepFilesystem?,
        _ place: StepPlace,
        stubs: String? = nil
    ) throws -> StepOverlay {
        var lower = try filesystem?.directories() ?? []
        let empty = try lower.isEmpty ? emptyDirectory(place) : nil
        if let empty { lower = [empty.descriptor.rawValue] }
        let like = try metadata(of: lower[0])
        let upper = try OwnedDescriptor.directory(place.changes)
        let work = try OwnedDescriptor.directory(place.work)
        // The root of the merged tree has the uppermost directory's owner, mode and time.
        try adopt(like, upper.rawValue, place.changes)
        let stub = try stubs.map { HeldDescriptor(try OwnedDescriptor.directory($0)) }
        if let stub {
            try adopt(like, stub.descriptor.rawValue, place.stubs)
            lower.insert(stub.descriptor.rawValue, at: 0)
        }
        let mount = try BuildOverlay.mount(lower, upper: upper.rawValue, work: work.rawValue)
        withExtendedLifetime((empty, stub, filesystem)) {}
        return StepOverlay(mount: mount, place: place, rootMetadata: like)
    }

    /// Gives the mount to whoever starts a container on it.
    consuming func takeMount() -> DetachedMount { mount }

    private static func emptyDirectory(_ place: StepPlace) throws -> HeldDescriptor {
        // Not within any other layer, which overlayfs refuses.
        try makeDirectories(place.empty, mode: 0o755)
        return HeldDescriptor(try OwnedDescriptor.directory(place.empty))
    }

    private static func metadata(of directory: CInt) throws(SyscallError) -> FileMetadata {
        let copy = try SyscallError.checkErrno(fcntl(directory, F_DUPFD_CLOEXEC, 3), "fcntl", "a layer")
        return try OwnedDescriptor(adopting: copy).metadata()
    }

    private static func adopt(_ like: FileMetadata, _ directory: CInt, _ path: String) throws(SyscallError) {
        _ = try SyscallError.checkErrno(fchown(directory, like.owner, like.group), "fchown", path)
        _ = try SyscallError.checkErrno(fchmod(directory, mode_t(like.permissions)), "fchmod", path)
        like.modified.set(of: directory)
    }
}

/// A descriptor that several hold.
final class HeldDescriptor: Sendable {
    let descriptor: OwnedDescriptor
    init(_ descriptor: consuming OwnedDescriptor) { self.descriptor = descriptor }
}

/// What a step has changed, measured after its end.
struct StepChanges {
    /// Bytes that its files take.
    var size: Int64 = 0
    var entries = 0

    /// Looks at the changes of a step whose overlay is gone; `limit` bounds the entries.
    init(of path: String) throws(SyscallError) {
        try add(try OwnedDescriptor.directory(path), depth: 0)
    }

    private mutating func add(_ directory: borrowing OwnedDescriptor, depth: Int) throws(SyscallError) {
        guard depth < TreeWalk.deepest else {
            throw SyscallError(call: "open", subject: "a step's files", errno: Errno(rawValue: ELOOP))
        }
        let reader = DirectoryEntries()
        while true {
            let batch = try reader.next(directory)
            if batch.isEmpty { return }
            for entry in batch {
                guard let metadata = try directory.metadata(ofEntry: entry.name) else { continue }
                entries += 1
                size += metadata.kind == .regular ? metadata.size : 0
                guard metadata.kind == .directory else { continue }
                let child = try directory.openAt(
                    path: entry.name,
                    O_RDONLY | O_DIRECTORY | O_NOFOLLOW,
                    [.beneath, .noLinks]
                )
                try add(child, depth: depth + 1)
            }
        }
    }
}
