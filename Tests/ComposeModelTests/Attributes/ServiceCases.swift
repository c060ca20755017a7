/// Attributes of a service from `annotations` to `mem_reservation`.
let serviceCases: [AttributeCase] = [
    .init(
        "annotations: [a=b, c]",
        shows: "annotations:|a: b|c: \"\"",
        refuses: "annotations: 5",
        because: "services.web.annotations must be a mapping, not a number"
    ),
    .init(
        "attach: \"no\"",
        shows: "attach: false",
        refuses: "attach: maybe",
        because: "services.web.attach must be true or false, not \"maybe\""
    ),
    .init(
        "blkio_config: {weight: 300, device_read_bps: [{path: /dev/sda, rate: 1mb}]}",
        shows: "blkio_config:|device_read_bps:|- path: /dev/sda|rate: \"1048576\"|weight: 300",
        refuses: "blkio_config: {weight: 70000}",
        because: "services.web.blkio_config.weight must lie between 0 and 65535, not be 70000"
    ),
    .init(
        "cap_add: [NET_ADMIN, SYS_TIME, NET_ADMIN]",
        shows: "cap_add:|- NET_ADMIN|- SYS_TIME",
        refuses: "cap_add: [1]",
        because: "services.web.cap_add[0] must be text, not a number"
    ),
    .init(
        "cap_drop: [ALL]",
        shows: "cap_drop:|- ALL",
        refuses: "cap_drop: ALL",
        because: "services.web.cap_drop must be a list, not text"
    ),
    .init(
        "cgroup: private",
        shows: "cgroup: private",
        refuses: "cgroup: shared",
        because: "services.web.cgroup is one of host, private, not \"shared\""
    ),
    .init(
        "cgroup_parent: m-executor",
        shows: "cgroup_parent: m-executor",
        refuses: "cgroup_parent: 5",
        because: "services.web.cgroup_parent must be text, not a number"
    ),
    .init(
        "command: echo 'a b' c",
        shows: "command:|- echo|- a b|- c",
        refuses: "command: echo 'a",
        because: "services.web.command has a quote that is not closed"
    ),
    .init(
        "container_name: my.web-1",
        shows: "container_name: my.web-1",
        refuses: "container_name: a/b",
        because: "services.web.container_name can't be \"a/b\""
    ),
    .init(
        "cpu_count: 2",
        shows: "cpu_count: 2",
        refuses: "cpu_count: -1",
        because: "services.web.cpu_count must lie at 0 or above, not be -1"
    ),
    .init(
        "cpu_percent: 50",
        shows: "cpu_percent: 50",
        refuses: "cpu_percent: 101",
        because: "services.web.cpu_percent must lie between 0 and 100, not be 101"
    ),
    .init(
        "cpu_shares: \"512\"",
        shows: "cpu_shares: 512",
        refuses: "cpu_shares: all",
        because: "services.web.cpu_shares must be a number, not \"all\""
    ),
    .init(
        "cpu_quota: 50000",
        shows: "cpu_quota: 50000",
        refuses: "cpu_quota: []",
        because: "services.web.cpu_quota must be text or a number, not a list"
    ),
    .init(
        "cpu_period: 100000",
        shows: "cpu_period: 100000",
        refuses: "cpu_period: fast",
        because: "services.web.cpu_period must be a number, not \"fast\""
    ),
    .init(
        "cpu_rt_period: 1000",
        shows: "cpu_rt_period: 1000",
        refuses: "cpu_rt_period: 1ms",
        because: "services.web.cpu_rt_period must be a number, not \"1ms\""
    ),
    .init(
        "cpu_rt_runtime: 950",
        shows: "cpu_rt_runtime: 950",
        refuses: "cpu_rt_runtime: {}",
        because: "services.web.cpu_rt_runtime must be text or a number, not a mapping"
    ),
    .init(
        "cpus: \"1.5\"",
        shows: "cpus: 1.5",
        refuses: "cpus: many",
        because: "services.web.cpus must be a number, not \"many\""
    ),
    .init(
        "cpuset: 0-3",
        shows: "cpuset: \"0-3\"",
        refuses: "cpuset: 3",
        because: "services.web.cpuset must be text, not a number"
    ),
    .init(
        "credential_spec: {file: my.json}",
        shows: "credential_spec:|file: my.json",
        refuses: "credential_spec: {path: my.json}",
        because: "there is no key \"path\" in services.web.credential_spec"
    ),
    .init(
        "device_cgroup_rules: [\"c 1:3 mr\"]",
        shows: "device_cgroup_rules:|- c 1:3 mr",
        refuses: "device_cgroup_rules: [a, a]",
        because: "services.web.device_cgroup_rules names \"a\" twice"
    ),
    .init(
        "devices: [\"/dev/a\", \"/dev/b:/dev/c:r\"]",
        shows:
            "devices:|- permissions: rwm|source: /dev/a|target: /dev/a|- permissions: r|source: /dev/b|target: /dev/c",
        refuses: "devices: [\"a:b:c:d\"]",
        because: "services.web.devices wants source[:target[:permissions]]"
    ),
    .init(
        "dns: 1.1.1.1",
        shows: "dns:|- \"1.1.1.1\"",
        refuses: "dns: {a: b}",
        because: "services.web.dns must be a list, not a mapping"
    ),
    .init(
        "dns_opt: [use-vc, \"ndots:1\"]",
        shows: "dns_opt:|- use-vc|- ndots:1",
        refuses: "dns_opt: use-vc",
        because: "services.web.dns_opt must be a list, not text"
    ),
    .init(
        "dns_search: [a.example, b.example]",
        shows: "dns_search:|- a.example|- b.example",
        refuses: "dns_search: [1]",
        because: "services.web.dns_search[0] must be text, not a number"
    ),
    .init(
        "domainname: example.com",
        shows: "domainname: example.com",
        refuses: "domainname: 1",
        because: "services.web.domainname must be text, not a number"
    ),
    .init(
        "entrypoint: [sh, -c, \"exit 0\"]",
        shows: "entrypoint:|- sh|- \"-c\"|- exit 0",
        refuses: "entrypoint: [5]",
        because: "services.web.entrypoint[0] must be text, not a number"
    ),
    .init(
        "environment: {A: 1, B: true, C: , D: x}",
        shows: "environment:|A: \"1\"|B: \"true\"|C: null|D: x",
        refuses: "environment: {A: [1]}",
        because: "services.web.environment.A must be text, a number or true or false, not a list"
    ),
    .init(
        "expose: [80, \"90/udp\"]",
        shows: "expose:|- \"80\"|- \"90/udp\"",
        refuses: "expose: [[80]]",
        because: "services.web.expose[0] must be text or a number, not a list"
    ),
    .init(
        "external_links: [\"db:database\"]",
        shows: "external_links:|- db:database",
        refuses: "external_links: [a, a]",
        because: "services.web.external_links names \"a\" twice"
    ),
    .init(
        "extra_hosts: [\"b:1.1.1.1\", \"a=[::1]\"]",
        shows: "extra_hosts:|- a=::1|- b=1.1.1.1",
        refuses: "extra_hosts: [nothing]",
        because: "services.web.extra_hosts wants host=address, not \"nothing\""
    ),
    .init(
        "gpus: all",
        shows: "gpus:|- count: -1",
        refuses: "gpus: [{count: 1, device_ids: [\"0\"]}]",
        because: "\"count\" and \"device_ids\" exclude each other"
    ),
    .init(
        "group_add: [mail, 1000]",
        shows: "group_add:|- mail|- \"1000\"",
        refuses: "group_add: [mail, mail]",
        because: "services.web.group_add names \"mail\" twice"
    ),
    .init(
        "healthcheck: {test: curl x, interval: 90s, retries: 2, start_period: 1m}",
        shows: "healthcheck:|interval: \"1m30s\"|retries: 2|start_period: \"1m0s\"|test:|- CMD-SHELL|- curl x",
        refuses: "healthcheck: {test: [curl, x]}",
        because: "a health check starts with CMD, CMD-SHELL or NONE"
    ),
    .init(
        "healthcheck: {test: [NONE]}",
        shows: "healthcheck:|test:|- NONE",
        refuses: "healthcheck: {interval: soon}",
        because: "services.web.healthcheck.interval must be a length of time such as 1m30s, not \"soon\""
    ),
    .init(
        "hostname: web",
        shows: "hostname: web",
        refuses: "hostname: 5",
        because: "services.web.hostname must be text, not a number"
    ),
    .init(
        "init: yes",
        shows: "init: true",
        refuses: "init: 1",
        because: "services.web.init must be text or true or false, not a number"
    ),
    .init(
        "ipc: shareable",
        shows: "ipc: shareable",
        refuses: "ipc: service:nobody",
        because: "\"web\" depends on \"nobody\", which is not there or not active"
    ),
    .init(
        "isolation: hyperv",
        shows: "isolation: hyperv",
        refuses: "isolation: true",
        because: "services.web.isolation must be text, not true or false"
    ),
    .init(
        "labels: {a: b, c: 1, d: }",
        shows: "labels:|a: b|c: \"1\"|d: \"\"",
        refuses: "labels: {a: {b: c}}",
        because: "services.web.labels.a must be text, a number or true or false, not a mapping"
    ),
    .init(
        "logging: {driver: json-file, options: {max-size: 10m, max-file: 3}}",
        shows: "logging:|driver: json-file|options:|max-file: \"3\"|max-size: \"10m\"",
        refuses: "logging: json-file",
        because: "services.web.logging must be a mapping, not text"
    ),
    .init(
        "mac_address: 02:42:ac:11:65:43",
        shows: "mac_address: \"02:42:ac:11:65:43\"",
        refuses: "mac_address: [a]",
        because: "services.web.mac_address must be text, not a list"
    ),
    .init(
        "mem_limit: 1.5g",
        shows: "mem_limit: \"1610612736\"",
        refuses: "mem_limit: 1 litre",
        because: "services.web.mem_limit must be an amount such as 512m or 2g, not \"1 litre\""
    ),
    .init(
        "mem_reservation: 64m",
        shows: "mem_reservation: \"67108864\"",
        refuses: "mem_reservation: 1.5",
        because: "services.web.mem_reservation must be text or a whole number, not a number"
    ),
    .init(
        "mem_swappiness: 60",
        shows: "mem_swappiness: \"60\"",
        refuses: "mem_swappiness: few",
        because: "services.web.mem_swappiness must be an amount such as 512m or 2g, not \"few\""
    ),
    .init(
        "memswap_limit: -1",
        shows: "memswap_limit: -1",
        refuses: "memswap_limit: -1m",
        because: "services.web.memswap_limit must be an amount such as 512m or 2g, not \"-1m\""
    ),
]
