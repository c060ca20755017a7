/// What an archive may cost at most.
package struct ImportLimits: Hashable, Sendable {
    /// Files and directories in one layer.
    package var entries = 2_000_000
    /// Bytes of one layer as a plain archive, and of the sizes of its files, holes included.
    package var layerBytes: Int64 = 64 << 30
    /// Members of the outer archive.
    package var members = 20_000
    /// Bytes of the outer archive's members together.
    package var archiveBytes: Int64 = 256 << 30
    /// Bytes of one configuration, manifest or index.
    package var documentBytes = 4 << 20
    /// Layers of one image; overlayfs takes 500.
    package var layers = 400

    /// The limits that a store has unless told otherwise.
    package init() {}
}
