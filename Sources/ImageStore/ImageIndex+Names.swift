import OCISpec

extension ImageIndex {
    /// The entry of a name: by its digest when it has one, by its tag otherwise.
    func entry(named name: ImageName) -> Descriptor? {
        guard let digest = name.digest else {
            return manifests.first { $0.annotations?[referenceNameAnnotation] == name.tagged }
        }
        let full = "\(name.domain)/\(name.repository)@\(digest)"
        return manifests.first { $0.digest == digest } ?? manifests.first { $0.repositoryDigests.contains(full) }
    }
}

extension Descriptor {
    /// Full names with digests by which registries know an image.
    var repositoryDigests: [String] {
        get { annotations?[repositoryDigestsAnnotation].map { $0.split(separator: " ").map(String.init) } ?? [] }
        set { annotations?[repositoryDigestsAnnotation] = newValue.isEmpty ? nil : newValue.joined(separator: " ") }
    }
}

/// Our own annotation of an index entry: the digests by which registries know the image, with spaces between.
let repositoryDigestsAnnotation = "io.roost.image.digests"
