package import OCISpec
package import Orchestrator

extension Timestamp {
    /// A moment as logs write it.
    package static func text(_ time: WallTime) -> String { text(nanoseconds: time.nanoseconds) }

    /// The bytes of `text`.
    package static func bytes(_ time: WallTime) -> [UInt8] { bytes(nanoseconds: time.nanoseconds) }

    /// Reads any moment of RFC 3339; nil when it is none.
    package static func moment(_ text: String) -> WallTime? {
        nanoseconds(of: text).map { WallTime(nanoseconds: $0) }
    }
}
