/// A secret or a config: some content that services see as a file.
package struct FileObject: Hashable, Sendable {
    /// Where the content comes from.
    package enum Source: Hashable, Sendable {
        /// The file at an absolute path.
        case file(String)
        /// A variable of the environment.
        case environment(String)
        /// The text itself.
        case content(String)
        /// Someone else's.
        case external
    }

    /// The key in the file.
    package var key: String
    /// The real name.
    package var name: String
    /// Where the content comes from.
    package var source: Source
    /// Labels.
    package var labels: [String: String] = [:]

    /// A secret or config with its content from `source`.
    package init(key: String, name: String, source: Source) {
        self.key = key
        self.name = name
        self.source = source
    }
}
