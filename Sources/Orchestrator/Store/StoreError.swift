/// Why a state file can't be read or written.
package struct StoreError: Error, Sendable, CustomStringConvertible {
    /// What callers tell apart.
    package enum Code: Hashable, Sendable {
        /// The system refuses.
        case system
        /// The file is there, and is not what it should be.
        case unreadable
    }

    /// What happened.
    package var code: Code
    /// In words, with the path.
    package var message: String

    /// An error in words.
    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The message.
    package var description: String { message }
}
