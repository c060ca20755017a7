import Crypto
import Glibc
import LinuxSystem
import Synchronization

/// Digests of files, remembered as long as the files stay the same: touched and unchanged files are read once more, and
/// unchanged ones not at all.
///
/// A file is the same when its place, size and both times are. One that was changed in the moment of its reading may be
/// changed again within the same tick of the clock, so it is not remembered. On disk it is a list of records of a fixed size.
final class FileDigests: Sendable {
    private struct Key: Hashable {
        var device: UInt64
        var inode: UInt64
    }

    private struct Known {
        var size: Int64
        var modified: FileMetadata.Timestamp
        var changed: FileMetadata.Timestamp
        var digest: [UInt8]
    }

    private struct State {
        var known: [Key: Known] = [:]
        var isLoaded = false
        var isChanged = false
    }

    private let path: String
    private let state = Mutex(State())
    private static let recordSize = 88
    private static let magic = Array("roost-digests-1\n".utf8)
    /// Some hundred megabytes of contexts' files, of usual sizes.
    private static let limit = 200_000

    /// The digests in a file, which is read when the first is asked for.
    init(path: String) { self.path = path }

    /// The digest of a file's content; `file` opens it.
    func digest(
        of metadata: FileMetadata,
        _ file: () throws -> OwnedDescriptor
    ) throws -> [UInt8] {
        let key = Key(device: metadata.device, inode: metadata.inode)
        let known = state.withLock { state -> Known? in
            load(&state)
            return state.known[key]
        }
        if let known, known.size == metadata.size, known.modified == metadata.modified,
            known.changed == metadata.changed
        {
            return known.digest
        }
        let opened = try file()
        let before = try opened.metadata()
        let digest = try Self.hash(opened)
        let after = try opened.metadata()
        if before.changed == after.changed, before.size == after.size, !Self.isFresh(after.changed) {
            let entry = Known(size: after.size, modified: after.modified, changed: after.changed, digest: digest)
            state.withLock { state in
                if state.known.count >= Self.limit { state.known = [:] }
                state.known[Key(device: after.device, inode: after.inode)] = entry
                state.isChanged = true
            }
        }
        return digest
    }

    /// Whether a time is so near that a change could follow which has the same one.
    private static func isFresh(_ time: FileMetadata.Timestamp) -> Bool {
        // The coarsest clock of a filesystem that is in use has seconds.
        FileMetadata.Timestamp.now.seconds - time.seconds < 2
    }

    /// The digest of what a file has from where it stands: SHA-256.
    static func hash(_ file: borrowing OwnedDescriptor) throws(SyscallError) -> [UInt8] {
        var hash = SHA256()
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 17, alignment: 4096)
        defer { buffer.deallocate() }
        while true {
            let count = read(file.rawValue, buffer.baseAddress, buffer.count)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw SyscallError(call: "read", subject: "a file", errno: .current) }
            if count == 0 { return Array(hash.finalize()) }
            hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
    }

    // MARK: on disk

    /// Writes what is new; a file that can't be written spares nothing and harms nothing.
    func save() {
        let bytes = state.withLock { state -> [UInt8]? in
            guard state.isChanged else { return nil }
            state.isChanged = false
            var bytes = Self.magic
            bytes.reserveCapacity(bytes.count + state.known.count * Self.recordSize)
            for (key, known) in state.known {
                for number in [
                    key.device, key.inode, UInt64(bitPattern: known.size), UInt64(bitPattern: known.modified.seconds),
                    UInt64(bitPattern: known.changed.seconds),
                    UInt64(known.modified.nanoseconds) << 32 | UInt64(known.changed.nanoseconds),
                ] {
                    withUnsafeBytes(of: number.littleEndian) { bytes += $0 }
                }
                bytes += known.digest
                // What a loss of power cuts short or fills with zeros has another sum.
                let sum = bytes.suffix(80).reduce(UInt64(1)) { ($0 &* 31) &+ UInt64($1) }
                withUnsafeBytes(of: sum.littleEndian) { bytes += $0 }
            }
            return bytes
        }
        if let bytes { try? replaceFile(path, bytes) }
    }

    private func load(_ state: inout State) {
        guard !state.isLoaded else { return }
        state.isLoaded = true
        guard let bytes = try? readBytes(path, limit: Self.limit * Self.recordSize + 64), bytes.starts(with: Self.magic)
        else { return }
        bytes.withUnsafeBytes { bytes in
            var place = Self.magic.count
            while place + Self.recordSize <= bytes.count {
                func number(_ index: Int) -> UInt64 {
                    UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: place + 8 * index, as: UInt64.self))
                }
                let sum = bytes[place..<(place + 80)].reduce(UInt64(1)) { ($0 &* 31) &+ UInt64($1) }
                if sum == number(10) {
                    let times = number(5)
                    state.known[Key(device: number(0), inode: number(1))] = Known(
                        size: Int64(bitPattern: number(2)),
                        modified: .init(seconds: Int64(bitPattern: number(3)), nanoseconds: Int64(times >> 32)),
                        changed: .init(seconds: Int64(bitPattern: number(4)), nanoseconds: Int64(times & 0xFFFF_FFFF)),
                        digest: Array(bytes[(place + 48)..<(place + 80)])
                    )
                }
                place += Self.recordSize
            }
        }
    }
}
