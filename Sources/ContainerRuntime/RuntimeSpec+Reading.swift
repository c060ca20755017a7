import LinuxSystem
package import OCISpec

extension ProcessSpec {
    /// Reads a file that holds a `process` alone, as `exec --process` has it.
    package init(file: String) throws(ContainerError) { self = try SpecificationFile.read(file) }
}

extension ResourcesSpec {
    /// Reads a file that holds `resources` alone, as `update --resources` has it.
    package init(file: String) throws(ContainerError) { self = try SpecificationFile.read(file) }
}

/// Files in the specification's form of JSON.
enum SpecificationFile {
    /// The most bytes of a file that are read.
    private static let sizeLimit = 64 << 20

    /// Reads a file and what it says.
    static func read<Part: JSONReadable>(_ path: String) throws(ContainerError) -> Part {
        try decode(bytes(path), from: path)
    }

    /// Reads a file.
    static func bytes(_ path: String) throws(ContainerError) -> [UInt8] {
        do { return try readBytes(path, limit: sizeLimit) } catch { throw .kernel(path, error) }
    }

    /// Reads what a file says; a mistake is named with its place in the document.
    static func decode<Part: JSONReadable>(_ bytes: [UInt8], from path: String) throws(ContainerError) -> Part {
        do throws(JSONError) { return try Part(document: bytes) } catch {
            let (line, column) = error.position(in: bytes)
            throw .invalid("\(path):\(line):\(column)", error.explanation)
        }
    }
}
