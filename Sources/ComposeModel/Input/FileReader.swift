/// Reads the files of a project: the only way the loader looks at the outside world.
package protocol FileReader {
    /// The bytes of the file at the absolute `path`, or of standard input for `-`; nil when it can't be read.
    func contents(of path: String) -> [UInt8]?
    /// Whether there is a file, not a directory, at the absolute `path`.
    func isFile(_ path: String) -> Bool
    /// The path without symbolic links; nil when that can't be told.
    func resolved(_ path: String) -> String?
}

extension FileReader {
    package func resolved(_ path: String) -> String? { nil }
}
