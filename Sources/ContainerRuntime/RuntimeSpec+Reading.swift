import FoundationEssentials
import LinuxSystem
package import OCISpec

extension RuntimeSpec {
    /// Reads `config.json` of a bundle directory; a mistake is named with its place in the document.
    ///
    /// `configuration` is another name for the file, in the bundle where it is not absolute.
    package init(bundle: String, configuration: String? = nil) throws(ContainerError) {
        let name = configuration ?? "config.json"
        self = try SpecificationFile.read(name.hasPrefix("/") ? name : "\(bundle)/\(name)")
    }
}

extension ProcessSpec {
    /// Reads a file that holds a `process` alone, as `exec --process` has it.
    package init(file: String) throws(ContainerError) { self = try SpecificationFile.read(file) }
}

extension ResourcesSpec {
    /// Reads a file that holds `resources` alone, as `update --resources` has it.
    package init(file: String) throws(ContainerError) { self = try SpecificationFile.read(file) }
}

/// Files in the specification's form of JSON.
private enum SpecificationFile {
    /// The most bytes of a file that are read.
    private static let sizeLimit = 64 << 20

    static func read<Part: Decodable>(_ path: String) throws(ContainerError) -> Part {
        let bytes: [UInt8]
        do { bytes = try readBytes(path, limit: sizeLimit) } catch { throw .kernel(path, error) }
        do {
            return try JSONDecoder().decode(Part.self, from: Data(bytes))
        } catch let error as DecodingError {
            throw .invalid(path, explanation(of: error))
        } catch {
            throw .invalid(path, "\(error)")
        }
    }

    private static func explanation(of error: DecodingError) -> String {
        func place(_ path: [any CodingKey]) -> String {
            path.reduce("") { text, key in
                key.intValue.map { "\(text)[\($0)]" } ?? (text.isEmpty ? key.stringValue : "\(text).\(key.stringValue)")
            }
        }
        switch error {
        case .keyNotFound(let key, let context): return "\(place(context.codingPath + [key])) is missing"
        case .valueNotFound(_, let context): return "\(place(context.codingPath)) has no value"
        case .typeMismatch(let type, let context): return "\(place(context.codingPath)) is not of type \(type)"
        case .dataCorrupted(let context):
            let spot = place(context.codingPath)
            let reason = context.underlyingError.map { "\($0)" } ?? context.debugDescription
            return spot.isEmpty ? "not valid JSON: \(reason)" : "\(spot): \(reason)"
        @unknown default: return "\(error)"
        }
    }
}
