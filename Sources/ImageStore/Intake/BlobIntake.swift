import Crypto
import Glibc
import LinuxSystem
package import OCISpec

/// A blob that arrives in pieces, on its way into the store.
///
/// It has one user at a time, who waits for each call, hence `Sendable`; it holds the blob's lock until it goes. Nothing of
/// it is visible in the store before all of its image is. All calls block.
package final class BlobIntake: @unchecked Sendable {
    /// What the blob has to be.
    package let descriptor: Descriptor
    /// How many bytes are there; those of an earlier try count only once `replay` has read them.
    package private(set) var received: Int64 = 0
    /// How many bytes an earlier try left behind.
    package let left: Int64
    private let files: IntakeFiles
    private let file: OwnedDescriptor
    private var hash = SHA256()
    /// What unpacks the bytes; nil when nothing takes them any more.
    private var unpacking: (diffID: ContentDigest, layer: LayerUnpack)?
    /// Why it gave up; the blob's own digest may tell more about that.
    private var failure: ImageError?
    private var isDone = false

    private init(_ descriptor: Descriptor, _ files: IntakeFiles, _ file: consuming OwnedDescriptor, left: Int64) {
        self.descriptor = descriptor
        self.files = files
        self.file = file
        self.left = left
    }

    deinit {
        // An empty file is nobody's progress. It is still locked, so nobody writes to it.
        if !isDone && received == 0 && left == 0 { unlink(files.partial(descriptor.digest)) }
    }

    /// Begins, or goes on where an earlier try stopped; nil while somebody else is at it.
    static func begin(_ descriptor: Descriptor, _ files: IntakeFiles) throws(ImageError) -> BlobIntake? {
        guard let file = try files.lock(descriptor.digest) else { return nil }
        let metadata = try attempt("take in \(descriptor.digest)") { () throws(SyscallError) in try file.metadata() }
        var left = metadata.size
        if left > descriptor.size {
            guard ftruncate(file.rawValue, 0) == 0 else { throw refused("ftruncate", descriptor) }
            left = 0
        }
        return BlobIntake(descriptor, files, file, left: left)
    }

    /// Whether the blob itself is there already, and only its layer has to be unpacked.
    package var isVerified: Bool { files.blob(descriptor.digest) != nil }

    /// Has the blob unpacked as the layer `diffID` while it arrives, unless that is unpacked already.
    ///
    /// What comes from here on goes to a process of its own, whose result `intake` does not have yet.
    package func unpack(as diffID: ContentDigest, with intake: ImageIntake) throws(ImageError) {
        guard files.unpacked(diffID) == nil else { return }
        unpacking = (diffID, try intake.beginLayer("layer \(diffID.hexadecimal.prefix(12))"))
    }

    /// Reads what is there already: for its digest, and for whoever unpacks it.
    package func replay() throws(ImageError) {
        if files.blob(descriptor.digest) != nil {
            try read(try openVerified(), count: descriptor.size, hashes: false)
            return
        }
        try read(file, count: left, hashes: true)
        received = left
    }

    /// Opens the blob where it is, or where another command has just moved it.
    private func openVerified() throws(ImageError) -> OwnedDescriptor {
        for path in [files.verified(descriptor.digest), files.store.blob(descriptor.digest)] where fileExists(path) {
            // It has gone to the next place.
            if let file = try? OwnedDescriptor.reading(path) { return file }
        }
        throw ImageError(.damagedStore, "\(descriptor.digest) vanished while it was unpacked; get the image again")
    }

    /// Takes the next bytes.
    ///
    /// Throws `digestMismatch` when there are more of them than the blob has.
    package func append(_ bytes: UnsafeRawBufferPointer) throws(ImageError) {
        guard Int64(bytes.count) <= descriptor.size - received else {
            throw ImageError(
                .digestMismatch,
                "\(descriptor.digest) has more than the \(descriptor.size) bytes that its image says"
            )
        }
        var done = 0
        while done < bytes.count {
            let place = off_t(received) + off_t(done)
            let count = pwrite(file.rawValue, bytes.baseAddress?.advanced(by: done), bytes.count - done, place)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else {
                let error = Self.refused("write", descriptor)
                // On a full disk what has come is of no use to anybody, and its room is.
                if error.cause?.errno.rawValue == ENOSPC { discard() }
                throw error
            }
            done += count
        }
        hash.update(bufferPointer: bytes)
        received += Int64(bytes.count)
        pass(on: bytes)
        // Whatever is still to come makes a bomb no smaller, and a full disk no emptier.
        if let failure, failure.code == .tooLarge || failure.code == .kernel {
            discard()
            throw failure
        }
    }

    /// Gives up unpacking.
    package func endUnpacking() {
        unpacking?.layer.cancel()
        unpacking = nil
    }

    /// Checks size and digest of what has come.
    ///
    /// Throws `digestMismatch`, and then nothing of it is left.
    package func finish() throws(ImageError) {
        guard !isVerified else { return }
        let digest = ContentDigest(hash.finalize())
        guard received == descriptor.size, digest == descriptor.digest else {
            let reason = "\(received) bytes with the digest \(digest), where \(descriptor.size) bytes were promised"
            discard()
            throw ImageError(.digestMismatch, "\(descriptor.digest) came as \(reason); nothing of it was kept")
        }
    }

    /// Waits until the layer is unpacked, keeps it and the blob for the commit, and returns notes about what was left out.
    ///
    /// Comes after `finish`. Throws `invalidArchive`, `tooLarge`, `digestMismatch` for a layer that is not what the image
    /// says; then nothing of it is left.
    package func finishUnpacking() throws(ImageError) -> [String] {
        do throws(ImageError) {
            if let failure { throw failure }
            let notes = try keepLayer()
            try keepBlob()
            return notes
        } catch {
            unlink(files.verified(descriptor.digest))
            discard()
            throw error
        }
    }

    private func keepLayer() throws(ImageError) -> [String] {
        guard let (diffID, layer) = unpacking else { return [] }
        unpacking = nil
        let unpacked = try layer.finish()
        guard unpacked.diffID == diffID else {
            throw ImageError(
                .digestMismatch,
                "unpack layer \(diffID.hexadecimal.prefix(12)): its content has the digest "
                    + "\(unpacked.diffID?.rawValue ?? "of nothing") instead of \(diffID); the image is damaged"
            )
        }
        let place = files.layer(diffID)
        if rename(unpacked.directory, place) != 0 && !fileExists(place) {
            throw .kernel("unpack \(diffID)", SyscallError(call: "rename", subject: place, errno: .current))
        }
        return unpacked.notes
    }

    /// Gives the blob its name, last of all: with the old one goes the lock, and whoever comes then must find the layer.
    private func keepBlob() throws(ImageError) {
        if isVerified {
            unlink(files.partial(descriptor.digest))
        } else if rename(files.partial(descriptor.digest), files.verified(descriptor.digest)) != 0 {
            throw Self.refused("rename", descriptor)
        }
        isDone = true
    }

    /// Throws away what has come.
    package func discard() {
        endUnpacking()
        isDone = true
        // Emptied too: somebody may have opened it and wait for the lock.
        _ = ftruncate(file.rawValue, 0)
        unlink(files.partial(descriptor.digest))
    }

    private func read(_ source: borrowing OwnedDescriptor, count: Int64, hashes: Bool) throws(ImageError) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 16)
        defer { buffer.deallocate() }
        var offset: Int64 = 0
        while offset < count {
            let wanted = min(buffer.count, Int(count - offset))
            let got = pread(source.rawValue, buffer.baseAddress, wanted, off_t(offset))
            if got < 0 && errno == EINTR { continue }
            guard got > 0 else { throw Self.refused("read", descriptor) }
            let block = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[..<got])
            if hashes { hash.update(bufferPointer: block) }
            offset += Int64(got)
            pass(on: block)
            if !hashes && unpacking == nil { return }
        }
    }

    private func pass(on bytes: UnsafeRawBufferPointer) {
        guard let layer = unpacking?.layer else { return }
        do throws(ImageError) { try layer.write(bytes) } catch {
            failure = error
            endUnpacking()
        }
    }

    private static func refused(_ call: String, _ descriptor: Descriptor) -> ImageError {
        .kernel("take in \(descriptor.digest)", SyscallError(call: call, subject: "", errno: .current))
    }
}
