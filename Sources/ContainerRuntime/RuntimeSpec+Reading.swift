import FoundationEssentials
import LinuxSystem
package import OCISpec

extension RuntimeSpec {
    /// Reads `config.json` of a bundle directory; a mistake is named with its place in the document.
    package init(bundle: String) throws(ContainerError) {
        self = try SpecificationFile.read("\(bundle)/config.json")
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
            return spot.isEmpty ? "not valid JSON: \(context.debugDescription)" : "\(spot): \(context.debugDescription)"
        @unknown default: return "\(error)"
        }
    }
}
