/// What an archive may cost at most.
package struct ImportLimits: Hashable, Sendable, CustomStringConvertible {
    /// Files and directories in one layer.
    package var entries = 2_000_000
    /// Bytes of one layer as a plain archive, and of the sizes of its files, holes included.
    package var layerBytes: Int64 = 64 << 30
    /// How many times as large as it came a layer may become, when it becomes larger than `ratioFloor`.
    package var ratio: Int64 = 200
    /// Bytes up to which a layer may have any ratio.
    package var ratioFloor: Int64 = 1 << 30
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

    /// The environment's variable for `init(changes:)`.
    package static let variable = "ROOST_IMAGE_LIMITS"

    /// Limits with changes, as in `entries=100000,layer-bytes=8g`; k, m and g stand for powers of 1024.
    ///
    /// Throws `invalidReference`, which says what the names are.
    package init(changes: String) throws(ImageError) {
        for change in changes.split(separator: ",") {
            let parts = change.split(separator: "=", omittingEmptySubsequences: false)
            guard parts.count == 2, let value = Self.number(parts[1]), set(parts[0], value) else {
                throw ImageError(
                    .invalidReference,
                    "\(Self.variable): \"\(printable(String(change)))\" is no limit; "
                        + "write NAME=NUMBER, separated by commas: \(Self.names.joined(separator: ", "))"
                )
            }
        }
    }

    private static let names = [
        "entries", "layer-bytes", "ratio", "ratio-floor", "members", "archive-bytes", "document-bytes", "layers",
    ]

    private mutating func set(_ name: Substring, _ value: Int64) -> Bool {
        switch name {
        case "entries": entries = Int(value)
        case "layer-bytes": layerBytes = value
        case "ratio": ratio = value
        case "ratio-floor": ratioFloor = value
        case "members": members = Int(value)
        case "archive-bytes": archiveBytes = value
        case "document-bytes": documentBytes = Int(value)
        case "layers": layers = Int(value)
        default: return false
        }
        return true
    }

    private static func number(_ text: Substring) -> Int64? {
        let shifts: [Character: Int64] = ["k": 1 << 10, "m": 1 << 20, "g": 1 << 30]
        let factor = text.last.flatMap { shifts[Character($0.lowercased())] }
        guard let count = Int64(factor == nil ? text : text.dropLast()), count > 0 else { return nil }
        let (product, isTooLarge) = count.multipliedReportingOverflow(by: factor ?? 1)
        return isTooLarge ? nil : product
    }

    /// A sentence about something that is beyond the limit `name`, with how to allow it.
    package static func beyond(_ name: String, _ message: String) -> String {
        "\(message); allow more with \(variable)=\(name)=NUMBER"
    }

    /// The form that `init(changes:)` reads.
    package var description: String {
        "entries=\(entries),layer-bytes=\(layerBytes),ratio=\(ratio),ratio-floor=\(ratioFloor),members=\(members),"
            + "archive-bytes=\(archiveBytes),document-bytes=\(documentBytes),layers=\(layers)"
    }
}
