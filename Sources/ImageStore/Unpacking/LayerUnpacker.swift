import CArchive
import Glibc
import LinuxSystem

/// Unpacks one layer into a directory as overlayfs wants a lower layer.
///
/// The archive is hostile. Every path is resolved through the layer's descriptor as if that were the root, so links lead
/// nowhere else; ".." and the attributes of overlayfs itself are not taken from an archive. Directories that hide those
/// below them are only listed: who marks them needs a privilege that this does not.
struct LayerUnpacker: ~Copyable {
    /// Where an entry goes: the directory it is in, and its own name.
    private struct Place {
        var parent: [UInt8]
        var name: [CChar]

        var path: [UInt8] {
            let name = name.dropLast().map { UInt8(bitPattern: $0) }
            return parent.isEmpty ? name : parent + [UInt8(ascii: "/")] + name
        }
    }

    private let root: OwnedDescriptor
    private let subject: String
    private let limits: ImportLimits
    private var parent: OwnedDescriptor
    private var parentPath: [UInt8] = []
    private var contents = LayerContents()
    private var opaqueBytes = 0
    private var directoryTimes: [(path: [UInt8], modified: timespec)] = []

    private init(
        root: consuming OwnedDescriptor,
        parent: consuming OwnedDescriptor,
        _ subject: String,
        _ limits: ImportLimits
    ) {
        self.root = root
        self.parent = parent
        self.subject = subject
        self.limits = limits
    }

    /// Unpacks into an empty directory, and returns what there was.
    static func unpack(
        _ archive: Archive,
        into directory: borrowing OwnedDescriptor,
        subject: String,
        limits: ImportLimits
    ) throws(ImageError) -> LayerContents {
        let root = try attempt(subject) { () throws(SyscallError) in try directory.duplicate() }
        let parent = try attempt(subject) { () throws(SyscallError) in try directory.duplicate() }
        var unpacker = LayerUnpacker(root: root, parent: parent, subject, limits)
        while let entry = try archive.next() { try unpacker.add(entry, archive) }
        try unpacker.setDirectoryTimes()
        return unpacker.contents
    }

    private mutating func add(_ entry: ArchiveEntry, _ archive: Archive) throws(ImageError) {
        contents.entries += 1
        guard contents.entries <= limits.entries else {
            throw ImageError(beyond: "entries", "unpack \(subject): more than \(limits.entries) entries")
        }
        let path = entry.path
        guard let place = try self.place(path) else {
            if entry.type == S_IFDIR { try setMetadata(root.rawValue, entry, path: []) }
            return
        }
        try enter(place.parent)
        if place.name.starts(with: whiteoutPrefix) { return try addWhiteout(place) }
        if let target = entry.hardLink { return try addHardLink(place, to: target) }
        switch entry.type {
        case S_IFREG: try addFile(place, entry, archive)
        case S_IFDIR: try addDirectory(place, entry)
        case S_IFLNK: try addSymbolicLink(place, entry)
        case S_IFIFO:
            _ = try clear(place)
            try check(mknodat(parent.rawValue, place.name, S_IFIFO | 0o600, 0), "mknodat", place)
            try setMetadata(place, entry)
        case S_IFCHR, S_IFBLK: try addDevice(place, entry)
        default: note("left out \(printable(path)), which is of an unknown type")
        }
    }

    // MARK: places

    /// Splits a path; nil for the layer's root itself.
    private borrowing func place(_ path: [UInt8]) throws(ImageError) -> Place? {
        guard path.count < 4096 else { throw invalid("a path of \(path.count) bytes", path) }
        var parts = path.split(separator: UInt8(ascii: "/")).filter { !$0.elementsEqual(".".utf8) }
        guard !parts.contains(where: { $0.elementsEqual("..".utf8) }) else {
            throw invalid("a path with \"..\"", path)
        }
        guard let last = parts.popLast() else { return nil }
        guard last.count <= 255 else { throw invalid("a name of \(last.count) bytes", path) }
        return Place(
            parent: Array(parts.joined(separator: [UInt8(ascii: "/")])),
            name: last.map { CChar(bitPattern: $0) } + [0]
        )
    }

    /// Makes `parent` the directory of that path, making directories that the archive doesn't mention.
    private mutating func enter(_ path: [UInt8]) throws(ImageError) {
        guard path != parentPath else { return }
        do throws(SyscallError) {
            parent = try openDirectory(path)
        } catch {
            guard error.errno.rawValue == ENOENT else { throw refused(error, path) }
            parent = try makeParents(path)
        }
        parentPath = path
    }

    private borrowing func openDirectory(_ path: [UInt8]) throws(SyscallError) -> OwnedDescriptor {
        let bytes = path.isEmpty ? [CChar(0x2e), 0] : path.map { CChar(bitPattern: $0) } + [0]
        return try root.openAt(path: bytes, O_RDONLY | O_DIRECTORY, [.inRoot, .noMagicLinks, .sameMount])
    }

    private borrowing func makeParents(_ path: [UInt8]) throws(ImageError) -> OwnedDescriptor {
        var current = try attempt(subject) { () throws(SyscallError) in try openDirectory([]) }
        var reached: [UInt8] = []
        for part in path.split(separator: UInt8(ascii: "/")) {
            let name = part.map { CChar(bitPattern: $0) } + [0]
            reached += (reached.isEmpty ? [] : [UInt8(ascii: "/")]) + part
            // EEXIST is the usual case; a dangling link is found by the openat2 that follows.
            guard mkdirat(current.rawValue, name, 0o755) == 0 || Glibc.errno == EEXIST else {
                throw refused(SyscallError(call: "mkdirat", subject: printable(reached), errno: .current), reached)
            }
            do throws(SyscallError) { current = try openDirectory(reached) } catch { throw refused(error, reached) }
        }
        return current
    }

    /// Removes what is at a place unless it is a directory; returns what was there.
    private mutating func clear(_ place: Place) throws(ImageError) -> FileMetadata? {
        let name = place.name
        let purpose = "unpack \(subject)"
        let found = try attempt(purpose) { () throws(SyscallError) in try parent.metadata(ofEntry: name) }
        guard let found else { return nil }
        // A removed directory may be the one that is kept open, or above it.
        if found.kind == .directory { parentPath = [0] }
        try attempt(purpose) { () throws(SyscallError) in try parent.removeTree(name) }
        return found
    }

    // MARK: entries

    private mutating func addWhiteout(_ place: Place) throws(ImageError) {
        let hidden = Array(place.name.dropFirst(whiteoutPrefix.count))
        if place.name.starts(with: whiteoutPrefix + whiteoutPrefix) {
            // Names that start so are marks of aufs; this one of them has a meaning.
            guard place.name == opaqueMarker else { return }
            return try setOpaque(place.parent)
        }
        let isNothing = [[0], [0x2e, 0], [0x2e, 0x2e, 0]].contains(hidden)
        guard !isNothing else { throw invalid("a whiteout of nothing", place.parent) }
        let there = try attempt(subject) { () throws(SyscallError) in try parent.metadata(ofEntry: hidden) }
        guard let there else {
            return try check(mknodat(parent.rawValue, hidden, S_IFCHR, 0), "mknodat", place)
        }
        // A whiteout is about the layers below: what this layer itself has stays.
        guard there.kind == .directory else { return }
        try setOpaque(Place(parent: place.parent, name: hidden).path)
    }

    private mutating func setOpaque(_ path: [UInt8]) throws(ImageError) {
        opaqueBytes += path.count + 8
        guard opaqueBytes <= UnpackReport.longest / 2 else {
            throw ImageError(.tooLarge, "unpack \(subject): more opaque directories than any image has")
        }
        contents.opaque.append(path)
    }

    private mutating func addDevice(_ place: Place, _ entry: ArchiveEntry) throws(ImageError) {
        let path = printable(entry.path)
        // overlayfs would take it for a whiteout.
        guard entry.type == S_IFBLK || entry.device != 0 else { return note("left out the device node \(path)") }
        _ = try clear(place)
        guard mknodat(parent.rawValue, place.name, entry.type | 0o600, entry.device) != 0 else {
            return try setMetadata(place, entry)
        }
        // In a user namespace there are none.
        guard Glibc.errno == EPERM else { return try check(-1, "mknodat", place) }
        note("left out the device node \(path), which takes root to make")
    }

    private mutating func addHardLink(_ place: Place, to target: [UInt8]) throws(ImageError) {
        guard let source = try self.place(target) else { throw invalid("a hard link to the root", target) }
        let directory: OwnedDescriptor
        do throws(SyscallError) { directory = try openDirectory(source.parent) } catch { throw refused(error, target) }
        if source.parent == place.parent && source.name == place.name { return }
        _ = try clear(place)
        // Without AT_SYMLINK_FOLLOW: a link to a symbolic link is a link to that link itself.
        guard linkat(directory.rawValue, source.name, parent.rawValue, place.name, 0) == 0 else {
            let error = SyscallError(call: "linkat", subject: printable(target), errno: .current)
            throw refused(error, target)
        }
    }

    private mutating func addFile(_ place: Place, _ entry: ArchiveEntry, _ archive: Archive) throws(ImageError) {
        let size = entry.size
        guard size >= 0, size <= limits.layerBytes, contents.contentBytes <= limits.layerBytes - size else {
            throw ImageError(beyond: "layer-bytes", "unpack \(subject): files of more than \(limits.layerBytes) bytes")
        }
        contents.contentBytes += size
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
        var raw = openat(parent.rawValue, place.name, flags, 0o600)
        if raw < 0 && Glibc.errno == EEXIST {
            _ = try clear(place)
            raw = openat(parent.rawValue, place.name, flags, 0o600)
        }
        try check(raw, "openat", place)
        let file = OwnedDescriptor(adopting: raw)
        var end: Int64 = 0
        while let block = try archive.block() {
            guard block.offset >= 0, block.offset <= size - Int64(block.bytes.count) else {
                throw invalid("content beyond the size of a file", entry.path)
            }
            try write(block.bytes, to: file.rawValue, at: block.offset, place)
            end = block.offset + Int64(block.bytes.count)
        }
        // A hole at the end is no block.
        if end < size { try check(ftruncate(file.rawValue, off_t(size)), "ftruncate", place) }
        try setMetadata(file.rawValue, entry, path: nil)
    }

    private borrowing func write(
        _ block: UnsafeRawBufferPointer,
        to file: CInt,
        at offset: Int64,
        _ place: Place
    ) throws(ImageError) {
        var done = 0
        while done < block.count {
            let count = pwrite(
                file,
                block.baseAddress?.advanced(by: done),
                block.count - done,
                off_t(offset) + off_t(done)
            )
            if count < 0 && Glibc.errno == EINTR { continue }
            try check(CInt(clamping: count), "pwrite", place)
            done += count
        }
    }

    private mutating func addDirectory(_ place: Place, _ entry: ArchiveEntry) throws(ImageError) {
        if mkdirat(parent.rawValue, place.name, 0o700) != 0 {
            let reason = Errno.current
            let name = place.name
            let there = try attempt(subject) { () throws(SyscallError) in try parent.metadata(ofEntry: name) }
            guard reason.rawValue == EEXIST, let there else {
                throw .kernel(
                    "unpack \(subject)",
                    SyscallError(call: "mkdirat", subject: "\(printable(entry.path))", errno: reason)
                )
            }
            if there.kind != .directory {
                _ = try clear(place)
                try check(mkdirat(parent.rawValue, place.name, 0o700), "mkdirat", place)
                // Removed and made again in one layer: nothing of the old directory may show through.
                if there.isWhiteout { return try finishDirectory(place, entry, isOpaque: true) }
            }
        }
        try finishDirectory(place, entry, isOpaque: false)
    }

    private mutating func finishDirectory(_ place: Place, _ entry: ArchiveEntry, isOpaque: Bool) throws(ImageError) {
        let raw = openat(parent.rawValue, place.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        try check(raw, "openat", place)
        let directory = OwnedDescriptor(adopting: raw)
        if isOpaque { try setOpaque(place.path) }
        try setMetadata(directory.rawValue, entry, path: place.path)
    }

    private mutating func addSymbolicLink(_ place: Place, _ entry: ArchiveEntry) throws(ImageError) {
        let target = entry.symbolicLink
        guard (1..<4096).contains(target.count) else { throw invalid("a link of \(target.count) bytes", entry.path) }
        _ = try clear(place)
        try check(
            symlinkat(target.map { CChar(bitPattern: $0) } + [0], parent.rawValue, place.name),
            "symlinkat",
            place
        )
        try setMetadata(place, entry)
    }

    // MARK: metadata

    private borrowing func identity(_ entry: ArchiveEntry) throws(ImageError) -> (uid_t, gid_t) {
        // 2³²-1 means "leave it" to chown(2).
        guard let owner = uid_t(exactly: entry.owner), let group = gid_t(exactly: entry.group), owner != .max,
            group != .max
        else { throw invalid("an owner that is no number of 32 bits", entry.path) }
        return (owner, group)
    }

    /// Sets owner and times of what can't be opened, and the mode of what is no link.
    private borrowing func setMetadata(_ place: Place, _ entry: ArchiveEntry) throws(ImageError) {
        let (owner, group) = try identity(entry)
        try check(fchownat(parent.rawValue, place.name, owner, group, AT_SYMLINK_NOFOLLOW), "fchownat", place)
        if entry.type != S_IFLNK {
            try check(fchmodat(parent.rawValue, place.name, entry.permissions, 0), "fchmodat", place)
        }
        let times = [entry.modified, entry.modified]
        try check(utimensat(parent.rawValue, place.name, times, AT_SYMLINK_NOFOLLOW), "utimensat", place)
    }

    /// Sets everything on an open file or directory; the times of a directory, when it has a path, at the end.
    private mutating func setMetadata(_ file: CInt, _ entry: ArchiveEntry, path: [UInt8]?) throws(ImageError) {
        let (owner, group) = try identity(entry)
        try check(fchown(file, owner, group), "fchown", entry)
        // After chown, which takes away set-user-ID and file capabilities.
        try check(fchmod(file, entry.permissions), "fchmod", entry)
        try entry.forEachAttribute { name, value throws(ImageError) in
            guard isAllowed(name, isFile: path == nil) else { return }
            try attempt("unpack \(subject): \(printable(entry.path))") { () throws(SyscallError) in
                try ExtendedAttributes.set(name, value, of: file)
            }
        }
        if let path {
            directoryTimes.append((path, entry.modified))
        } else {
            try check(futimens(file, [entry.modified, entry.modified]), "futimens", entry)
        }
    }

    /// Attributes of overlayfs would let a layer show what another directory holds; ACLs and labels are the host's.
    private borrowing func isAllowed(_ name: String, isFile: Bool) -> Bool {
        (name == "security.capability" && isFile) || (name.hasPrefix("user.") && !name.hasPrefix("user.overlay."))
    }

    /// Directories get their times when nothing is made in them any more.
    private borrowing func setDirectoryTimes() throws(ImageError) {
        for (path, modified) in directoryTimes.reversed() {
            // A later entry may have replaced the directory.
            guard let directory = try? openDirectory(path) else { continue }
            futimens(directory.rawValue, [modified, modified])
        }
    }

    // MARK: failures

    private mutating func note(_ text: String) {
        if contents.notes.count < 20 { contents.notes.append("\(subject): \(text)") }
    }

    private borrowing func invalid(_ reason: String, _ path: [UInt8]) -> ImageError {
        ImageError(.invalidArchive, "unpack \(subject): \(reason): \(printable(path))")
    }

    /// Errors that the archive causes, by the errors of openat2(2), mkdir(2) and link(2); the rest is the host's.
    private borrowing func refused(_ error: SyscallError, _ path: [UInt8]) -> ImageError {
        switch error.errno.rawValue {
        case ENOENT: invalid("a path through or to something that is not in the layer", path)
        case ENOTDIR: invalid("a path through something that is no directory", path)
        case ELOOP, EXDEV, EMLINK, EPERM, ENAMETOOLONG: invalid("a path that leads nowhere (\(error.errno))", path)
        default: .kernel("unpack \(subject)", error)
        }
    }

    private borrowing func check(_ result: CInt, _ call: @autoclosure () -> String, _ place: Place) throws(ImageError) {
        guard result < 0 else { return }
        let reason = Errno.current
        let name = printable(place.parent + "/".utf8 + place.name.dropLast().map { UInt8(bitPattern: $0) })
        throw .kernel("unpack \(subject)", SyscallError(call: call(), subject: name, errno: reason))
    }

    private borrowing func check(
        _ result: CInt,
        _ call: @autoclosure () -> String,
        _ entry: ArchiveEntry
    ) throws(ImageError) {
        guard result < 0 else { return }
        let reason = Errno.current
        throw .kernel(
            "unpack \(subject)",
            SyscallError(call: call(), subject: printable(entry.path), errno: reason)
        )
    }
}

/// The attribute by which overlayfs knows a directory that hides those below it.
let opaqueAttribute = "trusted.overlay.opaque"
/// What a whiteout's name starts with.
private let whiteoutPrefix = ".wh.".utf8CString.dropLast()
/// The name that makes its directory opaque.
private let opaqueMarker = Array(".wh..wh..opq".utf8CString)
