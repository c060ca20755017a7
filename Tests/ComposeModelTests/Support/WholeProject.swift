import ComposeModel
import YAMLComposer

/// A project that has every attribute, each with a value that differs from leaving it out.
enum WholeProject {
    /// The other files.
    static let files = [
        "inc/part.yaml": "services: {included: {image: x, environment: {V: \"$V\"}, volumes: [\"./p:/p\"]}}",
        "inc/vars": "V=1\n",
        "other/base.yaml": "services: {one: {image: base, user: \"7\"}}",
        "web.env": "A=\"1\"\n",
        "web.labels": "l=1\n",
    ]

    /// The file that has all of it.
    static let text = """
        version: "3"
        name: whole
        include: [{path: inc/part.yaml, env_file: inc/vars, project_directory: elsewhere}]
        services:
        \(services)
        models: {m: {name: n, model: ai/x, context_size: 1, runtime_flags: [a]}}
        networks:
          front:
            name: n1
            driver: bridge
            driver_opts: {com.docker.network.driver.mtu: "1400"}
            internal: true
            enable_ipv4: true
            enable_ipv6: true
            attachable: true
            labels: {a: b}
            ipam:
              driver: own
              config: [{subnet: 10.9.0.0/16, ip_range: 10.9.1.0/24, gateway: 10.9.0.9, aux_addresses: {h: 10.9.0.8}}, {subnet: "fd00:9::/64"}]
              options: {a: b}
          outside: {external: {name: real}}
        volumes:
          data: {name: v1, driver: local, driver_opts: {type: tmpfs, device: tmpfs}, labels: {a: b}}
          outside: {external: {name: real}}
        secrets:
          s: {name: s1, file: ./s, labels: {a: b}}
          e: {environment: HOME}
          far: {driver: d, driver_opts: {a: b}, template_driver: golang, file: ./x}
          outside: {external: {name: real}}
        configs:
          c: {name: c1, content: text, labels: {a: b}, template_driver: golang}
          f: {file: ./c}
          e: {environment: HOME}
          outside: {external: {name: real}}
        """

    /// Attributes that exclude each other stand in services of their own.
    private static let services = """
          web:
            image: nginx
            annotations: {a: b}
            attach: false
            blkio_config:
              device_read_bps: [{path: /dev/sda, rate: 1}]
              device_read_iops: [{path: /dev/sda, rate: 1}]
              device_write_bps: [{path: /dev/sda, rate: 1}]
              device_write_iops: [{path: /dev/sda, rate: 1}]
              weight: 20
              weight_device: [{path: /dev/sda, weight: 20}]
            build:
              context: app
              dockerfile: D
              entitlements: [network.host]
              args: {a: b}
              ssh: {a: b}
              labels: {a: b}
              cache_from: [a]
              cache_to: [a]
              no_cache: true
              no_cache_filter: a
              additional_contexts: {a: b}
              network: host
              provenance: "true"
              sbom: "true"
              pull: true
              target: t
              shm_size: 1
              extra_hosts: ["a=1.2.3.4"]
              isolation: default
              privileged: true
              secrets: [{source: s, target: t, uid: "1", gid: "1", mode: 0400}]
              tags: [a]
              ulimits: {nofile: {soft: 1, hard: 2}}
              platforms: [linux/amd64]
            cap_add: [SYS_TIME]
            cap_drop: [CHOWN]
            cgroup: host
            cgroup_parent: /p
            command: [a]
            configs: [{source: c, target: /t, uid: "1", gid: "1", mode: 0400}]
            container_name: mine
            cpu_count: 1
            cpu_percent: 1
            cpu_shares: 1
            cpu_quota: 1000
            cpu_period: 1000
            cpu_rt_period: 1
            cpu_rt_runtime: 1
            cpus: 1
            cpuset: "0"
            credential_spec: {config: a, file: b, registry: c}
            depends_on: {db: {condition: service_healthy, restart: true, required: false}}
            develop:
              watch:
                - path: .
                  action: sync+exec
                  target: /t
                  ignore: a
                  include: b
                  initial_sync: true
                  exec: {command: [a], user: "1", privileged: true, working_dir: /w, environment: {A: b}}
            device_cgroup_rules: ["c 1:1 r"]
            devices: [{source: /dev/null, target: /dev/n, permissions: r}]
            dns: 1.1.1.1
            dns_opt: [ndots:2]
            dns_search: a
            domainname: d
            entrypoint: [e]
            env_file: [{path: web.env, format: raw}, {path: none.env, required: false}]
            label_file: web.labels
            environment: {E: f}
            expose: ["99"]
            external_links: [a]
            extra_hosts: ["a=1.2.3.4"]
            gpus: [{capabilities: [gpu], count: 1, driver: d, options: {a: b}}, {device_ids: [x], capabilities: [gpu]}]
            group_add: [3]
            healthcheck:
              {test: [CMD, a], interval: 1s, timeout: 2s, retries: 4, start_period: 5s, start_interval: 1s}
            hostname: h
            init: true
            ipc: host
            isolation: other
            labels: {m: n}
            links: [db]
            logging: {driver: local, options: {max-size: 1m}}
            mac_address: "02:42:ac:11:00:07"
            mem_limit: 1g
            mem_reservation: 1m
            mem_swappiness: 3
            memswap_limit: 2g
            models: {m: {endpoint_var: A, model_var: B}}
            networks:
              front:
                aliases: [w]
                interface_name: e1
                ipv4_address: 10.9.0.7
                ipv6_address: "fd00:9::7"
                link_local_ips: [169.254.1.1]
                mac_address: "02:42:ac:11:00:02"
                driver_opts: {a: b}
                priority: 1
                gw_priority: 1
              outside: {}
            oom_kill_disable: true
            oom_score_adj: 3
            pid: host
            pids_limit: 9
            platform: linux/amd64
            ports:
              - {name: n, mode: host, host_ip: 127.0.0.1, target: 80, published: "80", protocol: udp, app_protocol: http}
            pre_start:
              - command: [a]
                image: i
                user: "1"
                privileged: true
                working_dir: /w
                environment: {A: b}
                per_replica: true
            post_start: [{command: [a], user: "1", privileged: true, working_dir: /w, environment: {A: b}}]
            pre_stop: [{command: [a], user: "1", privileged: true, working_dir: /w, environment: {A: b}}]
            privileged: true
            pull_policy: refresh
            pull_refresh_after: 1h
            read_only: true
            restart: always
            runtime: crun
            secrets: [{source: s, target: /t2, uid: "1", gid: "1", mode: 0400}, e, far]
            security_opt: [no-new-privileges]
            shm_size: 1m
            stdin_open: true
            stop_grace_period: 3s
            stop_signal: SIGINT
            storage_opt: {size: 1g}
            sysctls: {net.a: "1"}
            tmpfs: /tt
            tty: true
            ulimits: {nofile: {soft: 1, hard: 2}}
            use_api_socket: true
            user: "1"
            userns_mode: host
            uts: host
            volumes:
              - type: bind
                source: ./a
                target: /b
                read_only: true
                consistency: cached
                bind: {propagation: shared, create_host_path: true, recursive: disabled, selinux: z}
              - {type: volume, source: data, target: /d, volume: {labels: {a: b}, nocopy: true, subpath: s}}
              - {type: tmpfs, target: /m, tmpfs: {size: 5, mode: 0700}}
              - {type: image, source: i, target: /i, image: {subpath: p}}
              - {type: volume, source: outside, target: /o}
            volumes_from: [db]
            working_dir: /w
          db:
            image: db
            extends: {service: one, file: other/base.yaml}
            profiles: [always]
            network_mode: none
            healthcheck: {disable: true}
            configs: [f, e]
            provider: {type: p, options: {a: b}}
            build: {dockerfile_inline: FROM x}
            deploy:
              mode: global
              endpoint_mode: dnsrr
              replicas: 3
              labels: {a: b}
              rollback_config: &change
                parallelism: 2
                delay: 1s
                failure_action: continue
                monitor: 1s
                max_failure_ratio: 0.1
                order: start-first
              update_config: *change
              resources:
                limits: {cpus: "1", memory: 1g, pids: 4}
                reservations:
                  cpus: "1"
                  memory: 1m
                  generic_resources: [{discrete_resource_spec: {kind: a, value: 1}}]
                  devices: [{capabilities: [gpu], count: 1, driver: d, options: {a: b}}, {device_ids: [x], capabilities: [gpu]}]
              restart_policy: {condition: on-failure, delay: 1s, max_attempts: 2, window: 1s}
              placement: {constraints: [a], preferences: [{spread: a}], max_replicas_per_node: 1}
          many: {image: x, scale: 2}
          later: {image: x, profiles: [off]}
        """.split(separator: "\n").joined(separator: "\n")

    /// What the file means.
    struct Meaning {
        var project: Project?
        var tree: YAMLNode?
        var report: String
    }

    /// What the file means without one attribute.
    static func load(without keys: [String] = []) -> Meaning {
        let source = SourceFile(name: "whole", bytes: Array(text.utf8))
        guard let tree = try? YAMLReader().documents(of: source).first else { return Meaning(report: "unreadable") }
        var files = files
        files["compose.yaml"] = JSONPrinter.print(remove(keys[...], from: tree))
        var options = LoadOptions(environment: [:], workingDirectory: "/app")
        options.profiles = ["always"]
        let placed = Dictionary(uniqueKeysWithValues: files.map { ("/app/" + $0.key, $0.value) })
        let diagnostics = DiagnosticCollector()
        let loaded = Loader(options, reader: MemoryFiles(files: placed), diagnostics: diagnostics).load()
        let project = loaded.flatMap { Project(tree: $0.tree, directory: "/app", diagnostics: diagnostics) }
        return Meaning(project: project, tree: loaded?.tree, report: DiagnosticRenderer().render(diagnostics.all))
    }

    /// Whether the file has an attribute.
    static func has(_ keys: [String]) -> Bool {
        let source = SourceFile(name: "whole", bytes: Array(text.utf8))
        guard let tree = try? YAMLReader().documents(of: source).first else { return false }
        return JSONPrinter.print(remove(keys[...], from: tree)) != JSONPrinter.print(tree)
    }

    /// The values at the end of a path, on which `*` is every element or entry.
    static func values(at keys: ArraySlice<String>, in node: YAMLNode) -> [YAMLNode] {
        guard let key = keys.first else { return [node] }
        let next = node.mapping.map { $0.entries.filter { key == "*" || $0.key == key }.map(\.value) }
        return (next ?? node.sequence ?? []).flatMap { values(at: keys.dropFirst(), in: $0) }
    }

    private static func remove(_ keys: ArraySlice<String>, from node: YAMLNode) -> YAMLNode {
        guard let key = keys.first else { return node }
        let rest = keys.dropFirst()
        switch node.content {
        case .sequence(let elements): return node.with(.sequence(elements.map { remove(rest, from: $0) }))
        case .mapping(let mapping):
            return node.with(
                .mapping(
                    mapping.compactMapValues { entry in
                        guard key == "*" || entry.key == key else { return entry.value }
                        return rest.isEmpty ? nil : remove(rest, from: entry.value)
                    }
                )
            )
        default: return node
        }
    }
}
