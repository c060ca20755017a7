/// The attributes of a Compose file.
enum Schema {
    /// A service.
    static let service = ObjectShape(
        processAttributes.merging(containerAttributes) { $1 }.merging(resourceAttributes) { $1 }
            .merging(attachmentAttributes) { $1 }.merging(lifecycleAttributes) { $1 }
    )

    /// What runs in the container, and as whom.
    private static let processAttributes: [String: Shape] = [
        "command": .command, "entrypoint": .command, "environment": .environment,
        "env_file": .shorthand(.environmentFiles, for: .list(of: .object(environmentFile), by: .key("path"))),
        "working_dir": .text, "user": .text, "group_add": .list(of: .wholeText, by: .unique),
        "tty": .flag, "stdin_open": .flag, "init": .keptFlag, "privileged": .flag, "read_only": .flag,
        "cap_add": .texts, "cap_drop": .texts, "security_opt": .uniqueTexts,
        "credential_spec": .object(ObjectShape(["config": .text, "file": .text, "registry": .text])),
        "stop_signal": .text, "stop_grace_period": .duration,
    ]

    /// The container's identity, namespaces and what it is made from.
    private static let containerAttributes: [String: Shape] = [
        "annotations": .pairs, "attach": .keptFlag, "build": .shorthand(.attribute("context"), for: .object(build)),
        "cgroup": .word("host", "private"), "cgroup_parent": .text, "container_name": .text(.containerName),
        "domainname": .text,
        "hostname": .text, "image": .text, "ipc": .text, "isolation": .text, "labels": .pairs,
        "label_file": .shorthand(.single(isSpelledOut: true), for: .list(of: .text, by: .none)), "mac_address": .text,
        "network_mode": .emptyText, "pid": .optionalText,
        "platform": .text, "pull_policy": .text(.pullPolicy), "pull_refresh_after": .text, "runtime": .text,
        "uts": .text,
        "userns_mode": .text, "use_api_socket": .scalar(Scalar([.boolean], .boolean)), "sysctls": .pairs,
        "logging": .object(logging),
        "provider": .object(
            ObjectShape(
                [
                    "type": .text,
                    "options": .map(
                        of: .shorthand(.lateSingle, for: .list(of: optionScalar, by: .none))
                    ),
                ],
                required: ["type"]
            )
        ),
    ]

    /// What the container may use.
    private static let resourceAttributes: [String: Shape] = [
        "blkio_config": .object(blockIO), "cpu_count": .integer(0...Int.max),
        "cpu_percent": .scalar(Scalar([.integer, .string], .decimal, bounds: 0...100)), "cpu_shares": .number,
        "cpu_quota": .number, "cpu_period": .number, "cpu_rt_period": .number, "cpu_rt_runtime": .number,
        "cpus": .decimal, "cpuset": .text, "mem_limit": .bytes, "mem_reservation": .wholeBytes,
        "mem_swappiness": .wholeBytes, "memswap_limit": .bytes, "oom_kill_disable": .flag,
        "oom_score_adj": .integer(-1000...1000, showsZero: true),
        "pids_limit": .number, "shm_size": .bytes, "storage_opt": .map(of: wholeOption), "ulimits": ulimits,
        "device_cgroup_rules": .uniqueTexts,
        "gpus": .shorthand(.gpus, for: .list(of: .object(gpuRequest), by: .none)),
    ]

    /// What the container is attached to.
    private static let attachmentAttributes: [String: Shape] = [
        "configs": .list(of: fileReference, by: .fileReference(directory: "/")),
        "secrets": .list(of: fileReference, by: .fileReference(directory: "/run/secrets/")),
        "devices": .list(of: .shorthand(.device, for: .object(device)), by: .key("target")),
        "dns": .listedTexts, "dns_opt": .texts, "dns_search": .textOrTexts,
        "expose": .list(of: .wholeText, by: .value), "external_links": .uniqueTexts, "extra_hosts": extraHosts,
        "links": .texts, "networks": .shorthand(.names(defaults: [:]), for: .map(of: .object(attachment))),
        "models": .shorthand(
            .names(defaults: [:]),
            for: .map(of: .object(ObjectShape(["endpoint_var": .text, "model_var": .text], nullable: true)))
        ),
        "ports": .list(of: .shorthand(.port, for: .object(port)), by: .port), "tmpfs": .textOrTexts,
        "volumes": .list(of: .shorthand(.mount, for: .object(mount)), by: .mountTarget), "volumes_from": .uniqueTexts,
    ]

    /// When the container runs.
    private static let lifecycleAttributes: [String: Shape] = [
        "depends_on": .shorthand(
            .names(defaults: ["condition": "service_started"]),
            for: .map(of: .object(dependency))
        ),
        "deploy": .object(deploy), "develop": .object(develop),
        "extends": .shorthand(
            .attribute("service"),
            for: .object(
                ObjectShape(
                    ["service": .text, "file": .text],
                    required: ["service"],
                    extensible: false,
                    isLenient: true
                )
            )
        ),
        "healthcheck": .object(healthcheck), "post_start": .list(of: .object(hook), by: .none),
        "pre_start": .list(of: .object(startStep), by: .none), "pre_stop": .list(of: .object(hook), by: .none),
        "profiles": .texts, "restart": .text, "scale": .keptInteger,
    ]

    private static let optionScalar = Shape.scalar(Scalar([.string, .number, .boolean], .text, keepsZero: true))
    private static let optionValue = Shape.scalar(
        Scalar([.string, .number, .null], .emptiableText, keepsZero: true)
    )
    private static let wholeOption = Shape.scalar(
        Scalar([.string, .number, .null], .wholeText, keepsZero: true)
    )
    private static let logging = {
        var shape = ObjectShape(["driver": .text, "options": .map(of: optionValue)])
        shape.belongsToDriver = true
        return shape
    }()
    private static let environmentFile = ObjectShape(
        ["path": .text, "format": .text, "required": .keptFlag],
        required: ["path"],
        extensible: false
    )
    private static let dependency = ObjectShape(
        [
            "restart": .flag, "required": .scalar(Scalar([.boolean], .boolean, keepsZero: true)),
            "condition": .word("service_started", "service_healthy", "service_completed_successfully"),
        ],
        required: ["condition"]
    )
    private static let healthcheck = ObjectShape([
        "disable": .flag, "interval": .duration,
        "retries": .scalar(Scalar([.number, .string], .integer, keepsZero: true, bounds: 0...Int.max)),
        "timeout": .duration,
        "start_period": .duration, "start_interval": .duration,
        "test": .shorthand(.healthTest, for: .list(of: .text, by: .whole)),
    ])
    private static let hookAttributes: [String: Shape] = [
        "command": .command, "user": .text, "privileged": .flag, "working_dir": .text,
        "environment": .uniqueEnvironment,
    ]
    private static let hook = ObjectShape(hookAttributes, required: ["command"])
    private static let startStep = ObjectShape(
        hookAttributes.merging(["image": .text, "per_replica": .flag]) { $1 }
    )
}
