import ContainerRuntime
import LinuxSystem
import OCISpec
import Synchronization

/// A container that runs and lends namespaces to another one, of this project or of any.
struct Companion: Sendable {
    let process: ProcessRecord
    let spec: RuntimeSpec
    let identity: ProcessIdentity

    /// Opens its process; throws when it has just ended.
    func open(_ words: String) throws -> OwnedDescriptor {
        guard let pidfd = try identity.open() else { throw ExecutionError("\(words) has just ended") }
        return pidfd
    }
}

extension Machine {
    /// A container, as another one's definition names it.
    enum Owner {
        case service(String), container(String)

        /// In words.
        var words: String {
            switch self {
            case .service(let name): "service \(name)"
            case .container(let name): "container \(name)"
            }
        }
    }

    /// A container that runs: of our own services, or by its name of any project.
    func companion(_ owner: Owner) throws -> Companion {
        let live = shared.withLock { Array($0.live.values) }
        let found: LiveContainer? =
            switch owner {
            case .service(let name):
                live.filter { $0.service == name && !$0.isOneOff }.min { $0.name < $1.name }
            case .container(let name): live.first { $0.name == name }
            }
        if let found { return Companion(found.process, found.spec) }
        if case .container(let name) = owner, let other = try other(named: name),
            let process = try other.directory.process(of: name),
            let spec = try other.directory.specification(of: name)
        {
            let companion = Companion(process, spec)
            if try companion.identity.open() != nil { return companion }
        }
        throw ExecutionError("\(owner.words) does not run", hint: "start it first")
    }
}

extension Companion {
    fileprivate init(_ process: ProcessRecord, _ spec: RuntimeSpec) {
        self.process = process
        self.spec = spec
        identity = ProcessIdentity(pid: process.pid, start: process.start)
    }
}
