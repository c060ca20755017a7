import Crypto
import Glibc
import LinuxSystem
import OCISpec

/// Content outside the store, or already in it, whose digest we computed ourselves.
struct Content: Hashable, Sendable {
    var digest: ContentDigest
    var size: Int64
    /// Where its bytes are: in the staging directory, or among the blobs.
    var file: String
}

/// Where an image's parts come from.
protocol ContentSource {
    /// The content of a member of the archive or layout; nil when there is none.
    func content(at path: String) throws(ImageError) -> Content?
}

/// Copies bytes to the directory of an intake and names them by their digest.
final class Stager {
    let intake: ImageIntake
    private let limits: ImportLimits
    private let subject: String
    private var bytes: Int64 = 0

    init(_ intake: ImageIntake, limits: ImportLimits, subject: String) {
        self.intake = intake
        self.limits = limits
        self.subject = subject
    }

    /// Writes what `next` hands out; `next` returns an empty block at the end.
    ///
    /// What a sparse member leaves out is left out here too, and so has another digest than it promises.
    func stage(
        _ name: String,
        _ next: () throws(ImageError) -> UnsafeRawBufferPointer
    ) throws(ImageError) -> Content {
        let path = intake.makePath()
        let purpose = "read \(subject): \(printable(name))"
        let raw = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard raw >= 0 else { throw .kernel(purpose, SyscallError(call: "open", subject: path, errno: .current)) }
        let file = OwnedDescriptor(adopting: raw)
        var hash = SHA256()
        var size: Int64 = 0
        while true {
            let block = try next()
            if block.isEmpty { break }
            size += Int64(block.count)
            bytes += Int64(block.count)
            guard bytes <= limits.archiveBytes else {
                throw ImageError(beyond: "archive-bytes", "read \(subject): more than \(limits.archiveBytes) bytes")
            }
            hash.update(bufferPointer: block)
            var done = 0
            while done < block.count {
                let count = write(file.rawValue, block.baseAddress?.advanced(by: done), block.count - done)
                if count < 0 && errno == EINTR { continue }
                guard count > 0 else {
                    throw .kernel(purpose, SyscallError(call: "write", subject: path, errno: .current))
                }
                done += count
            }
        }
        return Content(digest: ContentDigest(hash.finalize()), size: size, file: path)
    }
}

/// The digest that a member's name promises, when it is a blob of a layout.
private func promisedDigest(_ path: String) -> ContentDigest? {
    path.hasPrefix("blobs/sha256/") ? ContentDigest(hexadecimal: path.dropFirst("blobs/sha256/".count)) : nil
}

/// The store's own copy of a blob that a member's name promises.
private func storedContent(
    _ path: String,
    _ files: StoreFiles,
    _ intake: ImageIntake
) throws(ImageError) -> Content? {
    guard let digest = promisedDigest(path) else { return nil }
    let file = files.blob(digest)
    guard try intake.hold(blobs: [digest]).blobs.contains(digest) else { return nil }
    let metadata = try attempt("look for \(digest)") { () throws(SyscallError) in try FileMetadata.of(file) }
    return metadata.map { Content(digest: digest, size: $0.size, file: file) }
}

private func verified(_ content: Content, at path: String, of subject: String) throws(ImageError) -> Content {
    guard let promised = promisedDigest(path), promised != content.digest else { return content }
    throw ImageError(
        .digestMismatch,
        "read \(subject): \(path) has the digest \(content.digest); the archive is damaged, get it again"
    )
}

/// The members of an archive, taken out in one pass; their names never become paths.
struct ArchiveContents: ContentSource {
    private enum Member {
        case content(Content)
        case link(String)
    }

    private var members: [String: Member] = [:]

    /// Reads the archive to its end.
    init(
        _ file: borrowing OwnedDescriptor,
        _ stager: Stager,
        subject: String,
        files: StoreFiles,
        limits: ImportLimits
    ) throws(ImageError) {
        let archive = try Archive.reading(file, as: .tar, subject: subject)
        var count = 0
        while let entry = try archive.next() {
            count += 1
            guard count <= limits.members else {
                throw ImageError(beyond: "members", "read \(subject): more than \(limits.members) members")
            }
            let bytes = entry.path
            guard bytes.count < 1024 else { throw ImageError(.invalidArchive, "read \(subject): a name is too long") }
            let path = Self.normalised(String(decoding: bytes, as: UTF8.self))
            if let target = entry.hardLink {
                members[path] = .link(Self.normalised(String(decoding: target, as: UTF8.self)))
            } else if entry.type == S_IFLNK {
                let directory = path.split(separator: "/").dropLast().joined(separator: "/")
                let target = String(decoding: entry.symbolicLink, as: UTF8.self)
                members[path] = .link(Self.normalised("\(directory)/\(target)"))
            } else if entry.type == S_IFREG {
                if let stored = try storedContent(path, files, stager.intake) {
                    members[path] = .content(stored)
                    continue
                }
                let content = try stager.stage(path) { () throws(ImageError) in
                    try archive.block()?.bytes ?? .init(start: nil, count: 0)
                }
                members[path] = .content(try verified(content, at: path, of: subject))
            }
        }
        guard count > 0 else { throw ImageError(.invalidArchive, "read \(subject): the archive is empty") }
    }

    func content(at path: String) throws(ImageError) -> Content? {
        var path = Self.normalised(path)
        // Old archives link a layer that occurs twice; a chain of links is no archive of ours.
        for _ in 0..<4 {
            switch members[path] {
            case .content(let content): return content
            case .link(let target): path = target
            case nil: return nil
            }
        }
        return nil
    }

    private static func normalised(_ path: String) -> String {
        var parts: [Substring] = []
        for part in path.split(separator: "/") where part != "." {
            if part == ".." { _ = parts.popLast() } else { parts.append(part) }
        }
        return parts.joined(separator: "/")
    }
}

/// A directory that is an image layout; what is needed of it is copied, and nothing outside it is read.
struct LayoutDirectory: ContentSource {
    private let path: String
    private let files: StoreFiles
    private let stager: Stager

    init(_ path: String, _ stager: Stager, _ files: StoreFiles) {
        self.path = path
        self.files = files
        self.stager = stager
    }

    func content(at member: String) throws(ImageError) -> Content? {
        if let stored = try storedContent(member, files, stager.intake) { return stored }
        guard let file = try openMember(member) else { return nil }
        let metadata = try attempt("read \(path)/\(member)") { () throws(SyscallError) in try file.metadata() }
        guard metadata.kind == .regular else {
            throw ImageError(.invalidArchive, "read \(path)/\(member): not a regular file")
        }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 16)
        defer { buffer.deallocate() }
        let content = try stager.stage(member) { () throws(ImageError) -> UnsafeRawBufferPointer in
            while true {
                let count = read(file.rawValue, buffer.baseAddress, buffer.count)
                if count < 0 && errno == EINTR { continue }
                guard count >= 0 else {
                    throw .kernel("read the image layout", SyscallError(call: "read", subject: member, errno: .current))
                }
                return UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[..<count])
            }
        }
        return try verified(content, at: member, of: path)
    }

    private func openMember(_ member: String) throws(ImageError) -> OwnedDescriptor? {
        do throws(SyscallError) {
            let directory = try OwnedDescriptor.directory(path)
            return try directory.openAt(path: member, O_RDONLY | O_NONBLOCK, [.beneath, .noMagicLinks])
        } catch {
            if error.errno.rawValue == ENOENT && access(path, F_OK) == 0 { return nil }
            throw .kernel("read the image layout \(path)", error)
        }
    }
}
