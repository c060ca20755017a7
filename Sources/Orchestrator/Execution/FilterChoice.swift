import ComposeModel
import ContainerRuntime
import LinuxSystem
import OCISpec

/// How a stored OCI configuration names its system call filter.
///
/// The standard filter has hundreds of names, which a configuration need not carry and a start need not write: an
/// annotation stands for it.
enum FilterChoice {
    private static let annotation = "io.roost.seccomp"
    private static let standard = "standard"

    /// The configuration as it is stored: with the annotation instead of the standard filter.
    static func replacingFilter(of spec: RuntimeSpec, _ service: Service) -> RuntimeSpec {
        guard spec.linux?.seccomp != nil, !service.hasOwnFilter else { return spec }
        var stored = spec
        stored.linux?.seccomp = nil
        stored.annotations = (stored.annotations ?? [:]).merging([annotation: standard]) { $1 }
        return stored
    }

    /// The configuration as it was when the container was started.
    static func restoringFilter(of stored: RuntimeSpec) -> RuntimeSpec {
        guard stored.annotations?[annotation] == standard else { return stored }
        var spec = stored
        let names = spec.process?.capabilities?.bounding ?? []
        let capabilities = names.compactMap { CapabilitySet(named: $0) }.reduce(into: CapabilitySet()) {
            $0.formUnion($1)
        }
        spec.linux?.seccomp = .standard(capabilities: capabilities)
        return spec
    }
}

extension Service {
    /// Whether its system call filter is another one than the standard.
    fileprivate var hasOwnFilter: Bool {
        securityOptions.contains { option in
            if case .seccompProfile = option { true } else { false }
        }
    }
}
