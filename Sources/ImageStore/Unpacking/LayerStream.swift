import Crypto
import Glibc
import LinuxSystem
import OCISpec

/// A layer without its compression: a thread of its own takes that off, ahead of whoever reads.
final class LayerStream: ByteSource {
    private let ring: BlockRing
    private var hash: SHA256?
    private(set) var count: Int64 = 0

    /// Begins to read `input`, a plain or compressed archive, and goes on as fast as blocks are taken.
    ///
    /// `watch` is a descriptor whose far end says, by being closed, that nobody waits for the result any more. Both must
    /// outlive the process's interest in the stream.
    init(
        _ input: CInt,
        subject: String,
        limits: ImportLimits,
        isHashed: Bool,
        watch: CInt,
        locale: locale_t?
    ) throws(ImageError) {
        ring = BlockRing()
        hash = isHashed ? SHA256() : nil
        let decompression = Decompression(input, ring, subject, limits, watch, locale)
        do { try OwnThread.start { decompression.run() } } catch { throw .kernel("unpack \(subject)", error) }
    }

    func next() throws(ImageError) -> UnsafeRawBufferPointer {
        let block = try ring.next()
        count += Int64(block.count)
        hash?.update(bufferPointer: block)
        return block
    }

    /// Reads what follows the last entry, and returns the digest of everything.
    func finish() throws(ImageError) -> ContentDigest? {
        while try !next().isEmpty {}
        return hash.map { ContentDigest($0.finalize()) }
    }
}

/// The thread that takes the compression off.
private final class Decompression: @unchecked Sendable {
    // All of it belongs to the thread from its start on; the ring has a lock of its own.
    private let input: CInt
    private let ring: BlockRing
    private let subject: String
    private let limits: ImportLimits
    private let watch: CInt
    private let locale: locale_t?
    private var count: Int64 = 0

    init(
        _ input: CInt,
        _ ring: BlockRing,
        _ subject: String,
        _ limits: ImportLimits,
        _ watch: CInt,
        _ locale: locale_t?
    ) {
        (self.input, self.ring, self.subject) = (input, ring, subject)
        (self.limits, self.watch, self.locale) = (limits, watch, locale)
    }

    func run() {
        if let locale { uselocale(locale) }
        do throws(ImageError) {
            try copy()
            ring.end(nil)
        } catch {
            ring.end(error)
        }
    }

    private func copy() throws(ImageError) {
        let archive = try Archive.reading(descriptor: input, as: .bytes, subject: subject)
        guard try archive.next() != nil else { return }
        var block = UnsafeRawBufferPointer(start: nil, count: 0)
        var isAtEnd = false
        while try ring.put({ (buffer) throws(ImageError) in
            var filled = 0
            while filled < buffer.count && !isAtEnd {
                if block.isEmpty {
                    guard let next = try archive.block()?.bytes else {
                        isAtEnd = true
                        break
                    }
                    block = next
                }
                let part = min(block.count, buffer.count - filled)
                UnsafeMutableRawBufferPointer(rebasing: buffer[filled..<filled + part])
                    .copyMemory(from: UnsafeRawBufferPointer(rebasing: block[..<part]))
                block = UnsafeRawBufferPointer(rebasing: block[part...])
                filled += part
            }
            count += Int64(filled)
            try check(archive)
            return filled
        }) {}
    }

    private func check(_ archive: Archive) throws(ImageError) {
        guard count <= limits.layerBytes else {
            throw ImageError(beyond: "layer-bytes", "unpack \(subject): more than \(limits.layerBytes) bytes")
        }
        // A small layer of zeros is no attack.
        if count > limits.ratioFloor, count / limits.ratio > archive.bytesTaken {
            throw ImageError(
                .tooLarge,
                "unpack \(subject): more than \(limits.ratio) times as large as it came; "
                    + "allow that with \(ImportLimits.variable)=ratio=2000"
            )
        }
        // POLLERR: who started us has ended, and takes no report.
        var polled = pollfd(fd: watch, events: 0, revents: 0)
        if poll(&polled, 1, 0) > 0 { _exit(1) }
    }
}
