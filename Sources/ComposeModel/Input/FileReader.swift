/// Reads the files of a project: the only way the loader looks at the outside world.
package protocol FileReader {
    /// The bytes of the file at `path`; nil when there is none or it can't be read.
    func contents(of path: String) -> [UInt8]?
    /// Whether there is a file, and no directory, at `path`.
    func isFile(_ path: String) -> Bool
}
