import FoundationEssentials
import Glibc
import ImageStore
import LinuxSystem
package import OCISpec
import Synchronization

/// Fetches files over HTTP for builds; the seam to the network.
package protocol FileFetcher: Sendable {
    /// Fetches a file to `path`, where nothing is yet.
    ///
    /// Nil when it is still what the request knows. After a failure nothing lies at `path`. Blocks.
    func fetch(_ request: FetchRequest, to path: String) throws -> FetchedFile?
}

/// A file that a build wants from a server.
package struct FetchRequest: Sendable {
    package var address: String
    /// The entity tag of what is here already.
    package var known: String?
    /// No file may have more bytes.
    package var limit: Int64
    /// What `Authorization` says to the address's own server; nil for nobody in particular.
    package var authorization: String?
    /// The caller's variables, of which those about proxies and certificates count.
    package var environment: [String: String]
    /// Hears how many bytes have come, and of how many when the server says so.
    package var progress: @Sendable (_ done: Int64, _ total: Int64?) -> Void
}

/// A file as a server sent it.
package struct FetchedFile: Hashable, Sendable {
    package var digest: ContentDigest
    /// What the server calls this version of it.
    package var entityTag: String?
    /// When the server's file was changed, in seconds since the epoch; nil when it does not say.
    package var modified: Int?

    /// A file with this content.
    package init(digest: ContentDigest, entityTag: String?, modified: Int?) {
        self.digest = digest
        self.entityTag = entityTag
        self.modified = modified
    }
}

/// Which file a build takes from an address, and as whom.
struct FileWish: Sendable {
    var address: String
    /// The content that it has to have.
    var checksum: ContentDigest?
    var settings: BuildSettings
    /// Hears how many bytes have come, and of how many when the server says so.
    var progress: @Sendable (_ done: Int64, _ total: Int64?) -> Void = { _, _ in }
}

/// A file that ADD takes from an address, where it lies on this host.
struct DownloadedFile: Hashable, Sendable {
    var digest: ContentDigest
    /// Nobody changes it.
    var path: String
    /// In seconds since the epoch.
    var modified: Int?
}

/// Files that builds have fetched, in the store beside the results of steps: by their content, and what is known of addresses.
///
/// `downloads/<digest>.<boot>` is a file; after a loss of power it may not be whole, so another boot does not know it.
/// `downloads/<digest of the address>.json` tells what the address had last. Both are made elsewhere and renamed.
final class DownloadedFiles: Sendable {
    private struct Record: Codable {
        var version = 1
        var address: String
        var digest: ContentDigest
        var entityTag: String?
        var modified: Int?
    }

    private let directory: String
    private let boot: String
    private let place: WorkPlace
    private let fetcher: any FileFetcher
    private let limit: Int64
    /// What this process has asked for already: one build sees one version of a file.
    private let known = Mutex<[String: DownloadedFile]>([:])

    init(_ snapshots: BuildSnapshots, _ place: WorkPlace, _ fetcher: any FileFetcher, limit: Int64) {
        directory = snapshots.downloadsDirectory
        boot = snapshots.boot
        self.place = place
        self.fetcher = fetcher
        self.limit = limit
    }

    /// The file at an address, fetched unless it is here; nobody is asked when a file here has the wanted checksum.
    ///
    /// The caller sees to it that nobody else asks for the same address meanwhile. Blocks. Throws `BuildError`.
    func file(_ wish: FileWish) throws -> DownloadedFile {
        let (address, checksum) = (wish.address, wish.checksum)
        if let file = known.withLock({ $0[address] }) { return try checked(file, address, checksum) }
        let record = record(of: address)
        if let checksum, access(path(checksum), R_OK) == 0 {
            let modified = record?.digest == checksum ? record?.modified : nil
            return touched(DownloadedFile(digest: checksum, path: path(checksum), modified: modified))
        }
        let usable = record.flatMap { access(path($0.digest), R_OK) == 0 ? $0 : nil }
        let new = try place.makePath("download")
        let fetched: FetchedFile?
        do {
            let request = FetchRequest(
                address: address,
                known: usable?.entityTag,
                limit: limit,
                authorization: try RemoteCredentials(settings: wish.settings).authorization(forFile: address),
                environment: wish.settings.environment,
                progress: wish.progress
            )
            fetched = try fetcher.fetch(request, to: new)
        } catch let error as BuildError { throw error } catch { throw BuildError(.notFound, "\(error)") }
        let file: DownloadedFile
        if let fetched {
            if let checksum, checksum != fetched.digest {
                unlink(new)
                throw wrong(address, fetched.digest, checksum)
            }
            file = try keep(fetched, address, new)
        } else if let usable {
            file = DownloadedFile(digest: usable.digest, path: path(usable.digest), modified: usable.modified)
        } else {
            throw BuildError(.system, "\(address): the server says that it is what it was, and it was never here")
        }
        known.withLock { $0[address] = file }
        return touched(try checked(file, address, checksum))
    }

    private func keep(_ fetched: FetchedFile, _ address: String, _ new: String) throws -> DownloadedFile {
        try makeDirectories(directory)
        let place = path(fetched.digest)
        guard rename(new, place) == 0 else {
            throw SyscallError(call: "rename", subject: place, errno: .current)
        }
        let record = Record(
            address: address,
            digest: fetched.digest,
            entityTag: fetched.entityTag,
            modified: fetched.modified
        )
        try replaceFile(recordPath(address), Array(try JSONEncoder().encode(record)))
        return DownloadedFile(digest: fetched.digest, path: place, modified: fetched.modified)
    }

    private func checked(
        _ file: DownloadedFile,
        _ address: String,
        _ checksum: ContentDigest?
    ) throws(BuildError) -> DownloadedFile {
        if let checksum, checksum != file.digest { throw wrong(address, file.digest, checksum) }
        return file
    }

    /// Notes that a file was used now, for those who look for what nobody uses.
    private func touched(_ file: DownloadedFile) -> DownloadedFile {
        _ = utimensat(AT_FDCWD, file.path, nil, 0)
        return file
    }

    private func wrong(_ address: String, _ found: ContentDigest, _ wanted: ContentDigest) -> BuildError {
        BuildError(.wrongContent, "\(address) has the digest \(found), not \(wanted)")
    }

    private func record(of address: String) -> Record? {
        // What can't be read is fetched anew.
        guard let bytes = try? readBytes(recordPath(address)),
            let record = try? JSONDecoder().decode(Record.self, from: Data(bytes)),
            record.version == 1, record.address == address
        else { return nil }
        return record
    }

    private func path(_ digest: ContentDigest) -> String { "\(directory)/\(digest.hexadecimal).\(boot)" }

    private func recordPath(_ address: String) -> String {
        var text = CanonicalText()
        text.add("address", address)
        return "\(directory)/\(text.digest).json"
    }
}
