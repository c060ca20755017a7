import FoundationEssentials
import LinuxSystem
package import OCISpec

extension RuntimeSpec {
    /// The most bytes of a `config.json` that are read.
    private static let sizeLimit = 64 << 20

    /// Reads `config.json` of a bundle directory; a mistake is named with its place in the document.
    package init(bundle: String) throws(ContainerError) {
        let path = "\(bundle)/config.json"
        let text: String
        do { text = try readFile(path, limit: RuntimeSpec.sizeLimit) } catch { throw .kernel(path, error) }
        do {
            self = try JSONDecoder().decode(RuntimeSpec.self, from: Data(text.utf8))
        } catch let error as DecodingError {
            throw .invalid(path, RuntimeSpec.explanation(of: error))
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
