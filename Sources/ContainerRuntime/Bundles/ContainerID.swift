/// The name of a container of `roost runtime`: safe as the name of a file.
package struct ContainerID: Hashable, Sendable, CustomStringConvertible {
    private static let longest = 1024

    private let text: String

    /// Takes 1 to 1024 letters, digits and `_+-.`, and neither `.` nor `..`.
    package init(_ text: String) throws(ContainerError) {
        let isKnown = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "+"), UInt8(ascii: "-"),
                UInt8(ascii: "."):
                true
            default: false
            }
        }
        guard isKnown, !text.isEmpty, text.utf8.count <= ContainerID.longest, text != ".", text != ".." else {
            throw .invalid(
                "container id",
                "invalid id format: \(text.prefix(80).debugDescription) is not made of letters, digits and _+-. alone"
            )
        }
        self.text = text
    }

    /// The name itself.
    package var description: String { text }
}
