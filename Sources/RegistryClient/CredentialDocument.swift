import Glibc
import LinuxSystem

extension CredentialFiles {
    /// One file of credentials.
    struct Document {
        let path: String
        private var root: [String: JSONValue]

        /// Reads a file; nil when there is none.
        ///
        /// Throws `configuration` when it can't be read.
        init?(_ path: String) throws(RegistryError) {
            guard fileExists(path) else { return nil }
            let bytes: [UInt8]
            do throws(SyscallError) { bytes = try readBytes(path, limit: 4 << 20) } catch {
                throw RegistryError(.configuration, "read \(path): \(error)")
            }
            self.path = path
            guard !bytes.allSatisfy({ $0 == 0x20 || $0 == 0x0a }) else {
                root = [:]
                return
            }
            guard let object = JSONValue.read(bytes)?.object else {
                throw RegistryError(.configuration, "read \(path): it is no JSON object; correct it, or move it away")
            }
            root = object
        }

        /// A file that is not there yet.
        init(empty path: String) {
            self.path = path
            root = [:]
        }

        /// The helper that has everything; nil without one.
        var store: String? { root["credsStore"]?.text.flatMap { $0.isEmpty ? nil : $0 } }
        /// The helpers of single registries.
        var helpers: [String: String] { (root["credHelpers"]?.object ?? [:]).compactMapValues(\.text) }

        /// What stands under a name.
        func entry(_ key: String) -> [String: JSONValue]? { root["auths"]?.object?[key]?.object }

        mutating func set(_ credential: Credential, _ key: String) {
            var all = root["auths"]?.object ?? [:]
            switch credential {
            case .password(let user, let password):
                all[key] = .object(["auth": .text(Base64Text.encoded(Array("\(user):\(password)".utf8)))])
            case .identityToken(let token): all[key] = .object(["identitytoken": .text(token)])
            }
            root["auths"] = .object(all)
        }

        /// False when there was nothing.
        mutating func remove(_ key: String) -> Bool {
            guard var all = root["auths"]?.object, all.removeValue(forKey: key) != nil else { return false }
            root["auths"] = .object(all)
            return true
        }

        /// Replaces the file as a whole; nobody but its owner reads it.
        func write() throws(RegistryError) {
            let bytes = try JSONValue.object(root).written()
            // A link leads to where somebody wants the file to be.
            let target = realpath(path, nil).map { real in
                defer { free(real) }
                return String(cString: real)
            }
            let place = target ?? path
            let temporary = "\(place).\(getpid()).new"
            do throws(SyscallError) {
                if let slash = place.lastIndex(of: "/"), slash != place.startIndex {
                    try makeDirectories(String(place[..<slash]))
                }
                let flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW
                unlink(temporary)
                let raw = open(temporary, flags, 0o600)
                guard raw >= 0 else { throw SyscallError(call: "open", subject: temporary, errno: .current) }
                let file = OwnedDescriptor(adopting: raw)
                try file.writeAll(bytes, subject: temporary)
                guard fsync(raw) == 0, rename(temporary, place) == 0 else {
                    throw SyscallError(call: "rename", subject: place, errno: .current)
                }
            } catch {
                unlink(temporary)
                throw RegistryError(.configuration, "write \(path): \(error)")
            }
        }
    }
}
