import Crypto
import Glibc
import ImageStore
import LinuxSystem
import OCISpec

/// Looks for a signature of an image that a policy asks for: cosign's, kept beside the image in its repository.
///
/// The forms are those of containers-policy.json(5), `sigstoreSigned`, with keys: no certificates, and no transparency log.
struct SignatureVerifier {
    let session: RegistrySession
    let limit: Int

    /// How many signatures of one image are looked at.
    private static let most = 50

    /// Checks that one of an image's digests bears a signature: that of its index, which fixes the other, or its manifest's.
    func verify(
        anyOf digests: [ContentDigest],
        of name: ImageName,
        at source: ImageSource,
        _ demand: SignaturePolicy.Demand
    ) async throws(RegistryError) {
        var first: RegistryError?
        var seen: Set<ContentDigest> = []
        for digest in digests where seen.insert(digest).inserted {
            do throws(RegistryError) { return try await verify(digest, of: name, at: source, demand) } catch {
                guard error.code == .forbidden else { throw error }
                first = first ?? error
            }
        }
        throw first ?? RegistryError(.forbidden, "image \(name): there is nothing to look for a signature of")
    }

    /// Checks that `digest` of a repository bears a signature by one of the keys; throws `forbidden` otherwise.
    private func verify(
        _ digest: ContentDigest,
        of name: ImageName,
        at source: ImageSource,
        _ demand: SignaturePolicy.Demand
    ) async throws(RegistryError) {
        let keys = try demand.keys()
        let found: FoundManifest
        do throws(RegistryError) {
            found = try await session.manifest("sha256-\(digest.hexadecimal).sig", source, limit: limit)
        } catch {
            guard error.code == .notFound else { throw error }
            throw refused(name, digest, "it has no signature")
        }
        let (bytes, type) = (found.bytes, found.mediaType)
        let manifest: ImageManifest
        do throws(ImageError) {
            manifest = try ImageDocuments.manifest(bytes, mediaType: type, subject: "the signatures of \(name)")
        } catch { throw RegistryError(storing: error) }
        var reasons: [String] = []
        for layer in manifest.layers.prefix(Self.most) {
            guard layer.mediaType == Self.payloadType, let text = layer.annotations?[Self.annotation],
                let signature = Base64Text.decoded(text)
            else { continue }
            let payload = try await session.documentBlob(layer, source, limit: 64 << 10)
            guard keys.contains(where: { $0.accepts(signature, of: payload) }) else {
                reasons.append("a signature is by another key")
                continue
            }
            if let reason = SignedClaim.mismatch(payload, digest: digest, name: name, demand.identity) {
                reasons.append(reason)
                continue
            }
            return
        }
        throw refused(name, digest, reasons.first ?? "it has no signature")
    }

    private static let payloadType = "application/vnd.dev.cosign.simplesigning.v1+json"
    private static let annotation = "dev.cosignproject.cosign/signature"

    private func refused(_ name: ImageName, _ digest: ContentDigest, _ reason: String) -> RegistryError {
        RegistryError(.forbidden, "image \(name) (\(digest)): the policy wants a signature, and \(reason)")
    }
}

/// What a signature says: the "simple signing" form, containers-signature(5).
enum SignedClaim {
    /// Why a payload does not speak of an image; nil when it does.
    static func mismatch(
        _ payload: [UInt8],
        digest: ContentDigest,
        name: ImageName,
        _ identity: SignaturePolicy.Identity
    ) -> String? {
        guard let critical = JSONValue.read(payload)?.object?["critical"]?.object,
            let type = critical["type"]?.text, type == "cosign container image signature",
            let signed = critical["image"]?.object?["docker-manifest-digest"]?.text,
            let reference = critical["identity"]?.object?["docker-reference"]?.text
        else { return "a signature says nothing about an image" }
        guard signed == digest.rawValue else { return "a signature is for another image" }
        guard identity.accepts(reference, for: name) else {
            return "a signature is for the name \(reference.printable)"
        }
        return nil
    }
}

/// A public key of ECDSA on P-256, which is what cosign makes.
struct SignatureKey: Hashable, Sendable {
    private let raw: [UInt8]

    /// Reads a key in PEM; nil when it is none of that kind.
    init?(pem text: String) {
        guard let key = try? P256.Signing.PublicKey(pemRepresentation: text) else { return nil }
        raw = Array(key.x963Representation)
    }

    /// Whether a signature, in DER, is this key's.
    func accepts(_ signature: [UInt8], of payload: [UInt8]) -> Bool {
        // What is no signature is not this key's.
        guard let key = try? P256.Signing.PublicKey(x963Representation: raw),
            let parsed = try? P256.Signing.ECDSASignature(derRepresentation: signature)
        else { return false }
        return key.isValidSignature(parsed, for: payload)
    }
}
