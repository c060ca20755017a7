import Glibc
@testable import ImageStore
import LinuxSystem
import OCISpec
import Testing

@Suite("a layer that is written", .enabled(if: getuid() == 0, "needs root"))
struct LayerWriterTests {
    /// A directory in the form of an overlay's upper one, with everything that a layer can hold.
    private func makeChanges(in scratch: Scratch) throws -> String {
        let path = "\(scratch.path)/changes"
        for name in ["", "/dir", "/dir/inner", "/opaque"] { try makeStoreDirectories("\(path)\(name)", mode: 0o755) }
        _ = try scratch.write("changes/file", Array("text".utf8))
        _ = try scratch.write("changes/dir/large", [UInt8](repeating: 7, count: 300_000))
        let long = String(repeating: "long", count: 40)
        _ = try scratch.write("changes/dir/\(long)", [1])
        #expect(link("\(path)/file", "\(path)/dir/same") == 0)
        #expect(symlink("../file", "\(path)/dir/link") == 0)
        #expect(mknod("\(path)/dir/gone", S_IFCHR, 0) == 0)
        #expect(mkfifo("\(path)/pipe", 0o640) == 0)
        #expect(chown("\(path)/file", 3_000_000, 5) == 0 && chmod("\(path)/file", 0o4755) == 0)
        let file = try OwnedDescriptor.reading("\(path)/file")
        try ExtendedAttributes.set("user.colour", "blue", of: file.rawValue)
        try ExtendedAttributes.set("trusted.overlay.origin", "x", of: file.rawValue)
        let opaque = try OwnedDescriptor.directory("\(path)/opaque")
        try ExtendedAttributes.set("trusted.overlay.opaque", "y", of: opaque.rawValue)
        return path
    }

    private func write(_ path: String, _ scratch: Scratch, _ options: LayerWriter.Options) throws -> WrittenLayer {
        unlink("\(scratch.path)/layer")
        return try LayerWriter.write(OwnedDescriptor.directory(path), to: "\(scratch.path)/layer", options)
    }

    @Test(
        "unpacks to what it was written from",
        arguments: [LayerCompression.none, .gzip(level: 6), .zstd(level: 1)]
    )
    func roundTrip(compression: LayerCompression) throws {
        let scratch = try Scratch()
        let path = try makeChanges(in: scratch)
        var options = LayerWriter.Options()
        options.compression = compression
        let written = try write(path, scratch, options)
        let blob = try readBytes("\(scratch.path)/layer")
        #expect(ContentDigest(of: blob) == written.digest && Int64(blob.count) == written.size)
        let file = try OwnedDescriptor.reading("\(scratch.path)/layer")
        let unpacked = try LayerUnpack.begin(
            into: "\(scratch.path)/again",
            reading: file,
            subject: "the layer",
            limits: ImportLimits(),
            program: scratch.store.program
        )
        .finish()
        #expect(unpacked.diffID == written.diffID && unpacked.notes == [])
        let again = "\(scratch.path)/again"
        let same = try #require(try FileMetadata.of("\(again)/file"))
        #expect(same.permissions == 0o4755 && same.owner == 3_000_000 && same.group == 5 && same.links == 2)
        #expect(try FileMetadata.of("\(again)/dir/same")?.inode == same.inode)
        #expect(try FileMetadata.of("\(again)/dir/gone")?.isWhiteout == true)
        #expect(try FileMetadata.of("\(again)/pipe")?.kind == .fifo)
        #expect(try readBytes("\(again)/dir/large") == [UInt8](repeating: 7, count: 300_000))
        let copy = try OwnedDescriptor.reading("\(again)/file")
        let attributes = try ExtendedAttributes.names(of: copy.rawValue)
        #expect(attributes.filter { !$0.hasPrefix("security.selinux") } == ["user.colour"])
        let opaque = try OwnedDescriptor.directory("\(again)/opaque")
        let isOpaque = try ExtendedAttributes.isOpaque(opaque.rawValue)
        #expect(isOpaque)
        // And from there it is written just so.
        var plain = LayerWriter.Options()
        plain.compression = .none
        #expect(try write(again, scratch, plain).digest == written.diffID)
    }

    @Test("has no younger file than it may, and the same bytes each time")
    func reproducible() throws {
        let scratch = try Scratch()
        let path = try makeChanges(in: scratch)
        var options = LayerWriter.Options()
        options.compression = .none
        options.latestTime = 1_000_000_000
        let first = try write(path, scratch, options)
        let bytes = try readBytes("\(scratch.path)/layer")
        // 1000000000 in the octal digits of a header; no other time is in it.
        #expect(bytes.split(separator: UInt8(ascii: "\n"), maxSplits: 1).count > 0)
        let times = stride(from: 0, to: bytes.count - 512, by: 512).filter { start in
            bytes[(start + 257)..<(start + 262)].elementsEqual("ustar".utf8)
        }
        .map { String(decoding: bytes[($0 + 136)..<($0 + 147)], as: UTF8.self) }
        #expect(Set(times).isSubset(of: ["07346545000", "00000000000"]))
        for name in ["file", "dir"] {
            let time = FileMetadata.Timestamp.now
            let directory = try OwnedDescriptor.directory(path)
            time.set(ofEntry: Array(name.utf8CString), in: directory.rawValue)
        }
        #expect(try write(path, scratch, options) == first)
    }

    @Test("a full disk is an error, and leaves no blob")
    func fullDisk() throws {
        let scratch = try Scratch()
        let path = try makeChanges(in: scratch)
        try makeStoreDirectories("\(scratch.path)/small", mode: 0o755)
        let mount = try DetachedMount.filesystem(FilesystemRecipe("tmpfs", [.init("size", "65536")]))
        let place = "/proc/self/fd/\(mount.descriptor.rawValue)"
        var options = LayerWriter.Options()
        options.compression = .none
        let error = #expect(throws: ImageError.self) {
            try LayerWriter.write(OwnedDescriptor.directory(path), to: "\(place)/layer", options)
        }
        #expect(error?.cause?.errno.rawValue == ENOSPC)
        let opened = try OwnedDescriptor.directory(place)
        let left = try DirectoryEntries().next(opened).count
        #expect(left == 0)
    }
}
