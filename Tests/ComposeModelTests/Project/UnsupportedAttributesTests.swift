import ComposeModel
import Testing
import YAMLComposer

/// What is said about attributes of a project that have no effect.
private func unsupported(_ text: String) throws -> String {
    let (tree, report) = load(["compose.yaml": text])
    let diagnostics = DiagnosticCollector()
    let project = try #require(tree, "\(report)")
    UnsupportedAttributes(diagnostics: diagnostics).check(project)
    return DiagnosticRenderer().render(diagnostics.all)
}

@Test("what is honoured is not mentioned")
func honoured() throws {
    let text = """
        services:
          web:
            image: nginx
            command: a
            environment: {A: b}
            user: "1"
            ports: ["80:80"]
            volumes: ["./a:/a:ro", "data:/data", {type: tmpfs, target: /t, tmpfs: {size: 1m}}, "./b:/b:rslave"]
            networks:
              back: {aliases: [x], ipv4_address: 10.5.0.2, priority: 2, gw_priority: 1, interface_name: net0}
              front: {}
            depends_on: [db]
            links: [db]
            healthcheck: {test: a}
            deploy: {mode: global, resources: {limits: {cpus: "1", memory: 1g}}}
            ulimits: {nofile: 1}
            ipc: "service:db"
            pid: "service:db"
            uts: host
            userns_mode: host
            cgroup: host
            oom_score_adj: 5
            runtime: runc
            security_opt: [no-new-privileges, "seccomp=unconfined", "apparmor=unconfined", "label=disable", systempaths=unconfined]
            secrets: [s]
            configs: [c]
            logging: {driver: local, options: {max-size: 1m}}
            x-own: 1
          db: {image: db, network_mode: "service:web"}
        networks:
          back: {driver: bridge, internal: true, ipam: {driver: default, config: [{subnet: 10.5.0.0/16}]}}
          front: {driver_opts: {com.docker.network.driver.mtu: "1400"}}
        volumes: {data: {driver: local, driver_opts: {type: tmpfs, device: tmpfs, o: size=1m}}}
        secrets: {s: {file: ./s}}
        configs: {c: {content: a}}
        """
    #expect(try unsupported(text.replacing("network_mode: \"service:web\"", with: "restart: always")) == "")
}

@Test("what has no effect is told once, with its reason and place")
func told() throws {
    let text = """
        services:
          web:
            image: nginx
            build: {context: ., provenance: true}
            cpu_percent: 10
            oom_score_adj: 0
            deploy: {labels: {a: b}, placement: {constraints: [a]}}
            logging: {driver: syslog, options: {tag: a}}
            networks: {default: {driver_opts: {a: b}, priority: 5}}
        """
    let report = try unsupported(text)
    #expect(
        report == """
            compose.yaml:4:25: warning: services.web.build.provenance is not honoured: no attestation is attached to images
                    build: {context: ., provenance: true}
                                        ^
            compose.yaml:5:5: warning: services.web.cpu_percent is not honoured: it is for Windows
                    cpu_percent: 10
                    ^
              hint: use cpus
            compose.yaml:7:14: warning: services.web.deploy.labels is not honoured: there is no object beside the containers
                    deploy: {labels: {a: b}, placement: {constraints: [a]}}
                             ^
              hint: use labels of the service
            compose.yaml:7:30: warning: services.web.deploy.placement is not honoured: there is one machine to run on
                    deploy: {labels: {a: b}, placement: {constraints: [a]}}
                                             ^
            compose.yaml:8:15: warning: services.web.logging.driver is not honoured: output is kept here only, as by json-file
                    logging: {driver: syslog, options: {tag: a}}
                              ^
            compose.yaml:9:26: warning: services.web.networks.default.driver_opts is not honoured: of options for one container only endpoint.ifname and endpoint.sysctls are known
                    networks: {default: {driver_opts: {a: b}, priority: 5}}
                                         ^

            """
    )
}

@Test("what would change what a program sees is refused")
func refused() throws {
    let text = """
        services:
          web:
            build: ftp://example.com/app.tgz
            runtime: nvidia
            volumes: [{type: npipe, source: a, target: /a}, {type: volume, source: data, target: /d}]
            configs: [c]
          db: {image: db, userns_mode: "keep-id:uid=5"}
          cache: {image: db, userns_mode: ""}
        volumes: {data: {driver_opts: {type: nfs, size: 1g}}}
        configs: {c: {external: true}}
        """
    let report = try unsupported(text)
    #expect(
        report == """
            compose.yaml:3:12: services.web.build.context can't be honoured: nothing is fetched by this kind of address
                    build: ftp://example.com/app.tgz
                           ^
              hint: name a directory, a git repository, or a file over https
            compose.yaml:5:15: services.web.volumes[0] can't be honoured: only bind, volume, tmpfs and image can be mounted
                    volumes: [{type: npipe, source: a, target: /a}, {type: volume, source: data, target: /d}]
                              ^
            compose.yaml:7:19: services.db.userns_mode can't be honoured: services have no user namespace, their user numbers are the host's
                  db: {image: db, userns_mode: "keep-id:uid=5"}
                                  ^
              hint: leave it out, or use host; auto, keep-id, nomap and private are Podman's
            compose.yaml:9:18: volumes.data.driver_opts can't be honoured: volumes have the options type, o and device only
                volumes: {data: {driver_opts: {type: nfs, size: 1g}}}
                                 ^
            compose.yaml:10:15: configs.c.external can't be honoured: there is no store of them outside of projects
                configs: {c: {external: true}}
                              ^
              hint: use file, environment or content

            """
    )
}

/// What becomes of each stored property of `Service`; `Execution` reads those that are honoured.
private let fates: [String: Set<String>] = [
    "honoured": [
        "name", "image", "containerName", "hostname", "domainName", "labels", "command", "entrypoint", "environment",
        "workingDirectory", "user", "supplementaryGroups", "usesInit", "hasTerminal", "keepsInputOpen", "stopSignal",
        "stopGracePeriod", "isPrivileged", "hasReadOnlyRoot", "addedCapabilities", "droppedCapabilities",
        "securityOptions", "sysctls", "ulimits", "resources", "devices", "deviceRules", "pidMode", "utsMode",
        "cgroupMode", "ipcMode", "networkMode", "networks", "macAddress", "ports", "exposedPorts", "dnsServers",
        "dnsSearch", "dnsOptions", "extraHosts", "mounts", "memoryMounts", "secrets", "configs", "dependencies",
        "healthCheck", "restart", "replicas", "isAttached", "logging", "annotations", "links", "externalLinks",
        "mountsFrom", "provider", "cgroupParent", "runtime", "preStart", "postStart", "preStop",
        "build",
    ],
    "honoured before there are containers": ["profiles"],
    "said to be unsupported": [
        "platform", "userMode", "deployMode", "update", "rollback",
    ],
    "for images that are fetched": ["pullPolicy"],
]

@Test("every attribute of a service has one known fate")
func everyAttribute() {
    let known = fates.values.flatMap(\.self)
    #expect(Set(known).count == known.count)
    let properties = Mirror(reflecting: Service(name: "a")).children.compactMap(\.label)
    #expect(Set(properties) == Set(known))
}
