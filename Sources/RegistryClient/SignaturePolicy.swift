import ImageStore
import LinuxSystem

/// Which images may be pulled: containers-policy.json(5).
///
/// What a policy asks for and this program can't check is refused, never passed over.
package struct SignaturePolicy: Hashable, Sendable {
    /// What an image has to fulfil.
    enum Requirement: Hashable, Sendable {
        case acceptAnything
        case reject
        /// A signature of cosign's.
        case signed(Demand)
        /// A kind of signature.
        case unsupported(String)
    }

    /// The requirements by scope; the empty scope is for all registries.
    private var scopes: [String: [Requirement]] = [:]
    private var fallback: [Requirement] = [.acceptAnything]
    private var path = ""

    /// Everything is allowed.
    package init() {}

    /// Reads the first file that is there: `~/.config/containers/policy.json`, `/etc/containers/policy.json`.
    package static func reading(_ environment: [String: String]) throws(RegistryError) -> SignaturePolicy {
        let home = environment["XDG_CONFIG_HOME"] ?? environment["HOME"].map { "\($0)/.config" }
        let paths = (home.map { ["\($0)/containers/policy.json"] } ?? []) + ["/etc/containers/policy.json"]
        guard let path = paths.first(where: fileExists) else { return SignaturePolicy() }
        do {
            return try SignaturePolicy(readBytes(path, limit: 4 << 20), path: path)
        } catch {
            throw error as? RegistryError ?? RegistryError(.configuration, "read \(path): \(error)")
        }
    }

    /// Reads a policy's text; throws `configuration` when it makes no sense, since then nothing is known to be allowed.
    package init(_ bytes: [UInt8], path: String) throws(RegistryError) {
        func wrong(_ reason: String) -> RegistryError { RegistryError(.configuration, "read \(path): \(reason)") }
        func demand(_ object: [String: JSONValue], _ place: String) throws(RegistryError) -> Requirement {
            // Certificates of others, and logs of what was signed, are other ways to believe in a key.
            let known: Set = ["type", "keyPath", "keyPaths", "keyData", "keyDatas", "signedIdentity"]
            if let other = object.keys.sorted().first(where: { !known.contains($0) }) {
                return .unsupported("sigstoreSigned with \(other)")
            }
            var demand = Demand(place: "\(path): \(place)")
            for (one, many, list) in [("keyPath", "keyPaths", \Demand.paths), ("keyData", "keyDatas", \Demand.texts)] {
                let values = (object[one].map { [$0] } ?? []) + (object[many]?.list ?? [])
                demand[keyPath: list] = values.compactMap(\.text)
                guard demand[keyPath: list].count == values.count else {
                    throw wrong("\(place) has a key that is no text")
                }
            }
            guard !demand.paths.isEmpty || !demand.texts.isEmpty else {
                throw wrong("\(place) wants a signature, and names no key")
            }
            guard let identity = Identity(object["signedIdentity"]) else {
                throw wrong("\(place) has a signedIdentity that is not known")
            }
            demand.identity = identity
            return .signed(demand)
        }
        func requirements(_ value: JSONValue?, _ place: String) throws(RegistryError) -> [Requirement] {
            guard let list = value?.list, !list.isEmpty else { throw wrong("\(place) is no list of requirements") }
            var result: [Requirement] = []
            for entry in list {
                switch entry.object?["type"]?.text {
                case "insecureAcceptAnything": result.append(.acceptAnything)
                case "reject": result.append(.reject)
                case "sigstoreSigned": result.append(try demand(entry.object ?? [:], place))
                case let type?: result.append(.unsupported(type))
                case nil: throw wrong("\(place) has a requirement without a type")
                }
            }
            return result
        }
        guard let root = JSONValue.read(bytes)?.object else { throw wrong("it is no JSON object") }
        self.path = path
        fallback = try requirements(root["default"], "default")
        for (scope, value) in root["transports"]?.object?["docker"]?.object ?? [:] {
            scopes[scope] = try requirements(value, "transports.docker.\(scope)")
        }
    }

    /// Throws `forbidden` for an image that the policy does not allow, and `unsupported` for one that would need what can't
    /// be checked; returns the signatures that it needs.
    func check(_ name: ImageName) throws(RegistryError) -> [Demand] {
        let (scope, requirements) = requirements(for: name)
        var demands: [Demand] = []
        let place = scope.isEmpty ? "its default" : scope
        for requirement in requirements {
            switch requirement {
            case .acceptAnything: continue
            case .signed(let demand): demands.append(demand)
            case .reject: throw RegistryError(.forbidden, "image \(name): \(path) rejects it (\(place))")
            case .unsupported(let type):
                throw RegistryError(
                    .unsupported,
                    "image \(name): \(path) asks for a signature (\(place): \(type.printable)), which roost can't verify yet; "
                        + "it is not pulled"
                )
            }
        }
        return demands
    }

    /// The requirements of the most special scope that holds a name.
    private func requirements(for name: ImageName) -> (scope: String, requirements: [Requirement]) {
        let repository = "\(name.domain)/\(name.repository)"
        var candidates: [String] = []
        if let digest = name.digest { candidates.append("\(repository)@\(digest)") }
        if let tag = name.tag { candidates.append("\(repository):\(tag)") }
        var rest = Substring(repository)
        while !rest.isEmpty {
            candidates.append(String(rest))
            guard let slash = rest.lastIndex(of: "/") else { break }
            rest = rest[..<slash]
        }
        var domain = Substring(name.domain)
        while let dot = domain.firstIndex(of: ".") {
            domain = domain[domain.index(after: dot)...]
            candidates.append("*.\(domain)")
        }
        for candidate in candidates + [""] {
            if let found = scopes[candidate] { return (candidate, found) }
        }
        return ("", fallback)
    }
}
