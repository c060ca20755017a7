package import OCISpec

/// Reads the documents that describe images; what comes from outside is checked to be of one kind only (CVE-2021-41190).
package enum ImageDocuments {
    /// Reads an index; `subject` names it in errors.
    package static func index(_ bytes: [UInt8], mediaType: String, subject: String) throws(ImageError) -> ImageIndex {
        let shape = try decodeDocument(DocumentShape.self, bytes, "read \(subject)")
        guard shape.layers == nil, shape.config == nil, shape.mediaType == nil || shape.mediaType == mediaType else {
            throw ImageError(.invalidArchive, "read \(subject): it claims to be an index and something else")
        }
        return try decodeDocument(ImageIndex.self, bytes, "read \(subject)")
    }

    /// Reads a manifest; `subject` names it in errors.
    package static func manifest(
        _ bytes: [UInt8],
        mediaType: String,
        subject: String
    ) throws(ImageError) -> ImageManifest {
        let shape = try decodeDocument(DocumentShape.self, bytes, "read \(subject)")
        guard shape.manifests == nil, shape.mediaType == nil || shape.mediaType == mediaType else {
            throw ImageError(.invalidArchive, "read \(subject): it claims to be a manifest and something else")
        }
        let manifest = try decodeDocument(ImageManifest.self, bytes, "read \(subject)")
        guard ([manifest.config] + manifest.layers).allSatisfy({ $0.size >= 0 }) else {
            throw ImageError(.invalidArchive, "read \(subject): it names content of a negative size")
        }
        return manifest
    }

    /// Reads a configuration; `subject` names it in errors.
    package static func configuration(_ bytes: [UInt8], subject: String) throws(ImageError) -> ImageConfiguration {
        try decodeDocument(ImageConfiguration.self, bytes, "read the configuration of \(subject)")
    }
}
