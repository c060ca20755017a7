import Foundation
import Glibc
import Testing

extension Scenario {
    /// What a script writes inside a service's container, standard error included, without the last line's end.
    func inside(
        _ service: String,
        _ script: String,
        status: Int32 = 0,
        at location: SourceLocation = #_sourceLocation
    ) throws -> String {
        let outcome = try run(["exec", "-T", service, "sh", "-c", "exec 2>&1; \(script)"])
        try #require(
            outcome.status == status,
            "\(service): \(script): \(outcome.stdout)\(outcome.stderr)",
            sourceLocation: location
        )
        return outcome.stdout.trimmingCharacters(in: .newlines)
    }
}

extension Scenarios {
    /// Attributes of a service, seen from inside its container.
    @Suite struct Attributes {
        @Test("a process has the arguments, variables, directory, user, names and limits of its service")
        func process() throws {
            let compose = """
                services:
                  a:
                    image: rootfs:/
                    entrypoint: [sh, -c]
                    command: ["sleep infinity"]
                    env_file: app.env
                    environment: {OVER: service, SPACED: "a b"}
                    working_dir: /opt/made/for/it
                    user: "1234:100"
                    group_add: ["27", audio]
                    hostname: alpha
                    domainname: example.org
                    init: true
                    oom_score_adj: 100
                    shm_size: 10m
                    ulimits: {nofile: {soft: 100, hard: 200}, nproc: 500}
                    sysctls: {net.ipv4.ip_forward: "1", kernel.msgmax: "8000"}
                    extra_hosts: ["other:192.0.2.9", "gate=host-gateway"]
                    dns_search: [corp.test]
                    dns_opt: ["ndots:3"]
                    networks: {default: {ipv4_address: 10.77.41.9}}
                networks: {default: {ipam: {config: [{subnet: 10.77.41.0/24, gateway: 10.77.41.254}]}}}
                """
            try Scenario.with(compose, files: ["app.env": "FILE=yes\nOVER=file\n"]) { scenario in
                try scenario.roost("up", "-d")
                let text = try scenario.inside(
                    "a",
                    """
                    id -u; id -g; id -G; pwd; hostname; hostname -f; echo $FILE $OVER "$SPACED" $HOSTNAME
                    cat /proc/1/oom_score_adj; grep -E 'open files|processes' /proc/1/limits | tr -s ' '
                    cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax
                    cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/net/ipv4/ping_group_range
                    df /dev/shm | tail -n 1 | tr -s ' ' | cut -d ' ' -f 2
                    cat /etc/hostname; grep -v '^f\\|^::1' /etc/hosts; cat /etc/resolv.conf
                    tr '\\0' ' ' < /proc/2/cmdline
                    """
                )
                #expect(
                    text == """
                        1234
                        100
                        100 27 29
                        /opt/made/for/it
                        alpha
                        alpha.example.org
                        yes service a b alpha
                        100
                        Max processes 500 500 processes 
                        Max open files 100 200 files 
                        1
                        8000
                        0
                        0\t2147483647
                        10240
                        alpha
                        127.0.0.1\tlocalhost
                        10.77.41.254\tgate
                        192.0.2.9\tother
                        10.77.41.9\talpha.example.org alpha
                        nameserver 127.0.0.11
                        search corp.test
                        options ndots:3
                        sh -c sleep infinity 
                        """
                )
            }
        }

        @Test("what a process may do is what its service says")
        func rights() throws {
            let compose = """
                x-idle: &idle {image: "rootfs:/", command: sleep infinity, network_mode: none}
                services:
                  usual: {<<: *idle}
                  few: {<<: *idle, cap_drop: [ALL], cap_add: [CHOWN], security_opt: ["no-new-privileges:true"]}
                  profile: {<<: *idle, security_opt: ["seccomp=./profile.json"]}
                  unconfined: {<<: *idle, security_opt: ["seccomp=unconfined", "systempaths=unconfined"]}
                  devices:
                    <<: *idle
                    devices: ["/dev/null:/dev/below/nothing"]
                    device_cgroup_rules: ["c 1:11 r"]
                  frozen: {<<: *idle, read_only: true, tmpfs: "/scratch/a:size=1m", volumes: ["./:/deep/down"]}
                  privileged: {<<: *idle, privileged: true}
                """
            let profile = """
                {"defaultAction": "SCMP_ACT_ALLOW",
                 "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 5}]}
                """
            try Scenario.with(compose, files: ["profile.json": profile]) { scenario in
                try scenario.roost("up", "-d")
                let status = "grep -E 'CapBnd|CapInh|NoNew|Seccomp:' /proc/self/status | tr -d '\\n'"
                #expect(
                    try scenario.inside("usual", status)
                        == "CapInh:\t0000000000000000CapBnd:\t00000000a80425fbNoNewPrivs:\t0Seccomp:\t2"
                )
                #expect(
                    try scenario.inside("few", status)
                        == "CapInh:\t0000000000000000CapBnd:\t0000000000000001NoNewPrivs:\t1Seccomp:\t2"
                )
                #expect(try scenario.inside("profile", "mkdir /tmp/x", status: 1).hasSuffix("Input/output error"))
                #expect(try scenario.inside("unconfined", "grep Seccomp: /proc/self/status") == "Seccomp:\t0")
                let covers = "grep -c -E ' /(proc|sys)/[^ ]+ .*(tmpfs|/null|proc proc)' /proc/self/mountinfo"
                #expect(try scenario.inside("unconfined", covers, status: 1) == "0")
                #expect(try Int(scenario.inside("usual", covers)) ?? 0 > 3)
                #expect(
                    try scenario.inside("devices", "stat -c '%F %t:%T' /dev/below/nothing; echo x > /dev/below/nothing")
                        == "character special file 1:3"
                )
                // Everybody may make nodes, and open only those of the standard devices.
                #expect(
                    try scenario.inside(
                        "usual",
                        "mknod /tmp/m c 1 9 && head -c 1 /tmp/m | wc -c; mknod /tmp/d c 10 237 && cat /tmp/d",
                        status: 1
                    )
                        == "1\ncat: /tmp/d: Operation not permitted"
                )
                #expect(
                    try scenario.inside(
                        "frozen",
                        "touch /deep/down/a /scratch/a/b && ls /deep/down/a && touch /c",
                        status: 1
                    )
                        == "/deep/down/a\ntouch: cannot touch '/c': Read-only file system"
                )
                #expect(
                    try scenario.inside(
                        "privileged",
                        "grep -c Seccomp:.*0 /proc/self/status; test -w /proc/sys/kernel/hostname && ls -d /dev/loop-control"
                    )
                        == "1\n/dev/loop-control"
                )
            }
        }

        @Test("secrets and configs are files with the owner, mode and place that the file says")
        func secrets() throws {
            let compose = """
                services:
                  a:
                    image: rootfs:/
                    command: sleep infinity
                    network_mode: none
                    secrets:
                      - plain
                      - {source: owned, target: /etc/deep/owned, uid: "1000", gid: "5", mode: 0440}
                      - {source: given, target: named}
                    configs: [plain, {source: inline, target: /etc/inline.conf, mode: 0600, uid: "7"}, given]
                secrets: {plain: {file: ./s}, owned: {file: ./s}, given: {environment: GIVEN}}
                configs: {plain: {file: ./s}, inline: {content: "in ${GIVEN}\\n"}, given: {environment: GIVEN}}
                """
            try Scenario.with(compose, files: ["s": "secret\n"]) { scenario in
                scenario.variables["GIVEN"] = "value"
                try scenario.roost("up", "-d")
                let files = """
                    /run/secrets/plain /etc/deep/owned /run/secrets/named /plain /etc/inline.conf /given
                    """
                #expect(
                    try scenario.inside(
                        "a",
                        "for f in \(files); do stat -c '%n %u:%g %a' $f; cat $f; echo; done; touch /run/secrets/named",
                        status: 1
                    ) == """
                        /run/secrets/plain 0:0 644
                        secret

                        /etc/deep/owned 1000:5 440
                        secret

                        /run/secrets/named 0:0 444
                        value
                        /plain 0:0 644
                        secret

                        /etc/inline.conf 7:0 600
                        in value

                        /given 0:0 444
                        value
                        touch: cannot touch '/run/secrets/named': Read-only file system
                        """
                )
            }
        }

        @Test("namespaces of another container and of the host are shared")
        func sharing() throws {
            let compose = """
                x-idle: &idle {image: "rootfs:/", command: sleep infinity}
                services:
                  base: {<<: *idle, ipc: shareable, hostname: base, shm_size: 7m}
                  guest: {<<: *idle, pid: "service:base", ipc: "service:base", network_mode: "service:base"}
                  host: {<<: *idle, pid: host, ipc: host, uts: host, cgroup: host, network_mode: host}
                  none: {<<: *idle, network_mode: none}
                """
            try Scenario.with(compose) { scenario in
                try scenario.roost("up", "-d")
                let names = "readlink /proc/self/ns/pid /proc/self/ns/ipc /proc/self/ns/net"
                #expect(try scenario.inside("base", names) == scenario.inside("guest", names))
                _ = try scenario.inside("base", "echo shared > /dev/shm/x")
                let view =
                    "cat /dev/shm/x; df /dev/shm | tail -n 1 | tr -s ' ' | cut -d ' ' -f 2; hostname; tail -n 1 /etc/hosts"
                #expect(try scenario.inside("guest", view) == scenario.inside("base", view))
                let all =
                    "readlink /proc/self/ns/pid /proc/self/ns/ipc /proc/self/ns/net /proc/self/ns/uts /proc/self/ns/cgroup"
                let outside = try scenario.host("sh", "-c", all).stdout.trimmingCharacters(in: .newlines)
                #expect(try scenario.inside("host", all) == outside)
                #expect(try scenario.inside("none", "ls /sys/class/net") == "lo")
            }
        }
    }
}
