/// Paths as text: no file is looked at.
enum FilePath {
    /// The shortest path to the same place, as if no directory were a symbolic link.
    static func cleaned(_ path: String) -> String {
        guard !path.isEmpty else { return "." }
        let absolute = path.hasPrefix("/")
        var parts: [Substring] = []
        for part in path.split(separator: "/") where part != "." {
            if part != ".." {
                parts.append(part)
            } else if let last = parts.last, last != ".." {
                parts.removeLast()
            } else if !absolute {
                parts.append(part)
            }
        }
        let joined = parts.joined(separator: "/")
        return absolute ? "/" + joined : joined.isEmpty ? "." : joined
    }

    /// `path` as seen from `directory`.
    static func absolute(_ path: String, in directory: String) -> String {
        path.hasPrefix("/") ? cleaned(path) : cleaned(directory + "/" + path)
    }

    /// The way from one absolute directory to another.
    static func relative(_ path: String, from directory: String) -> String {
        let (there, here) = (path.split(separator: "/"), directory.split(separator: "/"))
        let common = zip(there, here).prefix { $0 == $1 }.count
        let parts = here.dropFirst(common).map { _ in ".." } + there.dropFirst(common).map(String.init)
        return parts.isEmpty ? "." : parts.joined(separator: "/")
    }

    /// The directory that holds `path`.
    static func directory(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// `path` as someone in `directory` would write it.
    static func shown(_ path: String, from directory: String) -> String {
        let prefix = directory == "/" ? "/" : directory + "/"
        return path.hasPrefix(prefix) ? String(path.dropFirst(prefix.count)) : path
    }

    /// Whether the cleaned `path` is `directory` or lies in it.
    static func isWithin(_ path: String, _ directory: String) -> Bool {
        directory == "/" || path == directory || path.hasPrefix(directory + "/")
    }

    /// The last part of `path`.
    static func lastPart(of path: String) -> String { path.split(separator: "/").last.map(String.init) ?? "" }
}
