package import OCISpec

/// What those who watch a pull or a push are told.
package enum TransferEvent: Hashable, Sendable {
    /// How far one part of an image is.
    package enum Stage: Hashable, Sendable {
        /// Others are before it.
        case waiting
        /// Somebody else is fetching it.
        case shared
        /// So many of its bytes have come, or gone.
        case moving(done: Int64, total: Int64)
        /// All of it has come, and is still being unpacked.
        case unpacking
        /// It is there; whether it had to be moved.
        case done(wasThere: Bool)
    }

    /// A layer, or another blob.
    case blob(ContentDigest, Stage)
    /// Something to be told besides: what was left out, a mirror that failed.
    case note(String)
}
