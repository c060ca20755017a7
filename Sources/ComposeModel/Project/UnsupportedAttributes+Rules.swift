import YAMLComposer

extension UnsupportedAttributes.Rule {
    /// Attributes of services.
    static let services = image + build + namespaces + devices + attachments + resources + deployment + lifecycle

    private static let image: [Self] = [
        .warn("platform", "programs of another processor run only if the host emulates it") { value, _ in
            !isOwnPlatform(value.string ?? "")
        },
        .warn("pull_refresh_after", "it counts with pull_policy: refresh only") { _, service in
            service["pull_policy"]?.string != "refresh"
        },
        .refuse("models", "models are not served", hint: "run the model server as a service of its own"),
        .refuse("use_api_socket", "there is no engine whose socket could be used"),
        .warn("credential_spec", "managed accounts are those of Windows"),
        .warn("isolation", "kinds of isolation are those of Windows") { value, _ in value.string != "default" },
        .warn("storage_opt", "overlayfs has no limit of its own for a container's files"),
    ]

    private static let build: [Self] = [
        .refuse("build/platforms/*", "images are built for the host's own platform") { value, _ in
            !isOwnPlatform(value.string ?? "")
        },
        .refuse(
            "build/context",
            "nothing is fetched by this kind of address",
            hint: "name a directory, a git repository, or a file over https"
        ) { value, _ in isAddress(value.string ?? "") && !isFetched(value.string ?? "") },
        .refuse(
            "build/additional_contexts/*",
            "nothing is fetched by this kind of address",
            hint:
                "name a directory, a git repository, a file over https, an image with docker-image://, or a service with service:"
        ) { value, _ in
            let text = value.string ?? ""
            return isAddress(text) && !text.hasPrefix("docker-image://") && !isFetched(text)
        },
        .warn("build/secrets/*/uid", "the instruction that mounts a secret says whose it is"),
        .warn("build/secrets/*/gid", "the instruction that mounts a secret says whose it is"),
        .warn("build/secrets/*/mode", "the instruction that mounts a secret says who may read it"),
        .warn("build/isolation", "kinds of isolation are those of Windows") { value, _ in value.string != "default" },
        .warn("build/provenance", "no attestation is attached to images") { value, _ in
            !["false", "0"].contains(value.scalarText?.lowercased())
        },
        .warn("build/sbom", "no bill of materials is attached to images") { value, _ in
            !["false", "0"].contains(value.scalarText?.lowercased())
        },
        .warn("build/cache_from/*", "caches in registries are not read", hint: "use type=local,src=DIRECTORY") {
            value,
            _ in
            value.string?.contains("type=local") != true
        },
        .warn("build/cache_to/*", "caches in registries are not written", hint: "use type=local,dest=DIRECTORY") {
            value,
            _ in
            value.string?.contains("type=local") != true
        },
    ]

    private static func isAddress(_ text: String) -> Bool {
        text.contains("://") || text.hasPrefix("git@") || text.hasPrefix("github.com/")
    }

    private static func isFetched(_ text: String) -> Bool {
        RepositoryAddress.isOne(text) || ["https://", "http://"].contains(where: text.hasPrefix)
    }

    private static let namespaces: [Self] = [
        .refuse(
            "userns_mode",
            "services have no user namespace, their user numbers are the host's",
            hint: "leave it out, or use host; auto, keep-id, nomap and private are Podman's"
        ) { value, _ in
            !["host", ""].contains(value.string)
        },
        .warn("security_opt/*", "AppArmor profiles are not put on") { value, _ in
            if case .appArmor(let profile) = option(value) { profile != "unconfined" } else { false }
        },
        .warn("security_opt/*", "SELinux labels are not put on") { value, _ in
            if case .label(let label) = option(value) { label != "disable" } else { false }
        },
    ]

    private static let devices: [Self] = [
        .warn("gpus/*/options", "drivers of devices take no options"),
        .warn("deploy/resources/reservations/devices/*/options", "drivers of devices take no options"),
    ]

    private static let attachments: [Self] = [
        .refuse("volumes/*", "only bind, volume, tmpfs and image can be mounted") { value, _ in
            ["npipe", "cluster"].contains(value["type"]?.string)
        },
        .warn("volumes/*/consistency", "both sides of a mount are the same files anyway"),
        .warn(
            "networks/*/driver_opts",
            "of options for one container only endpoint.ifname and endpoint.sysctls are known"
        ) {
            value,
            _ in
            let known: Set = ["com.docker.network.endpoint.ifname", "com.docker.network.endpoint.sysctls"]
            return value.mapping?.keys.contains { !known.contains($0) } ?? false
        },
        .warn("logging/driver", "output is kept here only, as by json-file") { value, _ in
            if case .other = Logging.Driver(text: value.string ?? "") { true } else { false }
        },
        .warn("logging/options", "only max-size and max-file are known") { value, service in
            if case .other? = service["logging"]?["driver"]?.string.map(Logging.Driver.init(text:)) { return false }
            return value.mapping?.keys.contains { $0 != "max-size" && $0 != "max-file" } ?? false
        },
    ]

    private static let resources: [Self] = [
        .warn("cpu_count", "it is for Windows", hint: "use cpus"),
        .warn("cpu_percent", "it is for Windows", hint: "use cpus"),
        .warn("deploy/resources/reservations/cpus", "processors are not reserved", hint: "use cpu_shares"),
        .warn("deploy/resources/reservations/generic_resources", "there is one machine to run on"),
    ]

    private static let deployment: [Self] = [
        .warn("deploy/mode", "containers of jobs run like any other") { value, _ in
            ["replicated-job", "global-job"].contains(value.string)
        },
        .warn("deploy/endpoint_mode", "a name stands for the addresses of all containers", hint: "use dnsrr") {
            value,
            _ in
            value.string != "dnsrr"
        },
        .warn("deploy/labels", "there is no object beside the containers", hint: "use labels of the service"),
        .warn("deploy/placement", "there is one machine to run on"),
        .warn("deploy/update_config", "a container stops before the one that replaces it starts"),
        .warn("deploy/rollback_config", "a failed change is not taken back"),
    ]

    private static let lifecycle: [Self] = [
        .refuse("pre_start/*/per_replica", "commands before the start run once for all containers of a service")
    ]

    /// Attributes of networks.
    static let networks: [Self] = [
        .refuse("driver", "there are bridges and macvlan only", hint: "use bridge, or leave it out") { value, network in
            !["bridge", "macvlan"].contains(value.string) && network["external"]?.bool != true
        },
        .refuse("driver", "macvlan needs the interface that it is on", hint: "add driver_opts: {parent: eth0}") {
            value,
            network in
            value.string == "macvlan" && network["external"]?.bool != true
                && network["driver_opts"]?["parent"]?.scalarText?.isEmpty ?? true
        },
        .refuse("driver_opts/macvlan_mode", "there are the modes bridge, private, vepa and passthru") { value, _ in
            !["bridge", "private", "vepa", "passthru"].contains(value.string)
        },
        .warn(
            "driver_opts",
            "of options of bridges only name, mtu, enable_icc, enable_ip_masquerade and host_binding_ipv4 are known"
        ) { value, network in
            let bridge: Set = [
                "com.docker.network.bridge.name", "com.docker.network.driver.mtu",
                "com.docker.network.bridge.enable_icc", "com.docker.network.bridge.enable_ip_masquerade",
                "com.docker.network.bridge.host_binding_ipv4",
            ]
            let known = network["driver"]?.string == "macvlan" ? ["parent", "macvlan_mode"] : bridge
            return value.mapping?.keys.contains { !known.contains($0) } ?? false
        },
        .refuse("ipam/driver", "addresses are given in one way") { value, _ in value.string != "default" },
        .warn("ipam/options", "what hands out addresses takes no options"),
    ]

    /// Attributes of volumes.
    static let volumes: [Self] = [
        .refuse("driver", "volumes are directories of this machine", hint: "use local, or leave it out") {
            value,
            volume in
            value.string != "local" && volume["external"]?.bool != true
        },
        .refuse("driver_opts", "volumes have the options type, o and device only") { value, volume in
            volume["external"]?.bool != true
                && value.mapping?.keys.contains { !["type", "o", "device"].contains($0) } ?? false
        },
    ]

    private static let elsewhere = "there is no store of them outside of projects"

    /// Attributes of secrets.
    static let secrets: [Self] = [
        .refuse("external", elsewhere, hint: "use file or environment"),
        .refuse("driver", elsewhere, hint: "use file or environment"),
        .refuse("driver_opts", elsewhere, hint: "use file or environment"),
        .refuse("template_driver", "the content is not a template"),
    ]

    /// Attributes of configs.
    static let configs: [Self] = [
        .refuse("external", elsewhere, hint: "use file, environment or content"),
        .refuse("template_driver", "the content is not a template"),
    ]

    private static func option(_ node: YAMLNode) -> SecurityOption? { SecurityOption(text: node.string ?? "") }

    /// Whether programs of a platform are those of this machine.
    private static func isOwnPlatform(_ text: String) -> Bool {
        #if arch(x86_64)
        let own = ["linux", "amd64", "x86_64", "linux/amd64", "linux/x86_64"]
        #else
        let own = ["linux", "arm64", "aarch64", "linux/arm64", "linux/aarch64", "linux/arm64/v8"]
        #endif
        return own.contains(text.lowercased()) || text.lowercased().hasPrefix(own[3] + "/")
    }
}
