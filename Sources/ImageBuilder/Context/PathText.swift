/// What paths mean as texts, without a filesystem.
package enum PathText {
    /// The shortest path that means the same: no empty parts, no ".", no ".." but at the start of a relative path.
    ///
    /// An absolute path stays absolute and never leaves the root; an empty one becomes ".".
    package static func cleaned(_ path: String) -> String {
        let isAbsolute = path.utf8.first == UInt8(ascii: "/")
        var parts: [Substring] = []
        for part in path.split(separator: "/") where part != "." {
            if part != ".." {
                parts.append(part)
            } else if let last = parts.last, last != ".." {
                parts.removeLast()
            } else if !isAbsolute {
                parts.append(part)
            }
        }
        let text = parts.joined(separator: "/")
        return isAbsolute ? "/" + text : text.isEmpty ? "." : text
    }

    /// The cleaned path below a root, without "/" before; "" for the root itself.
    ///
    /// What would leave the root does not.
    package static func belowRoot(_ path: String) -> String { String(cleaned("/" + path).dropFirst()) }

    /// The absolute, cleaned form of a path that may be relative to an absolute directory.
    package static func absolute(_ path: String, in directory: String) -> String {
        cleaned(path.hasPrefix("/") ? path : "\(directory)/\(path)")
    }

    /// The last part of a path; the path itself when it has one part.
    package static func lastPart(_ path: String) -> String {
        path.split(separator: "/").last.map(String.init) ?? path
    }
}
