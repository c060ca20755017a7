/// Reads the files of a project: the only way the loader looks at the outside world.
package protocol FileReader {
    /// The bytes of the file at the absolute `path`, or of standard input for `-`; nil when it can't be read.
    func contents(of path: String) -> [UInt8]?
    /// Whether there is a file, not a directory, at the absolute `path`.
    func isFile(_ path: String) -> Bool
    /// The path without symbolic links; nil when that can't be told.
    func resolved(_ path: String) -> String?
    /// The bytes of the file at the absolute `path`; nil also when links lead out of the directory `root`.
    func contents(of path: String, within root: String) -> [UInt8]?
    /// Whether there is a file at the absolute `path`, to which links lead nowhere but through the directory `root`.
    func isFile(_ path: String, within root: String) -> Bool
    /// The absolute `path` as someone in `directory` would write it.
    func shown(_ path: String, from directory: String) -> String
}

extension FileReader {
    package func resolved(_ path: String) -> String? { nil }
    package func contents(of path: String, within root: String) -> [UInt8]? { contents(of: path) }
    package func isFile(_ path: String, within root: String) -> Bool { isFile(path) }
    package func shown(_ path: String, from directory: String) -> String { FilePath.shown(path, from: directory) }
}
