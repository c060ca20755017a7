import Glibc
import LinuxSystem
import OCISpec

/// The unpacking of a layer whose blob is still on its way.
package final class LayerUnpacking: Sendable {
    private let diffID: ContentDigest
    private let source: OwnedDescriptor
    private let place: String
    private let destination: String
    private let store: StoreFiles
    private let limits: ImportLimits

    /// Unpacks what comes out of `source`, which is taken over, at `place`, and calls it `destination` when it is whole.
    init(
        diffID: ContentDigest,
        source: CInt,
        place: String,
        destination: String,
        store: StoreFiles,
        limits: ImportLimits
    ) {
        self.diffID = diffID
        self.source = OwnedDescriptor(adopting: source)
        self.place = place
        self.destination = destination
        self.store = store
        self.limits = limits
    }

    /// Unpacks until the blob's end, and returns notes about what was left out.
    ///
    /// Blocks: it needs a thread besides the one that feeds it. Throws `digestMismatch` when the content has another
    /// digest than the image's configuration says, and leaves nothing behind then.
    package func run() throws(ImageError) -> [String] {
        do throws(ImageError) {
            try clear()
            let notes = try withUTF8Names { () throws(ImageError) in try unpack() }
            if rename(place, destination) != 0 && access(destination, F_OK) != 0 {
                throw .kernel("unpack \(diffID)", SyscallError(call: "rename", subject: place, errno: .current))
            }
            return notes
        } catch {
            // The first failure is the one to tell; what can't be removed now goes with the next try.
            try? clear()
            throw error
        }
    }

    /// The layer's short name in messages.
    private var subject: String { "layer \(diffID.hexadecimal.prefix(12))" }

    private func unpack() throws(ImageError) -> [String] {
        let purpose = "unpack \(subject)"
        guard mkdir(place, 0o755) == 0, chmod(place, 0o755) == 0 else {
            throw .kernel(purpose, SyscallError(call: "mkdir", subject: place, errno: .current))
        }
        let directory = try attempt(purpose) { () throws(SyscallError) in try OwnedDescriptor.directory(place) }
        let stream = try LayerStream(
            try Archive.reading(source, as: .bytes, subject: subject),
            subject: subject,
            limit: limits.layerBytes,
            isHashed: true
        )
        let archive = try Archive.reading(stream, subject: subject)
        let notes = try LayerUnpacker.unpack(archive, into: directory, subject: subject, limits: limits)
        let digest = try stream.finish()
        guard digest == diffID else {
            throw ImageError(
                .digestMismatch,
                "\(purpose): its content has the digest \(digest) instead of \(diffID); the image is damaged"
            )
        }
        return notes
    }

    private func clear() throws(ImageError) {
        try attempt("unpack \(subject)") { () throws(SyscallError) in
            let name = place.split(separator: "/").last.map(String.init) ?? ""
            let parent = try OwnedDescriptor.directory(String(place.dropLast(name.utf8.count + 1)))
            try parent.removeTree(Array(name.utf8CString))
        }
    }
}
