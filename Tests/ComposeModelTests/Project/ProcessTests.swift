import ComposeModel
import Testing

@Test("what runs is read from text and from lists")
func processForms() throws {
    let (found, report) = service(
        """
        command: sh -c "echo hi"
        entrypoint: []
        environment: {A: "1", B: , C: 2.5, D: true}
        working_dir: /srv
        user: "1000:staff"
        group_add: [audio, 44]
        hostname: web
        domainname: example.org
        container_name: front
        labels: ["a=1", "x-b"]
        annotations: {c: d}
        init: false
        tty: true
        stdin_open: "true"
        stop_signal: usr1
        stop_grace_period: 1m30s
        pull_policy: every_12h
        post_start: [{command: "touch /x", user: root, privileged: true, environment: ["K=v"]}]
        """
    )
    #expect(report == "")
    let web = try #require(found)
    #expect(web.command == ["sh", "-c", "echo hi"])
    #expect(web.entrypoint == [])
    #expect(web.environment == ["A": "1", "C": "2.5", "D": "true"])
    #expect(web.workingDirectory == "/srv")
    #expect(web.user == UserReference(user: .id(1000), group: .name("staff")))
    #expect(web.supplementaryGroups == [.name("audio"), .id(44)])
    #expect([web.hostname, web.domainName, web.containerName] == ["web", "example.org", "front"])
    #expect(web.labels == ["a": "1", "x-b": ""])
    #expect(web.annotations == ["c": "d"])
    #expect(web.usesInit == false && web.hasTerminal && web.keepsInputOpen)
    #expect(web.stopSignal?.description == "SIGUSR1")
    #expect(web.stopGracePeriod == .seconds(90))
    #expect(web.pullPolicy == .every(.seconds(43200)))
    var hook = Hook(command: ["touch", "/x"])
    hook.user = UserReference(user: .name("root"))
    hook.isPrivileged = true
    hook.environment = ["K": "v"]
    #expect(web.postStart == [hook])
}

@Test("what is left out stays open")
func processDefaults() throws {
    let web = try #require(service("command:").service)
    var plain = Service(name: "web")
    plain.image = "app"
    plain.networks = [NetworkAttachment(network: "default")]
    #expect(web == plain)
}

@Test("a service without an image is called after the project")
func builtImage() throws {
    let found = try #require(project("services: {web: {build: .}}").project)
    let web = try #require(found.service("web"))
    #expect(web.isBuilt && web.image == nil)
    #expect(found.imageName(of: web) == "app-web")
}

@Test(
    "signals are known by name and number",
    arguments: [
        ("SIGTERM", 15), ("term", 15), ("9", 9), ("SIGRTMIN", 34), ("SIGRTMIN+3", 37), ("RTMAX-1", 63), ("64", 64),
    ]
)
func signals(text: String, number: Int32) { #expect(Signal(text: text)?.number == number) }

@Test("other signals are refused", arguments: ["", "0", "65", "SIGFOO", "RTMIN+31", "-1"])
func badSignals(text: String) { #expect(Signal(text: text) == nil) }

@Test("rights are read")
func rights() throws {
    let (found, report) = service(
        """
        privileged: true
        read_only: true
        cap_add: [ALL]
        cap_drop: [CAP_net_raw, MKNOD]
        security_opt: ["no-new-privileges", "seccomp:unconfined", "label:disable"]
        sysctls: {net.core.somaxconn: 1024}
        ulimits: {nproc: 65535, nofile: {soft: 20000, hard: -1}}
        devices: ["/dev/fuse", "/dev/sda:/dev/xvda:r"]
        device_cgroup_rules: ["c 13:* rwm"]
        """
    )
    #expect(report == "")
    let web = try #require(found)
    #expect(web.isPrivileged && web.hasReadOnlyRoot)
    #expect(web.addedCapabilities.all)
    #expect(web.droppedCapabilities.names == ["NET_RAW", "MKNOD"])
    #expect(web.securityOptions == [.noNewPrivileges(true), .seccompUnconfined, .label("disable")])
    #expect(web.sysctls == ["net.core.somaxconn": "1024"])
    #expect(
        web.ulimits == [
            Ulimit(.nproc, soft: 65535, hard: 65535), Ulimit(.nofile, soft: 20000, hard: nil),
        ]
    )
    #expect(
        web.devices == [
            DeviceMapping(source: "/dev/fuse", target: "/dev/fuse"),
            DeviceMapping(source: "/dev/sda", target: "/dev/xvda", permissions: .read),
        ]
    )
    let rule = try #require(web.deviceRules.first)
    #expect(rule.kind == .character && rule.major == 13 && rule.minor == nil)
}

@Test("what can't run is shown where it stands, all of it")
func badProcess() {
    let (_, report) = service(
        """
        user: "a:b:c"
        stop_signal: SIGTREM
        cap_add: [NET_ADMN]
        security_opt: ["nothing"]
        devices: ["fuse", "/dev/fuse:/dev/fuse:x"]
        device_cgroup_rules: ["13:* rwm"]
        ulimits: {nofiles: 1, core: {soft: 2, hard: 1}}
        ipc: mine
        hostname: "a b"
        restart: sometimes
        """
    )
    #expect(
        report == """
            compose.yaml:4:11: services.web.user can't be "a:b:c"
                    user: "a:b:c"
                          ^
              hint: use user or user:group, each a name or a number below 4294967295
            compose.yaml:5:18: services.web.stop_signal can't be "SIGTREM"
                    stop_signal: SIGTREM
                                 ^
              hint: did you mean SIGTERM?
            compose.yaml:6:15: services.web.cap_add[0]: there is no capability "NET_ADMN"
                    cap_add: [NET_ADMN]
                              ^
              hint: did you mean "NET_ADMIN"?
            compose.yaml:7:20: services.web.security_opt[0] can't be "nothing"
                    security_opt: ["nothing"]
                                   ^
              hint: use no-new-privileges, seccomp=, apparmor=, label= or systempaths=unconfined
            compose.yaml:8:15: services.web.devices[0].source can't be "fuse"
                    devices: ["fuse", "/dev/fuse:/dev/fuse:x"]
                              ^
              hint: use the absolute path of a device node
            compose.yaml:8:23: services.web.devices[1].permissions can't be "x"
                    devices: ["fuse", "/dev/fuse:/dev/fuse:x"]
                                      ^
              hint: use letters of rwm, each once
            compose.yaml:9:27: services.web.device_cgroup_rules[0] can't be "13:* rwm"
                    device_cgroup_rules: ["13:* rwm"]
                                          ^
              hint: use a, b or c, major:minor and rwm: c 13:* rwm
            compose.yaml:10:15: services.web.ulimits.nofiles: there is no such limit
                    ulimits: {nofiles: 1, core: {soft: 2, hard: 1}}
                              ^
              hint: did you mean "nofile"?
            compose.yaml:10:33: services.web.ulimits.core has a soft limit above the hard one
                    ulimits: {nofiles: 1, core: {soft: 2, hard: 1}}
                                                ^
            compose.yaml:11:10: services.web.ipc can't be "mine"
                    ipc: mine
                         ^
              hint: use private, shareable, host, none, service: or container:
            compose.yaml:12:15: services.web.hostname can't be "a b"
                    hostname: "a b"
                              ^
              hint: use at most 64 letters, digits, "-" and "."
            compose.yaml:13:14: services.web.restart can't be "sometimes"
                    restart: sometimes
                             ^
              hint: use no, always, unless-stopped, on-failure or on-failure:n

            """
    )
}

@Test(
    "an image is looked for again at the age that its service says",
    arguments: [
        ("refresh", "1h", PullPolicy.every(.seconds(3600))), ("refresh", nil, .always), ("missing", "1h", .missing),
    ] as [(String, String?, PullPolicy)]
)
func refreshing(word: String, age: String?, policy: PullPolicy) throws {
    let text = "pull_policy: \(word)" + (age.map { "\npull_refresh_after: \($0)" } ?? "")
    #expect(try #require(service(text).service).pullPolicy == policy)
}
