import Glibc
package import LinuxSystem
package import OCISpec

/// How a root filesystem becomes an image: `roost image import`.
package struct RootImport: Sendable {
    /// A full name for the image; nil for none.
    package var name: ImageName?
    package var changes: [ConfigurationChange] = []
    /// A remark that stays with the image.
    package var message = ""
    package var platform = Platform.host
    /// When it is said to be made, as RFC 3339 has it.
    package var created: String

    /// An import at a moment.
    package init(created: String) { self.created = created }
}

extension ImageStore {
    /// Makes an image of an archive of a root filesystem, plain or compressed, from a descriptor to its end.
    ///
    /// `subject` names the archive in errors. Throws `invalidArchive`, `tooLarge`, `kernel`.
    package func importRoot(
        _ order: RootImport,
        from file: borrowing OwnedDescriptor,
        subject: String
    ) throws(ImageError) -> LoadedImage {
        let intake = try beginIntake()
        let (content, mediaType) = try stage(file, subject, intake)
        let opened = try attempt("read \(subject)") { () throws(SyscallError) in
            try OwnedDescriptor.reading(content.file)
        }
        let layer = try intake.beginLayer(subject, reading: opened).finish()
        guard let diffID = layer.diffID else { throw ImageError(.invalidArchive, "read \(subject): it is no archive") }
        try intake.add(layer, as: diffID)
        intake.add(blob: content.digest, at: content.file)

        var configuration = ImageConfiguration()
        (configuration.os, configuration.architecture) = (order.platform.os, order.platform.architecture)
        configuration.variant = order.platform.variant
        configuration.created = order.created
        configuration.rootfs = .init(diffIDs: [diffID])
        var defaults = ProcessDefaults()
        for change in order.changes { change.apply(to: &defaults) }
        configuration.config = defaults
        let comment = order.message.isEmpty ? "Imported from \(subject)" : order.message
        configuration.history = [
            .init(createdBy: "", created: order.created, isEmptyLayer: false, comment: comment)
        ]
        let bytes = try encoded(configuration)
        let id = try intake.add(bytes)
        let manifest = ImageManifest(
            config: Descriptor(mediaType: MediaType.configuration, digest: id, size: Int64(bytes.count)),
            layers: [Descriptor(mediaType: mediaType, digest: content.digest, size: content.size)]
        )
        let names = order.name?.tagged.map { [$0] } ?? []
        try intake.commit([IncomingImage(manifest: try encoded(manifest), names: names)])
        return LoadedImage(names: names, id: id, notes: layer.notes)
    }

    /// Copies the archive as it is where layers may be compressed so, else without its compression.
    private func stage(
        _ file: borrowing OwnedDescriptor,
        _ subject: String,
        _ intake: ImageIntake
    ) throws(ImageError) -> (Content, mediaType: String) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 4096)
        defer { buffer.deallocate() }
        let descriptor = file.rawValue
        func fill() throws(ImageError) -> UnsafeRawBufferPointer {
            var count = 0
            while count < buffer.count {
                let got = read(descriptor, buffer.baseAddress?.advanced(by: count), buffer.count - count)
                if got < 0 && errno == EINTR { continue }
                guard got >= 0 else {
                    throw .kernel("read \(subject)", SyscallError(call: "read", subject: subject, errno: .current))
                }
                if got == 0 { break }
                count += got
            }
            return UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[..<count])
        }
        let start = try fill()
        var isFirst = true
        let whole = try Stager(intake, limits: limits, subject: subject)
            .stage(subject) { () throws(ImageError) in
                defer { isFirst = false }
                return isFirst ? start : try fill()
            }
        let head = Array(try attempt("read \(subject)") { () throws(SyscallError) in try readStart(whole.file) })
        if head.starts(with: [0x1f, 0x8b]) { return (whole, "\(MediaType.layer)+gzip") }
        if head.starts(with: [0x28, 0xb5, 0x2f, 0xfd]) { return (whole, "\(MediaType.layer)+zstd") }
        guard head.starts(with: [0xfd, 0x37, 0x7a, 0x58, 0x5a]) || head.starts(with: Array("BZh".utf8)) else {
            return (whole, MediaType.layer)
        }
        let opened = try attempt("read \(subject)") { () throws(SyscallError) in
            try OwnedDescriptor.reading(whole.file)
        }
        let archive = try Archive.reading(opened, as: .bytes, subject: subject)
        _ = try archive.next()
        let plain = try Stager(intake, limits: limits, subject: subject)
            .stage(subject) { () throws(ImageError) in
                try archive.block()?.bytes ?? .init(start: nil, count: 0)
            }
        return (plain, MediaType.layer)
    }

    private func readStart(_ path: String) throws(SyscallError) -> [UInt8] {
        let file = try OwnedDescriptor.reading(path)
        var bytes = [UInt8](repeating: 0, count: 8)
        let count = read(file.rawValue, &bytes, bytes.count)
        _ = try SyscallError.checkErrno(CInt(clamping: count), "read", path)
        return Array(bytes.prefix(count))
    }
}
