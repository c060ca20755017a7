/// A service of a project: what its containers run, with what, and when.
package struct Service: Hashable, Sendable {
    // What it is made from.

    /// The key in the file.
    package var name: String
    /// The image; nil when it is only built.
    package var image: String?
    /// How the image is built; nil when it is not.
    package var build: ServiceBuild?
    /// Whether the image can be built.
    package var isBuilt: Bool { build != nil }
    /// When the image is fetched.
    package var pullPolicy: PullPolicy?
    /// The program that takes care of it in our place; nil for a service of containers.
    package var provider: ServiceProvider?
    /// The platform of the image: `os/arch[/variant]`.
    package var platform: String?
    /// The runtime; nil for the usual one.
    package var runtime: String?

    // What it is called.

    /// The name of its only container; nil for `project-service-number`.
    package var containerName: String?
    /// The host name inside; nil for the container's id.
    package var hostname: String?
    /// The domain name inside.
    package var domainName: String?
    /// Labels of the containers.
    package var labels: [String: String] = [:]
    /// Annotations of the containers.
    package var annotations: [String: String] = [:]
    /// The profiles that turn it on; empty for always on.
    package var profiles: [String] = []

    // What runs.

    /// The arguments; nil for the image's, empty for none.
    package var command: [String]?
    /// The program and its first arguments; nil for the image's, empty for none.
    package var entrypoint: [String]?
    /// Variables, with their values; those nobody gave a value are not here.
    package var environment: [String: String] = [:]
    /// The directory it starts in; nil for the image's.
    package var workingDirectory: String?
    /// Whom it runs as; nil for the image's choice.
    package var user: UserReference?
    /// Further groups, by number or name.
    package var supplementaryGroups: [UserReference.Account] = []
    /// Whether a small first process reaps children and passes signals on; nil when the file does not say.
    package var usesInit: Bool?
    /// Whether it has a terminal.
    package var hasTerminal = false
    /// Whether its standard input stays open.
    package var keepsInputOpen = false
    /// The signal that stops it; nil for the image's, then SIGTERM.
    package var stopSignal: Signal?
    /// How long it may take to stop; nil for ten seconds.
    package var stopGracePeriod: Duration?
    /// Commands that run to their end before the first container starts.
    package var preStart: [Hook] = []
    /// Commands that run in the container right after it started.
    package var postStart: [Hook] = []
    /// Commands that run in the container before it is stopped.
    package var preStop: [Hook] = []

    // What it may do.

    /// Whether it has every right of the host's root.
    package var isPrivileged = false
    /// Whether its root file system is read-only.
    package var hasReadOnlyRoot = false
    /// Capabilities it has beyond the usual ones.
    package var addedCapabilities = CapabilityNames()
    /// Usual capabilities it lacks.
    package var droppedCapabilities = CapabilityNames()
    /// How it is confined.
    package var securityOptions: [SecurityOption] = []
    /// Kernel parameters of its namespaces.
    package var sysctls: [String: String] = [:]
    /// Limits of its processes.
    package var ulimits: [Ulimit] = []
    /// What it may use of the machine.
    package var resources = ServiceResources()
    /// Device nodes it sees.
    package var devices: [DeviceMapping] = []
    /// Devices it may open beside those it sees.
    package var deviceRules: [DeviceRule] = []

    // Which namespaces it shares.

    /// Whose processes it sees.
    package var pidMode = NamespaceMode.own
    /// Whose host name it has.
    package var utsMode = NamespaceMode.own
    /// Whose user numbers it has; nil when the file does not say.
    package var userMode: NamespaceMode?
    /// Whose control groups it sees; nil when the file does not say.
    package var cgroupMode: NamespaceMode?
    /// Whose shared memory it uses.
    package var ipcMode = IPCMode.private
    /// The control group its own lies beneath.
    package var cgroupParent: String?

    // What it is attached to.

    /// The network it has instead of `networks`.
    package var networkMode: NetworkMode?
    /// The networks it joins, in file order; empty when `networkMode` says otherwise.
    package var networks: [NetworkAttachment] = []
    /// The hardware address on the first network.
    package var macAddress: HardwareAddress?
    /// Ports that the host passes on to it.
    package var ports: [PortMapping] = []
    /// Ports it says it has, for others to read.
    package var exposedPorts: [ExposedPort] = []
    /// Resolvers it asks; empty for the usual ones.
    package var dnsServers: [InternetAddress] = []
    /// Domains that short names are looked up in.
    package var dnsSearch: [String] = []
    /// Options of its resolver.
    package var dnsOptions: [String] = []
    /// Names in its hosts file.
    package var extraHosts: [HostEntry] = []
    /// Other services under further names.
    package var links: [ServiceLink] = []
    /// Containers of others under further names.
    package var externalLinks: [ServiceLink] = []
    /// What is mounted into it, in file order.
    package var mounts: [Mount] = []
    /// File systems in memory, of the short form `tmpfs`.
    package var memoryMounts: [MemoryMount] = []
    /// Whose mounts it has as well.
    package var mountsFrom: [MountsSource] = []
    /// Secrets it sees as files.
    package var secrets: [FileAttachment] = []
    /// Configs it sees as files.
    package var configs: [FileAttachment] = []

    // When it runs.

    /// What must come first.
    package var dependencies: [Dependency] = []
    /// How its health is asked for; nil for the image's way.
    package var healthCheck: HealthCheck?
    /// When its containers start again by themselves.
    package var restart = RestartPolicy()
    /// How many containers it has.
    package var replicas = 1
    /// How containers spread over machines.
    package var deployMode = DeployMode.replicated
    /// How a change is rolled out.
    package var update: UpdatePolicy?
    /// How a failed change is taken back.
    package var rollback: UpdatePolicy?
    /// Whether `up` shows its output.
    package var isAttached = true
    /// What happens to its output.
    package var logging = Logging()

    /// A service called `name`, of which nothing else is known.
    package init(name: String) { self.name = name }
}
