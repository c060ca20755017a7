import CArchive
import ComposeModel
import YAMLComposer

/// One recorded project.
struct ConformanceCase: Sendable {
    let name: String
    /// The command line: what stands before `config`, its options, and the services asked for.
    let flags: [String]
    let options: [String]
    let services: [String]
    let environment: [String: String]
    /// The directory that the command is run in, absolute.
    let directory: String
    /// What is expected: `json`, `yaml`, `text` or `error`.
    let expected: String
    /// The project's files by absolute path, below `/corpus` as when the answers were recorded.
    let files: [String: [UInt8]]
    /// The recorded answer.
    let answer: [UInt8]
}

/// The archive of recorded projects.
enum CaseArchive {
    struct Failure: Error { var description: String }

    static let root = "/corpus"

    /// All cases in the order of their names.
    static let cases: Result<[ConformanceCase], any Error> = Result {
        let path = #filePath.split(separator: "/").dropLast().map { "/" + $0 }.joined() + "/cases.tar.xz"
        var grouped: [String: [(path: String, bytes: [UInt8])]] = [:]
        for entry in try entries(of: path) {
            let parts = entry.path.split(separator: "/", maxSplits: 2)
            guard parts.count == 3 else { continue }
            grouped[String(parts[1]), default: []].append((String(parts[2]), entry.bytes))
        }
        return try grouped.keys.sorted().map { try read($0, grouped[$0] ?? []) }
    }

    /// The files of a compressed tar archive: libarchive(3).
    private static func entries(of path: String) throws -> [(path: String, bytes: [UInt8])] {
        guard let archive = archive_read_new() else { throw Failure(description: "no memory for an archive") }
        defer { archive_read_free(archive) }
        archive_read_support_filter_xz(archive)
        archive_read_support_format_tar(archive)
        guard archive_read_open_filename(archive, path, 1 << 16) == ARCHIVE_OK else {
            throw Failure(description: "\(path) can't be opened")
        }
        var result: [(path: String, bytes: [UInt8])] = []
        var header: OpaquePointer?
        while archive_read_next_header(archive, &header) == ARCHIVE_OK {
            guard let header, let name = archive_entry_pathname(header) else { continue }
            var bytes = [UInt8](repeating: 0, count: Int(archive_entry_size(header)))
            let count = bytes.withUnsafeMutableBytes { archive_read_data(archive, $0.baseAddress, $0.count) }
            guard count == bytes.count else { throw Failure(description: "\(path) ends too early") }
            let text = String(cString: name)
            if !text.hasSuffix("/") { result.append((text, bytes)) }
        }
        return result
    }

    private static func read(_ name: String, _ entries: [(path: String, bytes: [UInt8])]) throws -> ConformanceCase {
        var about: YAMLNode?
        var files: [String: [UInt8]] = [:]
        var answer: [UInt8] = []
        for (path, bytes) in entries {
            if path == "case.json" {
                about = try JSONReader.read(SourceFile(name: "\(name)/\(path)", bytes: bytes))
            } else if path.hasPrefix("input/") {
                files["\(root)/\(name)/\(path.dropFirst("input/".count))"] = bytes
            } else {
                answer = bytes
            }
        }
        guard let about else { throw Failure(description: "\(name) has no case.json") }
        func texts(_ key: String) -> [String] { about[key]?.sequence?.compactMap(\.string) ?? [] }
        let place = about["cwd"]?.string ?? "."
        let directory = "\(root)/\(name)" + (place == "." ? "" : "/\(place)")
        var environment = ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "PWD": directory]
        for entry in about["env"]?.mapping?.entries ?? [] { environment[entry.key] = entry.value.string }
        return ConformanceCase(
            name: name,
            flags: texts("flags"),
            options: texts("opts"),
            services: texts("services"),
            environment: environment,
            directory: directory,
            expected: about["expect"]?.string ?? "",
            files: files,
            answer: answer
        )
    }
}
