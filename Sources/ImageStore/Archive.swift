import CArchive
import Glibc
import LinuxSystem

/// libarchive's reader: over a descriptor, or over what another reader decompresses.
///
/// What it reads is hostile. It never touches the disk itself: we only take headers and blocks from it.
final class Archive {
    /// What is read.
    enum Form {
        /// A tar archive, which may be compressed.
        case tar
        /// The bytes that are left when the compression is taken off.
        case bytes
    }

    private let handle: OpaquePointer
    private let subject: String
    /// What libarchive reads from, when that is no file.
    private var box: SourceBox?

    private init(_ form: Form, filters: Bool, subject: String) throws(ImageError) {
        guard let handle = archive_read_new() else {
            throw ImageError(.tooLarge, "read \(subject): no memory for a reader")
        }
        self.handle = handle
        self.subject = subject
        switch form {
        case .tar:
            archive_read_support_format_tar(handle)
            archive_read_support_format_empty(handle)
        case .bytes:
            archive_read_support_format_raw(handle)
            archive_read_support_format_empty(handle)
        }
        if filters {
            archive_read_support_filter_gzip(handle)
            archive_read_support_filter_zstd(handle)
            archive_read_support_filter_bzip2(handle)
            archive_read_support_filter_xz(handle)
        }
    }

    deinit { archive_read_free(handle) }

    /// A reader of a file from its current position; the descriptor stays the caller's and must outlive the reader.
    static func reading(
        _ file: borrowing OwnedDescriptor,
        as form: Form,
        subject: String
    ) throws(ImageError) -> Archive {
        try reading(descriptor: file.rawValue, as: form, subject: subject)
    }

    /// The same for a descriptor that somebody else looks after.
    static func reading(descriptor: CInt, as form: Form, subject: String) throws(ImageError) -> Archive {
        let archive = try Archive(form, filters: true, subject: subject)
        try archive.check(archive_read_open_fd(archive.handle, descriptor, 1 << 18))
        return archive
    }

    /// A reader of a plain tar archive out of a source of bytes.
    static func reading(_ source: any ByteSource, subject: String) throws(ImageError) -> Archive {
        let archive = try Archive(.tar, filters: false, subject: subject)
        let box = SourceBox(source)
        // libarchive's reference; given back by the close callback.
        archive_read_set_callback_data(archive.handle, Unmanaged.passRetained(box).toOpaque())
        archive_read_set_read_callback(archive.handle) { _, data, buffer in
            guard let data, let buffer else { return -1 }
            let box = Unmanaged<SourceBox>.fromOpaque(data).takeUnretainedValue()
            do throws(ImageError) {
                let block = try box.source.next()
                buffer.pointee = block.baseAddress.map { UnsafeRawPointer($0) }
                return la_ssize_t(block.count)
            } catch {
                box.failure = error
                return -1
            }
        }
        archive_read_set_close_callback(archive.handle) { _, data in
            if let data { Unmanaged<SourceBox>.fromOpaque(data).release() }
            return ARCHIVE_OK
        }
        archive.box = box
        try archive.check(archive_read_open1(archive.handle))
        return archive
    }

    /// How many bytes of the compressed archive were taken so far.
    var bytesTaken: Int64 { archive_filter_bytes(handle, -1) }

    /// The next entry; nil at the end.
    func next() throws(ImageError) -> ArchiveEntry? {
        var entry: OpaquePointer?
        let result = archive_read_next_header(handle, &entry)
        if result == ARCHIVE_EOF { return nil }
        // A warning is about text that has no form in the locale; names are taken as bytes here.
        if result != ARCHIVE_WARN { try check(result) }
        return entry.map(ArchiveEntry.init)
    }

    /// The next block of the entry's content with its place in the file; nil at the end.
    ///
    /// The memory is valid until the next call.
    func block() throws(ImageError) -> (bytes: UnsafeRawBufferPointer, offset: Int64)? {
        var bytes: UnsafeRawPointer?
        var count = 0
        var offset: Int64 = 0
        let result = archive_read_data_block(handle, &bytes, &count, &offset)
        if result == ARCHIVE_EOF { return nil }
        try check(result)
        return (UnsafeRawBufferPointer(start: bytes, count: count), offset)
    }

    private func check(_ result: CInt) throws(ImageError) {
        guard result != ARCHIVE_OK else { return }
        if let failure = box?.failure { throw failure }
        let text = archive_error_string(handle).map { String(cString: $0) } ?? "unknown error"
        // libarchive has no number for this, only the words of libzstd, whose bound of 128 MiB it leaves as it is.
        if text.contains("requires too much memory") {
            throw ImageError(
                .tooLarge,
                "read \(subject): its zstd window is larger than 128 MiB, and unpacking would take as much memory; "
                    + "compress it again without --long or --ultra"
            )
        }
        if archive_errno(handle) == ENOMEM {
            throw ImageError(
                .tooLarge,
                "read \(subject): unpacking would take more memory than it may; compress it again with a smaller dictionary"
            )
        }
        throw ImageError(
            .invalidArchive,
            "read \(subject): \(printable(text).lowercasedFirst); it may be truncated, or no tar archive"
        )
    }
}

/// Bytes in blocks.
protocol ByteSource: AnyObject {
    /// The next block, empty at the end; valid until the next call.
    func next() throws(ImageError) -> UnsafeRawBufferPointer
}

private final class SourceBox {
    let source: any ByteSource
    var failure: ImageError?

    init(_ source: any ByteSource) { self.source = source }
}

/// A header in an archive, valid until the next one is read.
struct ArchiveEntry {
    private let handle: OpaquePointer

    fileprivate init(_ handle: OpaquePointer) { self.handle = handle }

    /// The name as bytes; empty when it has none.
    var path: [UInt8] { Self.bytes(archive_entry_pathname(handle) ?? archive_entry_pathname_utf8(handle)) }
    /// What a hard link links to; nil when the entry is no hard link.
    var hardLink: [UInt8]? {
        (archive_entry_hardlink(handle) ?? archive_entry_hardlink_utf8(handle)).map(Self.bytes)
    }
    /// What a symbolic link says.
    var symbolicLink: [UInt8] { Self.bytes(archive_entry_symlink(handle) ?? archive_entry_symlink_utf8(handle)) }
    /// `S_IFMT` bits.
    var type: mode_t { archive_entry_filetype(handle) }
    /// The twelve permission bits.
    var permissions: mode_t { archive_entry_perm(handle) & 0o7777 }
    /// The number of a device node: makedev(3).
    var device: dev_t { archive_entry_rdev(handle) }
    var owner: Int64 { archive_entry_uid(handle) }
    var group: Int64 { archive_entry_gid(handle) }
    var size: Int64 { archive_entry_size(handle) }
    var modified: timespec {
        timespec(tv_sec: archive_entry_mtime(handle), tv_nsec: Int(archive_entry_mtime_nsec(handle)))
    }

    /// Hands each extended attribute to `body`.
    func forEachAttribute(
        _ body: (String, UnsafeRawBufferPointer) throws(ImageError) -> Void
    ) throws(ImageError) {
        guard archive_entry_xattr_reset(handle) > 0 else { return }
        var name: UnsafePointer<CChar>?
        var value: UnsafeRawPointer?
        var count = 0
        while archive_entry_xattr_next(handle, &name, &value, &count) == ARCHIVE_OK {
            if let name { try body(String(cString: name), UnsafeRawBufferPointer(start: value, count: count)) }
        }
    }

    private static func bytes(_ text: UnsafePointer<CChar>?) -> [UInt8] {
        guard let text else { return [] }
        return Array(UnsafeRawBufferPointer(start: text, count: strlen(text)))
    }
}

/// A locale in which names are UTF-8, whatever the environment says; nil where there is none.
///
/// It is the caller's: freelocale(3).
func makeUTF8Locale() -> locale_t? { newlocale(CInt(LC_CTYPE_MASK), "C.UTF-8", nil) }

/// Runs `body` with names as UTF-8 whatever the environment says; libarchive looks at the thread's locale.
func withUTF8Names<R>(_ body: () throws(ImageError) -> R) throws(ImageError) -> R {
    guard let locale = makeUTF8Locale() else { return try body() }
    let before = uselocale(locale)
    defer {
        uselocale(before)
        freelocale(locale)
    }
    return try body()
}

private let LC_CTYPE_MASK = 1 << LC_CTYPE

/// Text from an archive that is fit for a terminal: control characters are replaced, and it is cut after 200 of them.
func printable(_ text: String) -> String { printable(text, length: 200) }

/// The same, cut after another length.
func printable(_ text: String, length: Int) -> String {
    String(
        text.unicodeScalars.prefix(length).map {
            $0.value < 0x20 || (0x7f..<0xa0).contains($0.value) ? "?" : Character($0)
        }
    )
}

/// The same for bytes.
func printable(_ bytes: some Sequence<UInt8>) -> String { printable(String(decoding: Array(bytes), as: UTF8.self)) }

extension FileMetadata.Timestamp {
    /// The form of futimens(3).
    var specification: timespec { timespec(tv_sec: Int(seconds), tv_nsec: Int(nanoseconds)) }
}

extension String {
    fileprivate var lowercasedFirst: String { prefix(1).lowercased() + dropFirst() }
}
