import YAMLComposer

extension UnsupportedAttributes.Rule {
    /// Attributes of services.
    static let services = image + namespaces + devices + attachments + resources + deployment + lifecycle

    private static let image: [Self] = [
        .refuse(
            "build",
            "images are not built yet",
            hint: "build it elsewhere, bring it in with \"roost load -i FILE\", and name it with image:"
        ) { _, service in
            service["image"]?.string?.isEmpty ?? true
        },
        .warn("build", "images are not built yet; the image is taken as it is") { _, service in
            service["image"]?.string?.isEmpty == false
        },
        .warn("platform", "programs of another processor run only if the host emulates it") { value, _ in
            !isOwnPlatform(value.string ?? "")
        },
        .warn("pull_refresh_after", "the age of an image is not looked at", hint: "use pull_policy: daily or weekly"),
        .refuse("provider", "there is no way to hand a service to another program"),
        .refuse("runtime", "there is one runtime, which is built in", hint: "leave it out") { value, _ in
            !["runc", "crun", "io.containerd.runc.v2"].contains(value.string)
        },
        .refuse("models", "models are not served", hint: "run the model server as a service of its own"),
        .refuse("use_api_socket", "there is no engine whose socket could be used"),
        .refuse("credential_spec", "managed accounts are those of Windows"),
        .warn("isolation", "kinds of isolation are those of Windows") { value, _ in value.string != "default" },
        .warn("storage_opt", "the size of a container's own files is not limited"),
    ]

    private static let namespaces: [Self] = [
        .refuse("userns_mode", "containers use the host's user numbers", hint: "use host") { value, _ in
            value.string != "host"
        },
        .warn("ipc", "the container has its own /dev/shm") { value, _ in value.string == "none" },
        .warn("cgroup_parent", "the project's control group holds those of its containers"),
        .refuse(
            "network_mode",
            "there is no bridge outside of projects",
            hint: "leave it out to join the project's default network"
        ) { value, _ in ["bridge", "default"].contains(value.string) },
        .warn("security_opt/*", "AppArmor profiles are not put on") { value, _ in
            if case .appArmor(let profile) = option(value) { profile != "unconfined" } else { false }
        },
        .warn("security_opt/*", "SELinux labels are not put on") { value, _ in
            if case .label(let label) = option(value) { label != "disable" } else { false }
        },
    ]

    private static let devices: [Self] = [
        .refuse("gpus", "devices are not looked for", hint: "name the device nodes under devices"),
        .refuse(
            "deploy/resources/reservations/devices",
            "devices are not looked for",
            hint: "name the device nodes under devices"
        ),
    ]

    private static let attachments: [Self] = [
        .refuse("volumes/*", "only bind, volume and tmpfs can be mounted") { value, _ in
            ["npipe", "cluster", "image"].contains(value["type"]?.string)
        },
        .warn("volumes/*/bind/selinux", "SELinux labels are not changed"),
        .warn("volumes/*/consistency", "both sides of a mount are the same files anyway"),
        .refuse("volumes/*/bind/recursive", "mounts further down are read-only as well") { value, _ in
            value.string == "writable"
        },
        .warn("volumes/*/volume/labels", "a volume has the labels it is defined with"),
        .refuse("volumes_from", "mounts of other containers are not taken over", hint: "name the volumes in both"),
        .refuse(
            "links/*",
            "names of links are not looked up",
            hint: "put the name under networks: default: aliases: of the other service"
        ) { value, _ in ServiceLink(text: value.string ?? "").map { $0.alias != $0.service } ?? false },
        .refuse("external_links", "containers of other projects are not found by name"),
        .refuse("networks/*/link_local_ips", "no further addresses are given"),
        .warn("networks/*/driver_opts", "the bridge takes no options for one container"),
        .warn("logging/driver", "output is kept here only, as by json-file") { value, _ in
            if case .other = Logging.Driver(text: value.string ?? "") { true } else { false }
        },
        .warn("logging/options", "only max-size and max-file are known") { value, service in
            if case .other? = service["logging"]?["driver"]?.string.map(Logging.Driver.init(text:)) { return false }
            return value.mapping?.keys.contains { $0 != "max-size" && $0 != "max-file" } ?? false
        },
    ]

    private static let resources: [Self] = [
        .warn("blkio_config", "the use of disks is not limited"),
        .warn("cpu_rt_period", "real-time scheduling of groups is seldom in a kernel"),
        .warn("cpu_rt_runtime", "real-time scheduling of groups is seldom in a kernel"),
        .warn("cpu_count", "it is for Windows", hint: "use cpus"),
        .warn("cpu_percent", "it is for Windows", hint: "use cpus"),
        .warn("mem_swappiness", "control groups of version 2 have no such setting"),
        .warn("oom_kill_disable", "control groups of version 2 have no such setting"),
        .warn("deploy/resources/reservations/cpus", "processors are not reserved", hint: "use cpu_shares"),
        .warn("deploy/resources/reservations/generic_resources", "there is one machine to run on"),
    ]

    private static let deployment: [Self] = [
        .warn("deploy/mode", "containers of jobs run like any other") { value, _ in
            ["replicated-job", "global-job"].contains(value.string)
        },
        .warn("deploy/endpoint_mode", "a name stands for the addresses of all containers"),
        .warn("deploy/labels", "there is no object beside the containers", hint: "use labels of the service"),
        .warn("deploy/placement", "there is one machine to run on"),
        .warn("deploy/update_config", "a container stops before the one that replaces it starts"),
        .warn("deploy/rollback_config", "a failed change is not taken back"),
    ]

    private static let lifecycle: [Self] = [
        .refuse("pre_start", "no commands run before the start", hint: "use a service and depends_on"),
        .refuse("post_start", "no commands run after the start"),
        .warn("pre_stop", "no commands run before the stop"),
    ]

    /// Attributes of networks.
    static let networks: [Self] = [
        .refuse("driver", "there are bridges only", hint: "use bridge, or leave it out") { value, network in
            value.string != "bridge" && network["external"]?.bool != true
        },
        .warn("driver_opts", "of options of bridges only the name, mtu, enable_icc and enable_ip_masquerade are known")
        {
            value,
            _ in
            let known: Set = [
                "com.docker.network.bridge.name", "com.docker.network.driver.mtu",
                "com.docker.network.bridge.enable_icc", "com.docker.network.bridge.enable_ip_masquerade",
            ]
            return value.mapping?.keys.contains { !known.contains($0) } ?? false
        },
        .warn("attachable", "there is one machine to run on"),
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
