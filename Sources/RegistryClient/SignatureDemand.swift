import ImageStore
import LinuxSystem

extension SignaturePolicy {
    /// A signature that an image needs: by one of these keys, for a name that fits.
    package struct Demand: Hashable, Sendable {
        /// Where it is written, for people.
        var place: String
        /// Files of keys.
        var paths: [String] = []
        /// Keys themselves, in base64.
        var texts: [String] = []
        var identity = Identity.repositoryDigestOrExact

        /// The keys; throws `configuration` for one that can't be read.
        func keys() throws(RegistryError) -> [SignatureKey] {
            var keys: [SignatureKey] = []
            func add(_ text: String?, _ what: String) throws(RegistryError) {
                guard let text, let key = SignatureKey(pem: text) else {
                    throw RegistryError(.configuration, "\(place): \(what) is no public key of ECDSA on P-256 in PEM")
                }
                keys.append(key)
            }
            for path in paths {
                let text: String
                do throws(SyscallError) { text = try readFile(path, limit: 64 << 10) } catch {
                    throw RegistryError(.configuration, "\(place): \(error)")
                }
                try add(text, path)
            }
            for text in texts {
                try add(Base64Text.decoded(text).map { String(decoding: $0, as: UTF8.self) }, "a key in it")
            }
            return keys
        }
    }

    /// Which name a signature has to be for: containers-policy.json(5), `signedIdentity`.
    package enum Identity: Hashable, Sendable {
        case exact
        case repositoryDigestOrExact
        case repository
        case exactReference(String)
        case exactRepository(String)
        case remapped(prefix: String, signedPrefix: String)

        /// Reads the value; nil when it is not known.
        init?(_ value: JSONValue?) {
            guard let value else {
                self = .repositoryDigestOrExact
                return
            }
            let object = value.object ?? [:]
            switch object["type"]?.text {
            case "matchExact": self = .exact
            case "matchRepoDigestOrExact": self = .repositoryDigestOrExact
            case "matchRepository": self = .repository
            case "exactReference":
                guard let reference = object["dockerReference"]?.text else { return nil }
                self = .exactReference(reference)
            case "exactRepository":
                guard let repository = object["dockerRepository"]?.text else { return nil }
                self = .exactRepository(repository)
            case "remapIdentity":
                guard let prefix = object["prefix"]?.text, let signed = object["signedPrefix"]?.text else { return nil }
                self = .remapped(prefix: prefix, signedPrefix: signed)
            default: return nil
            }
        }

        /// Whether a signature for `reference` is one for an image of that name.
        func accepts(_ reference: String, for name: ImageName) -> Bool {
            guard let signed = ImageName(reference) else { return false }
            let isTagged = reference.split(separator: "/").last?.contains(":") ?? false
            let repository = "\(name.domain)/\(name.repository)"
            let signedRepository = "\(signed.domain)/\(signed.repository)"
            func isExact(_ other: ImageName?) -> Bool {
                guard let other, let tag = other.tag, other.digest == nil else { return false }
                return isTagged && signed.digest == nil && "\(other.domain)/\(other.repository)" == signedRepository
                    && signed.tag == tag
            }
            switch self {
            case .exact: return isExact(name)
            case .repositoryDigestOrExact: return name.digest == nil ? isExact(name) : repository == signedRepository
            case .repository: return repository == signedRepository
            case .exactReference(let text): return isExact(ImageName(text))
            case .exactRepository(let text):
                return ImageName(text).map { "\($0.domain)/\($0.repository)" } == signedRepository
            case .remapped(let prefix, let signedPrefix):
                guard repository == prefix || repository.hasPrefix(prefix + "/") else {
                    return Self.repositoryDigestOrExact.accepts(reference, for: name)
                }
                let suffix = "\(repository.dropFirst(prefix.count))" + (name.tag.map { ":\($0)" } ?? "")
                let whole = signedPrefix + suffix + (name.digest.map { "@\($0)" } ?? "")
                guard let renamed = ImageName(whole) else { return false }
                return Self.repositoryDigestOrExact.accepts(reference, for: renamed)
            }
        }
    }
}
