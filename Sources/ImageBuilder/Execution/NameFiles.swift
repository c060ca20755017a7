import ContainerNetwork
import LinuxSystem

/// The files of `/etc` by which a step's commands find names.
struct NameFiles {
    /// What steps are called: the same in every build, as it may show in what they make.
    static let hostname = "buildkitsandbox"

    let all: [(name: String, text: String)]

    /// Those of a step in a network of the build's; without one, in the host's.
    ///
    /// `hostname` is the step's, nil for the usual.
    init(_ settings: BuildSettings, _ network: BuildNetwork.Place?, hostname: String?) throws {
        let hosts = HostsFile(
            hostname: hostname ?? Self.hostname,
            addresses: network?.addresses ?? [.v4(.loopback)],
            extra: settings.extraHosts.map { .init($0.name, $0.address) },
            hostGateway: network?.gateways.isEmpty == false ? network?.gateways ?? [] : [.v4(.loopback)]
        )
        do {
            all = [
                ("hosts", try hosts.text()), ("resolv.conf", BuildNetwork.resolverFile(isHost: network == nil)),
            ]
        } catch { throw BuildError(.notFound, "\(error)") }
    }
}
