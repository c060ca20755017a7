import ContainerNetwork
import ContainerRuntime
import LinuxSystem
import OCISpec
import Synchronization

/// A container whose process lives, as this supervisor knows it.
final class LiveContainer: Sendable {
    let name: String
    let service: String
    let isOneOff: Bool
    let definition: ServiceDefinition
    let blueprint: Blueprint
    let spec: RuntimeSpec
    let process: ProcessRecord
    let pidfd: OwnedDescriptor
    let group: ContainerCgroup
    /// Opens when the process has ended.
    let ended = Gate()
    private let readiness: Mutex<Bool>
    private let stopping = Mutex(false)
    private let entrance = Mutex(())
    private let held = Mutex(false)
    private let checks = Mutex<Task<Void, Never>?>(nil)

    init(
        _ state: ContainerState,
        definition: ServiceDefinition,
        blueprint: Blueprint,
        spec: RuntimeSpec,
        process: ProcessRecord,
        pidfd: consuming OwnedDescriptor,
        group: ContainerCgroup
    ) {
        name = state.name
        service = state.service
        isOneOff = state.isOneOff
        self.definition = definition
        self.blueprint = blueprint
        self.spec = spec
        self.process = process
        self.pidfd = pidfd
        self.group = group
        readiness = Mutex(blueprint.probe == nil || state.actual?.health == .healthy)
    }

    /// Whether requests may be sent to it.
    var isReady: Bool {
        get { readiness.withLock { $0 } }
        set { readiness.withLock { $0 = newValue } }
    }

    /// Whether it has been asked to end.
    var isStopping: Bool {
        get { stopping.withLock { $0 } }
        set { stopping.withLock { $0 = newValue } }
    }

    /// Whether its processes are held still.
    var isHeld: Bool {
        get { held.withLock { $0 } }
        set { held.withLock { $0 = newValue } }
    }

    /// Starts a program in the container, unless it is held still.
    ///
    /// Until it executes, such a program has all that the supervisor has open. Held still at that moment it would keep
    /// it, ports of name servers too, from a successor; so nobody holds a container still meanwhile.
    func enter<Value: ~Copyable>(_ body: () throws -> Value) throws -> Value {
        try entrance.withLock { _ in
            guard !isHeld else {
                throw ExecutionError("\(name) is paused", hint: "let it go on with \"roost unpause\"")
            }
            return try body()
        }
    }

    /// Holds the container still while nobody is about to execute a program in it.
    func hold(_ body: () throws -> Void) throws {
        isHeld = true
        try entrance.withLock { _ in try body() }
    }

    /// Begins checking its health.
    func beginChecks(_ body: @escaping @Sendable () async -> Void) {
        checks.withLock { $0 = Task { await body() } }
    }

    /// Ends checking its health.
    func endChecks() { checks.withLock { $0 }?.cancel() }
}
