import CArchive
import Crypto
import Glibc
import LinuxSystem
package import OCISpec

/// How a layer's blob is compressed.
package enum LayerCompression: Hashable, Sendable, CustomStringConvertible {
    /// Not at all: the blob is the layer itself.
    case none
    /// gzip, level 1 to 9.
    case gzip(level: Int)
    /// Zstandard, level 1 to 19.
    case zstd(level: Int)

    /// What layers of builds are written with.
    package static let standard = LayerCompression.zstd(level: 1)

    /// The type of the blob.
    package var mediaType: String {
        switch self {
        case .none: MediaType.layer
        case .gzip: "\(MediaType.layer)+gzip"
        case .zstd: "\(MediaType.layer)+zstd"
        }
    }

    /// The algorithm and its level.
    package var description: String {
        switch self {
        case .none: "none"
        case .gzip(let level): "gzip \(level)"
        case .zstd(let level): "zstd \(level)"
        }
    }
}

/// A layer that has been written.
package struct WrittenLayer: Hashable, Sendable, Codable {
    /// The digest of the layer as a plain archive.
    package var diffID: ContentDigest
    /// The digest of its blob.
    package var digest: ContentDigest
    /// The type of its blob.
    package var mediaType: String
    /// Bytes of its blob.
    package var size: Int64
    /// Bytes of the plain archive.
    package var plainSize: Int64
    /// Files, directories and marks in it.
    package var entries: Int
}

/// Takes the bytes of a plain archive, and writes a blob: hashed before and after compression.
final class LayerSink {
    private let output: BlobOutput
    private var compressor: OpaquePointer?
    private let compression: LayerCompression
    private var plainHash = SHA256()
    private var plainSize: Int64 = 0
    private var pending: [UInt8] = []
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: LayerSink.piece, alignment: 4096)
    /// What went wrong in the compressor.
    private(set) var failure: ImageError?

    private static let piece = 1 << 18

    init(_ file: String, _ compression: LayerCompression) throws(ImageError) {
        let raw = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard raw >= 0 else {
            throw .kernel("write a layer", SyscallError(call: "open", subject: file, errno: .current))
        }
        output = BlobOutput(OwnedDescriptor(adopting: raw), file)
        self.compression = compression
        if compression != .none { try openCompressor() }
    }

    deinit {
        if let compressor { archive_write_free(compressor) }
        buffer.deallocate()
    }

    func append(_ header: TarHeader) throws(SyscallError) {
        header.append(to: &pending)
        if pending.count >= Self.piece { try flush() }
    }

    /// Copies so many bytes of a file; one that has become shorter is filled up.
    func copy(_ file: borrowing OwnedDescriptor, count: Int64) throws(SyscallError) {
        var left = count
        // What is small goes the way of the headers, in one piece with them.
        if count > 0 && count <= 1 << 15 {
            let start = pending.count
            pending += [UInt8](repeating: 0, count: Int(count))
            var done = start
            while done < pending.count {
                let wanted = pending.count - done
                let got = pending.withUnsafeMutableBytes {
                    read(file.rawValue, $0.baseAddress?.advanced(by: done), wanted)
                }
                if got < 0 && errno == EINTR { continue }
                guard got >= 0 else { throw SyscallError(call: "read", subject: "a file", errno: .current) }
                if got == 0 { break }
                done += got
            }
            left = 0
        } else if count > 0 {
            try flush()
        }
        while left > 0 {
            let got = read(file.rawValue, buffer.baseAddress, min(buffer.count, Int(clamping: left)))
            if got < 0 && errno == EINTR { continue }
            guard got >= 0 else { throw SyscallError(call: "read", subject: "a file", errno: .current) }
            var length = got
            if got == 0 {
                length = min(buffer.count, Int(clamping: left))
                buffer.initializeMemory(as: UInt8.self, repeating: 0)
            }
            try write(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[..<length]))
            left -= Int64(length)
        }
        pending += [UInt8](repeating: 0, count: TarHeader.padding(count))
        if pending.count >= Self.piece { try flush() }
    }

    /// Writes the archive's end, and tells what it has become.
    func finish(entries: Int) throws(ImageError) -> WrittenLayer {
        pending += [UInt8](repeating: 0, count: 2 * TarHeader.block)
        do throws(SyscallError) { try flush() } catch { throw failure ?? .kernel("write a layer", error) }
        if let compressor {
            guard archive_write_close(compressor) == ARCHIVE_OK else { throw refused(compressor) }
        }
        let diffID = ContentDigest(plainHash.finalize())
        return WrittenLayer(
            diffID: diffID,
            digest: compressor == nil ? diffID : output.digest(),
            mediaType: compression.mediaType,
            size: output.size,
            plainSize: plainSize,
            entries: entries
        )
    }

    private func flush() throws(SyscallError) {
        guard !pending.isEmpty else { return }
        let bytes = pending
        pending.removeAll(keepingCapacity: true)
        let result = bytes.withUnsafeBytes { bytes in
            Result { () throws(SyscallError) in try write(bytes) }
        }
        try result.get()
    }

    private func write(_ bytes: UnsafeRawBufferPointer) throws(SyscallError) {
        plainHash.update(bufferPointer: bytes)
        plainSize += Int64(bytes.count)
        guard let compressor else { return try output.write(bytes, isHashed: false) }
        guard archive_write_data(compressor, bytes.baseAddress, bytes.count) == bytes.count else {
            let error = refused(compressor)
            failure = error
            throw error.cause ?? SyscallError(call: "compress", subject: "a layer", errno: Errno(rawValue: EIO))
        }
    }

    private func refused(_ compressor: OpaquePointer) -> ImageError {
        if let failure = output.failure { return .kernel("write a layer", failure) }
        let text = archive_error_string(compressor).map { String(cString: $0) } ?? "unknown error"
        return ImageError(.unsupported, "compress a layer with \(compression): \(text)")
    }

    private func openCompressor() throws(ImageError) {
        guard let archive = archive_write_new() else {
            throw ImageError(.tooLarge, "compress a layer: no memory for a compressor")
        }
        compressor = archive
        archive_write_set_bytes_per_block(archive, 0)
        // Nothing is filled up: the blob ends where the compressor says.
        archive_write_set_bytes_in_last_block(archive, 1)
        switch compression {
        case .none: break
        case .gzip(let level):
            archive_write_add_filter_gzip(archive)
            archive_write_set_filter_option(archive, "gzip", "compression-level", "\(level)")
            // The moment would make every blob another one.
            archive_write_set_filter_option(archive, "gzip", "timestamp", nil)
        case .zstd(let level):
            archive_write_add_filter_zstd(archive)
            archive_write_set_filter_option(archive, "zstd", "compression-level", "\(level)")
        }
        archive_write_set_format_raw(archive)
        let opened = archive_write_open(
            archive,
            Unmanaged.passUnretained(output).toOpaque(),
            nil,
            { _, data, bytes, count in
                guard let data else { return -1 }
                let output = Unmanaged<BlobOutput>.fromOpaque(data).takeUnretainedValue()
                do throws(SyscallError) {
                    try output.write(UnsafeRawBufferPointer(start: bytes, count: count), isHashed: true)
                    return la_ssize_t(count)
                } catch {
                    output.failure = error
                    return -1
                }
            },
            nil
        )
        guard opened == ARCHIVE_OK, let entry = archive_entry_new() else { throw refused(archive) }
        defer { archive_entry_free(entry) }
        archive_entry_set_filetype(entry, UInt32(Glibc.S_IFREG))
        guard archive_write_header(archive, entry) == ARCHIVE_OK else { throw refused(archive) }
    }
}

/// A blob's file.
private final class BlobOutput {
    private let file: OwnedDescriptor
    private let path: String
    private var hash = SHA256()
    private(set) var size: Int64 = 0
    var failure: SyscallError?

    init(_ file: consuming OwnedDescriptor, _ path: String) {
        self.file = file
        self.path = path
    }

    func digest() -> ContentDigest { ContentDigest(hash.finalize()) }

    func write(_ bytes: UnsafeRawBufferPointer, isHashed: Bool) throws(SyscallError) {
        if isHashed { hash.update(bufferPointer: bytes) }
        var done = 0
        while done < bytes.count {
            let count = Glibc.write(file.rawValue, bytes.baseAddress?.advanced(by: done), bytes.count - done)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw SyscallError(call: "write", subject: path, errno: .current) }
            done += count
        }
        size += Int64(bytes.count)
    }
}
