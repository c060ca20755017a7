import OCISpec

/// Files behind addresses: `https://host/path/name.tar.gz?query`.
package enum RemoteFile {
    /// Whether a text is an address that a file is fetched from.
    package static func isAddress(_ text: String) -> Bool {
        ["http://", "https://"].contains { text.lowercased().hasPrefix($0) }
    }

    /// What a file is called that comes from an address: the last part of its path; nil when that is no name.
    package static func name(of address: String) -> String? {
        guard let scheme = address.firstRange(of: "://") else { return nil }
        let rest = address[scheme.upperBound...].prefix { $0 != "?" && $0 != "#" }
        guard let slash = rest.firstIndex(of: "/"), let path = rest[slash...].percentDecoded else { return nil }
        guard let name = path.split(separator: "/").last.map(String.init), ![".", ".."].contains(name),
            name.utf8.count <= 255, !name.utf8.contains(0)
        else { return nil }
        return name
    }
}
