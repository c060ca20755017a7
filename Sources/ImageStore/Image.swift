package import OCISpec

/// An image that is ready to be run: its layers lie unpacked, or it is a directory of the host.
package struct Image: Sendable {
    /// What asked for it, in canonical form.
    package let reference: ImageReference
    /// The digest of the configuration, or `rootfs:` and the path: equal IDs mean equal content, but for directories.
    package let id: String
    /// The manifest's digest; nil for a directory.
    package let manifestDigest: ContentDigest?
    /// How its program runs unless told otherwise; says nothing for a directory.
    package let configuration: ImageConfiguration
    /// Digests of the layers as plain archives, lowest first.
    package let diffIDs: [ContentDigest]
    /// The names that the store knows it by, sorted.
    package let names: [String]
    /// What a container's root is made of.
    package let rootFilesystem: RootFilesystem
    /// The directory of the host that it is, or that its layers stand on.
    package var directory: String?
}

/// An image that `load` has put into the store.
package struct LoadedImage: Hashable, Sendable {
    /// Its full names; none when the archive has none.
    package let names: [String]
    /// The digest of its configuration.
    package let id: ContentDigest
    /// What was left out of its layers, for people.
    package let notes: [String]
}

/// What is read-only below a container's own changes.
package struct RootFilesystem: Hashable, Sendable {
    /// Directories of the host, highest first.
    ///
    /// There is at least one.
    package let lowerDirectories: [String]
    /// What hides parts of the host's root; nil unless "/" is the lowest directory.
    package let mask: RootMask?
    /// The image of the store that it is; nil for a directory.
    package let image: ContentDigest?

    /// Lower directories, highest first, and what hides parts of them.
    package init(lowerDirectories: [String], mask: RootMask? = nil, image: ContentDigest? = nil) {
        self.lowerDirectories = lowerDirectories
        self.mask = mask
        self.image = image
    }
}
