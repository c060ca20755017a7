import Crypto
import NIOHTTP1
import OCISpec

/// An image as a registry has it, of a few small layers.
struct SampleImage: Sendable {
    /// Everything but the manifest, by digest.
    private(set) var blobs: [ContentDigest: [UInt8]] = [:]
    private(set) var layers: [ContentDigest] = []
    private(set) var configuration: ContentDigest
    var manifest: [UInt8]
    var digest: ContentDigest { Self.digest(manifest) }

    static func digest(_ bytes: [UInt8]) -> ContentDigest {
        guard let digest = ContentDigest(bytes: SHA256.hash(data: bytes)) else { preconditionFailure("32 bytes") }
        return digest
    }

    /// An image of layers with one file each, of `size` bytes.
    init(layers count: Int = 2, size: Int = 3000, platform: String = "linux/amd64") {
        var descriptors: [String] = []
        var diffIDs: [String] = []
        for number in 0..<count {
            let layer = Self.tar(name: "file\(number)", content: Array(repeating: UInt8(number + 65), count: size))
            let digest = Self.digest(layer)
            blobs[digest] = layer
            layers.append(digest)
            diffIDs.append("\"\(digest)\"")
            descriptors.append(
                #"{"mediaType":"\#(MediaType.layer)","digest":"\#(digest)","size":\#(layer.count)}"#
            )
        }
        let parts = platform.split(separator: "/")
        let text =
            #"{"os":"\#(parts[0])","architecture":"\#(parts[1])","rootfs":{"type":"layers","diff_ids":[\#(diffIDs.joined(separator: ","))]}}"#
        let document = Array(text.utf8)
        configuration = Self.digest(document)
        blobs[configuration] = document
        manifest = Array(
            (#"{"schemaVersion":2,"mediaType":"\#(MediaType.manifest)","config":{"mediaType":"\#(MediaType.configuration)","#
                + #""digest":"\#(configuration)","size":\#(document.count)},"layers":[\#(descriptors.joined(separator: ","))]}"#)
                .utf8
        )
    }

    /// What an ordinary registry answers that has this image as `app:1`.
    func answer(_ asked: ScriptedRegistry.Asked) -> ScriptedRegistry.Answer {
        let parts = asked.target.split(separator: "/").map(String.init)
        guard parts.count >= 4, parts[0] == "v2" else { return .init(status: 404) }
        let (kind, reference) = (parts[parts.count - 2], parts[parts.count - 1])
        if kind == "manifests", reference == "1" || reference == digest.rawValue {
            let headers: HTTPHeaders = ["Content-Type": MediaType.manifest, "Docker-Content-Digest": "\(digest)"]
            return .init(headers: headers, body: manifest, length: manifest.count)
        }
        guard kind == "blobs", let digest = ContentDigest(rawValue: reference), let blob = blobs[digest] else {
            return .init(status: 404, body: Array(#"{"errors":[{"code":"BLOB_UNKNOWN","message":"not here"}]}"#.utf8))
        }
        if let range = asked.headers.first(name: "Range"), let start = Int(range.dropFirst(6).dropLast()) {
            let headers: HTTPHeaders = ["Content-Range": "bytes \(start)-\(blob.count - 1)/\(blob.count)"]
            return .init(status: 206, headers: headers, body: Array(blob[start...]))
        }
        return .init(body: blob)
    }

    /// A tar archive of one file.
    private static func tar(name: String, content: [UInt8]) -> [UInt8] {
        var header = [UInt8](repeating: 0, count: 512)
        func put(_ text: String, at offset: Int) {
            header.replaceSubrange(offset..<offset + text.utf8.count, with: text.utf8)
        }
        func octal(_ value: Int, _ digits: Int) -> String {
            let text = String(value, radix: 8)
            return String(repeating: "0", count: digits - text.count) + text
        }
        put(name, at: 0)
        for (offset, value) in [(100, 0o644), (108, 0), (116, 0)] { put(octal(value, 7), at: offset) }
        put(octal(content.count, 11), at: 124)
        put(octal(0, 11), at: 136)
        put("        ", at: 148)
        put("0", at: 156)
        put("ustar\u{0}00", at: 257)
        put(octal(header.reduce(0) { $0 + Int($1) }, 6) + "\u{0} ", at: 148)
        let padding = (512 - content.count % 512) % 512
        return header + content + [UInt8](repeating: 0, count: padding + 1024)
    }
}
