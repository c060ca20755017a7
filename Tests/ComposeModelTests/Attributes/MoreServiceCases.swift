/// Attributes of a service from `mem_swappiness` on.
let moreServiceCases: [AttributeCase] = [
    .init(
        "network_mode: host",
        shows: "network_mode: host",
        refuses: "network_mode: service:nobody",
        because: "\"web\" depends on \"nobody\", which is not there or not active"
    ),
    .init(
        "networks: {default: {aliases: [a, b], ipv4_address: 10.0.0.5, priority: 3}}",
        shows: "default:|aliases:|- a|- b|ipv4_address: \"10.0.0.5\"|priority: 3",
        refuses: "networks: [nowhere]",
        because: "\"nowhere\" is not defined under \"networks\""
    ),
    .init(
        "oom_kill_disable: true",
        shows: "oom_kill_disable: true",
        refuses: "oom_kill_disable: [true]",
        because: "services.web.oom_kill_disable must be text or true or false, not a list"
    ),
    .init(
        "oom_score_adj: -500",
        shows: "oom_score_adj: -500",
        refuses: "oom_score_adj: 2000",
        because: "services.web.oom_score_adj must lie between -1000 and 1000, not be 2000"
    ),
    .init(
        "pid: host",
        shows: "pid: host",
        refuses: "pid: service:nobody",
        because: "\"web\" depends on \"nobody\", which is not there or not active"
    ),
    .init(
        "pids_limit: 100",
        shows: "pids_limit: 100",
        refuses: "pids_limit: some",
        because: "services.web.pids_limit must be a number, not \"some\""
    ),
    .init(
        "platform: linux/amd64",
        shows: "platform: linux/amd64",
        refuses: "platform: [linux]",
        because: "services.web.platform must be text, not a list"
    ),
    .init(
        "ports: [\"8080:80\", 90, \"127.0.0.1:53:53/udp\"]",
        shows:
            "ports:|- mode: ingress|protocol: tcp|published: \"8080\"|target: 80|- mode: ingress|protocol: tcp|target: 90|- host_ip: \"127.0.0.1\"|mode: ingress|protocol: udp|published: \"53\"|target: 53",
        refuses: "ports: [\"80:70000\"]",
        because: "services.web.ports wants [[address:]published:]target[/protocol], not \"80:70000\""
    ),
    .init(
        "ports: [\"8080-8081:80-81\"]",
        shows:
            "ports:|- mode: ingress|protocol: tcp|published: \"8080\"|target: 80|- mode: ingress|protocol: tcp|published: \"8081\"|target: 81",
        refuses: "ports: [\"1-2:1-3\"]",
        because: "services.web.ports: the port ranges of \"1-2:1-3\" do not have the same length"
    ),
    .init(
        "ports: [{target: 80, published: \"8080\", host_ip: 127.0.0.1}]",
        shows: "ports:|- host_ip: \"127.0.0.1\"|mode: ingress|protocol: tcp|published: \"8080\"|target: 80",
        refuses: "ports: [{published: 80}]",
        because: "services.web.ports[0] needs \"target\""
    ),
    .init(
        "post_start: [{command: echo a, user: root}]",
        shows: "post_start:|- command:|- echo|- a|user: root",
        refuses: "post_start: [{user: root}]",
        because: "services.web.post_start[0] needs \"command\""
    ),
    .init(
        "pre_stop: [{command: [echo, a]}]",
        shows: "pre_stop:|- command:|- echo|- a",
        refuses: "pre_stop: {command: echo}",
        because: "services.web.pre_stop must be a list, not a mapping"
    ),
    .init(
        "pre_start: [{command: echo a, image: b}]",
        shows: "pre_start:|- command:|- echo|- a|image: b",
        refuses: "pre_start: [echo]",
        because: "services.web.pre_start[0] must be a mapping, not text"
    ),
    .init(
        "privileged: \"true\"",
        shows: "privileged: true",
        refuses: "privileged: maybe",
        because: "services.web.privileged must be true or false, not \"maybe\""
    ),
    .init(
        "pull_policy: every_12h",
        shows: "pull_policy: every_12h",
        refuses: "pull_policy: sometimes",
        because: "services.web.pull_policy can't be \"sometimes\""
    ),
    .init(
        "read_only: on",
        shows: "read_only: true",
        refuses: "read_only: 0",
        because: "services.web.read_only must be text or true or false, not a number"
    ),
    .init(
        "restart: on-failure:3",
        shows: "restart: on-failure:3",
        refuses: "restart: [always]",
        because: "services.web.restart must be text, not a list"
    ),
    .init(
        "runtime: kata",
        shows: "runtime: kata",
        refuses: "runtime: 5",
        because: "services.web.runtime must be text, not a number"
    ),
    .init("scale: 2", shows: "scale: 2", refuses: "scale: -1", because: "a number of replicas is not negative"),
    .init(
        "security_opt: [\"seccomp=unconfined\"]",
        shows: "security_opt:|- seccomp=unconfined",
        refuses: "security_opt: [a, a]",
        because: "services.web.security_opt names \"a\" twice"
    ),
    .init(
        "shm_size: 64mb",
        shows: "shm_size: \"67108864\"",
        refuses: "shm_size: big",
        because: "services.web.shm_size must be an amount such as 512m or 2g, not \"big\""
    ),
    .init(
        "stdin_open: true",
        shows: "stdin_open: true",
        refuses: "stdin_open: 1",
        because: "services.web.stdin_open must be text or true or false, not a number"
    ),
    .init(
        "stop_grace_period: 1m30s",
        shows: "stop_grace_period: \"1m30s\"",
        refuses: "stop_grace_period: 90",
        because: "services.web.stop_grace_period must be text, not a number"
    ),
    .init(
        "stop_signal: SIGINT",
        shows: "stop_signal: SIGINT",
        refuses: "stop_signal: 9",
        because: "services.web.stop_signal must be text, not a number"
    ),
    .init(
        "storage_opt: {size: 1G}",
        shows: "storage_opt:|size: \"1G\"",
        refuses: "storage_opt: 1G",
        because: "services.web.storage_opt must be a mapping, not text"
    ),
    .init(
        "sysctls: {net.core.somaxconn: 1024}",
        shows: "sysctls:|net.core.somaxconn: \"1024\"",
        refuses: "sysctls: 1024",
        because: "services.web.sysctls must be a mapping, not a number"
    ),
    .init(
        "tmpfs: [/run, \"/tmp:size=1m\"]",
        shows: "tmpfs:|- /run|- /tmp:size=1m",
        refuses: "tmpfs: [/a, \"/a:ro\"]",
        because: "two mounts of \"web\" share the target /a"
    ),
    .init(
        "tty: true",
        shows: "tty: true",
        refuses: "tty: none",
        because: "services.web.tty must be true or false, not \"none\""
    ),
    .init(
        "ulimits: {nproc: 65535, nofile: {soft: 20, hard: 40}}",
        shows: "ulimits:|nofile:|hard: 40|soft: 20|nproc: 65535",
        refuses: "ulimits: {nofile: {soft: 20}}",
        because: "services.web.ulimits.nofile needs \"hard\""
    ),
    .init(
        "use_api_socket: true",
        shows: "use_api_socket: true",
        refuses: "use_api_socket: \"true\"",
        because: "services.web.use_api_socket must be true or false, not text"
    ),
    .init(
        "user: \"1000:1000\"",
        shows: "user: \"1000:1000\"",
        refuses: "user: 1000",
        because: "services.web.user must be text, not a number"
    ),
    .init(
        "userns_mode: host",
        shows: "userns_mode: host",
        refuses: "userns_mode: {}",
        because: "services.web.userns_mode must be text, not a mapping"
    ),
    .init(
        "uts: host",
        shows: "uts: host",
        refuses: "uts: service:nobody",
        because: "\"web\" depends on \"nobody\", which is not there or not active"
    ),
    .init(
        "volumes: [\"./site:/srv:ro\", \"/data\"]",
        shows:
            "volumes:|- bind:|create_host_path: true|read_only: true|source: /app/site|target: /srv|type: bind|- target: /data|type: volume|volume: {}",
        refuses: "volumes: [\"aa:bb:cc:dd\"]",
        because: "services.web.volumes wants [source:]target[:options], not \"aa:bb:cc:dd\""
    ),
    .init(
        "volumes: [{type: tmpfs, target: /t, tmpfs: {size: 10m, mode: 0o755}}]",
        shows: "volumes:|- target: /t|tmpfs:|mode: 493|size: \"10485760\"|type: tmpfs",
        refuses: "volumes: [{target: /t}]",
        because: "services.web.volumes[0] needs \"type\""
    ),
    .init(
        "volumes: [{type: bind, source: ., target: /t, bind: {propagation: rslave}}]",
        shows: "volumes:|- bind:|propagation: rslave|source: /app|target: /t|type: bind",
        refuses: "volumes: [{type: bind, target: /t}]",
        because: "a bind mount needs a source"
    ),
    .init(
        "working_dir: /app",
        shows: "working_dir: /app",
        refuses: "working_dir: 5",
        because: "services.web.working_dir must be text, not a number"
    ),
    .init(
        "build: {context: ., args: [A=1], target: t, tags: [a, b]}",
        shows: "build:|args:|A: \"1\"|context: /app|dockerfile: Dockerfile|tags:|- a|- b|target: t",
        refuses: "build: {dockerfile: a, dockerfile_inline: b}",
        because: "\"dockerfile\" and \"dockerfile_inline\" exclude each other"
    ),
    .init(
        "build: {context: ., ssh: [default, k=id], additional_contexts: [\"a=b\"]}",
        shows:
            "build:|additional_contexts:|a: /app/b|context: /app|dockerfile: Dockerfile|ssh:|- default|- \"k: /app/id\"",
        refuses: "build: {context: ., ssh: [k]}",
        because: "services.web.build.ssh wants name=value, not \"k\""
    ),
    .init(
        "build: {context: ., platforms: [linux/arm64], shm_size: 64m}",
        shows: "build:|context: /app|dockerfile: Dockerfile|platforms:|- linux/arm64|shm_size: \"67108864\"",
        refuses: "build: {context: ., additional_contexts: [a]}",
        because: "services.web.build.additional_contexts wants name=value, not \"a\""
    ),
    .init(
        "deploy: {replicas: 2, labels: {a: b}, resources: {limits: {cpus: \"0.5\", memory: 50M}}}",
        shows: "deploy:|labels:|a: b|replicas: 2|resources:|limits:|cpus: 0.5|memory: \"52428800\"",
        refuses: "deploy: {replicas: two}",
        because: "services.web.deploy.replicas must be a number, not \"two\""
    ),
    .init(
        "deploy: {restart_policy: {condition: on-failure, delay: 5s, max_attempts: 3}}",
        shows: "deploy:|restart_policy:|condition: on-failure|delay: \"5s\"|max_attempts: 3",
        refuses: "deploy: {restart_policy: {max_attempts: -1}}",
        because: "services.web.deploy.restart_policy.max_attempts must lie at 0 or above, not be -1"
    ),
    .init(
        "deploy: {update_config: {order: start-first, parallelism: 2}}",
        shows: "deploy:|update_config:|order: start-first|parallelism: 2",
        refuses: "deploy: {update_config: {order: sideways}}",
        because: "services.web.deploy.update_config.order is one of start-first, stop-first, not \"sideways\""
    ),
    .init(
        "develop: {watch: [{path: ./src, action: sync, target: /src, ignore: node_modules}]}",
        shows: "develop:|watch:|- action: sync|ignore:|- node_modules|path: /app/src|target: /src",
        refuses: "develop: {watch: [{path: ./src, action: sync}]}",
        because: "to sync needs a \"target\""
    ),
    .init(
        "x-own: {a: [1, b]}",
        shows: "x-own:|a:|- 1|- b",
        refuses: "own: 1",
        because: "there is no key \"own\" in services.web"
    ),
]
