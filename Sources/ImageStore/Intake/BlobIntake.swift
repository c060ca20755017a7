import Crypto
import Glibc
import LinuxSystem
package import OCISpec

/// A blob that arrives in pieces, on its way into the store.
///
/// It has one user at a time, who waits for each call and holds the blob's lock until this value goes, hence `Sendable`. Nothing of it is visible in the store before
/// all of its image is. All calls block.
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
    /// Where a copy goes to be unpacked; nil when nobody takes it any more.
    private var feed: OwnedDescriptor?
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

    /// Prepares to unpack the blob as the layer `diffID` while it arrives; what comes from here on is fed to it.
    ///
    /// Nil when the layer is unpacked already.
    package func unpacking(as diffID: ContentDigest, limits: ImportLimits) throws(ImageError) -> LayerUnpacking? {
        guard files.unpacked(diffID) == nil else { return nil }
        var ends: (CInt, CInt) = (-1, -1)
        let made = withUnsafeMutableBytes(of: &ends) { ends in
            socketpair(AF_UNIX, streamType, 0, ends.assumingMemoryBound(to: CInt.self).baseAddress)
        }
        guard made == 0 else { throw Self.refused("socketpair", descriptor) }
        feed = OwnedDescriptor(adopting: ends.0)
        let reading = OwnedDescriptor(adopting: ends.1)
        // Room for the unpacking to stay busy between two writes; what is granted is the host's to say.
        var room = CInt(1 << 20)
        _ = setsockopt(ends.0, SOL_SOCKET, SO_SNDBUF, &room, socklen_t(MemoryLayout.size(ofValue: room)))
        return LayerUnpacking(
            diffID: diffID,
            source: reading.release(),
            place: files.unpacking(descriptor.digest),
            destination: files.layer(diffID),
            store: files.store,
            limits: limits
        )
    }

    /// Reads what is there already: for its digest, and for whoever unpacks it.
    package func replay() throws(ImageError) {
        if let verified = files.blob(descriptor.digest) {
            let source = try attempt("read \(verified)") { () throws(SyscallError) in
                try OwnedDescriptor.reading(verified)
            }
            try read(source, count: descriptor.size, hashes: false)
            return
        }
        try read(file, count: left, hashes: true)
        received = left
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
    }

    /// Ends what was fed to the unpacking; all of the content has been, or no more comes.
    package func endFeed() { feed = nil }

    /// Checks size and digest, and keeps the blob for the commit.
    ///
    /// Throws `digestMismatch`, and then nothing of it is left.
    package func finish() throws(ImageError) {
        endFeed()
        guard !isVerified else {
            isDone = true
            unlink(files.partial(descriptor.digest))
            return
        }
        let digest = ContentDigest(hash.finalize())
        guard received == descriptor.size, digest == descriptor.digest else {
            let reason = "\(received) bytes with the digest \(digest), where \(descriptor.size) bytes were promised"
            discard()
            throw ImageError(.digestMismatch, "\(descriptor.digest) came as \(reason); nothing of it was kept")
        }
        guard rename(files.partial(descriptor.digest), files.verified(descriptor.digest)) == 0 else {
            throw Self.refused("rename", descriptor)
        }
        isDone = true
    }

    /// Throws away the blob although it is what it should be: it can't be unpacked.
    package func discardVerified() {
        let path = files.verified(descriptor.digest)
        unlink(path)
    }

    /// Throws away what has come.
    package func discard() {
        endFeed()
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
            if !hashes && feed == nil { return }
        }
    }

    /// Whoever unpacks and has heard enough, or failed, closes its end; it tells its own story.
    private func pass(on bytes: UnsafeRawBufferPointer) {
        guard let raw = feed?.rawValue else { return }
        var done = 0
        while done < bytes.count {
            let flags = CInt(MSG_NOSIGNAL)
            let count = send(raw, bytes.baseAddress?.advanced(by: done), bytes.count - done, flags)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else {
                feed = nil
                return
            }
            done += count
        }
    }

    private static func refused(_ call: String, _ descriptor: Descriptor) -> ImageError {
        .kernel("take in \(descriptor.digest)", SyscallError(call: call, subject: "", errno: .current))
    }
}

private let streamType = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
