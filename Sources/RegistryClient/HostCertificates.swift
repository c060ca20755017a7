import LinuxSystem

/// Certificates for single registries, in docker's form: a directory for each `HOST[:PORT]`, in which `*.crt` are
/// authorities, and `*.cert` and `*.key` say who we are.
package struct HostCertificates: Hashable, Sendable {
    /// What is there for one host.
    package struct Files: Hashable, Sendable {
        package var authorities: [String] = []
        package var clientCertificate: String?
        package var clientKey: String?
    }

    private let directories: [String]

    /// Where docker and podman keep them; for users who aren't root also in their own settings.
    package init(_ environment: [String: String]) {
        let home = environment["XDG_CONFIG_HOME"] ?? environment["HOME"].map { "\($0)/.config" }
        let personal = home.map { ["\($0)/containers/certs.d"] } ?? []
        self.init(directories: personal + ["/etc/containers/certs.d", "/etc/docker/certs.d"])
    }

    package init(directories: [String]) { self.directories = directories }

    /// The files for a host; nil when there are none.
    package func files(for host: String) -> Files? {
        guard !host.contains("/"), host != "..", host != "." else { return nil }
        for directory in directories {
            let place = "\(directory)/\(host)"
            let names = namesInDirectory(place).sorted()
            var files = Files()
            files.authorities = names.filter { $0.hasSuffix(".crt") }.map { "\(place)/\($0)" }
            if let certificate = names.first(where: { $0.hasSuffix(".cert") }) {
                files.clientCertificate = "\(place)/\(certificate)"
                let key = "\(place)/\(certificate.dropLast(5)).key"
                files.clientKey = fileExists(key) ? key : nil
            }
            if files != Files() { return files }
        }
        return nil
    }
}
