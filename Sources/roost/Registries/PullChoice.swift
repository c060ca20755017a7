import ArgumentParser
import ComposeModel

/// What `--pull` and `--policy` say about all services.
enum PullChoice: String, ExpressibleByArgument, CaseIterable {
    case always, missing, never, policy
    case ifNotPresent = "if_not_present"
    case build

    /// When an image is fetched whose service says this; a service that says nothing fetches what is missing.
    func policy(of service: PullPolicy?) -> PullPolicy {
        switch self {
        case .always: .always
        case .missing, .ifNotPresent: .missing
        case .never: .never
        case .build: .build
        case .policy: service ?? .missing
        }
    }
}
