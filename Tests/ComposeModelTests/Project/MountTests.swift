import ComposeModel
import Testing

private let resources = "volumes: {data: }\nsecrets: {key: {file: ./key}}\nconfigs: {site: {content: hi}}\n"

@Test("mounts are read from the short and the long form")
func mountForms() throws {
    let (found, report) = service(
        """
        volumes:
          - ./site:/srv:ro,rslave,z
          - data:/data/:nocopy
          - /var/cache
          - {type: bind, source: /etc/a, target: /a, bind: {create_host_path: false, recursive: disabled}}
          - {type: volume, source: data, target: /sub, volume: {subpath: a/b, labels: {k: v}}}
          - {type: tmpfs, target: /run, tmpfs: {size: 64m, mode: 01777}}
        tmpfs: /tmp:size=1m,noexec
        volumes_from: ["container:old:ro"]
        """,
        besides: resources
    )
    #expect(report == "")
    var site = Mount.BindOptions()
    site.propagation = .rslave
    site.createsHostPath = true
    site.selinux = "z"
    var single = Mount.BindOptions()
    single.recursion = .disabled
    var data = Mount.VolumeOptions()
    data.skipsCopy = true
    var part = Mount.VolumeOptions()
    part.subpath = "a/b"
    part.labels = ["k": "v"]
    var memory = Mount.TmpfsOptions()
    memory.sizeBytes = 64 << 20
    memory.mode = 0o1777
    let web = try #require(found)
    #expect(
        web.mounts == [
            Mount(.bind(source: "/app/site", site), target: "/srv", isReadOnly: true),
            Mount(.volume(key: "data", data), target: "/data"),
            Mount(.volume(key: nil, .init()), target: "/var/cache"),
            Mount(.bind(source: "/etc/a", single), target: "/a"),
            Mount(.volume(key: "data", part), target: "/sub"), Mount(.tmpfs(memory), target: "/run"),
        ]
    )
    #expect(web.memoryMounts.map(\.target) == ["/tmp"])
    #expect(web.memoryMounts.map(\.options) == [["size=1m", "noexec"]])
    #expect(web.mountsFrom.map(\.owner) == [.container("old")])
    #expect(web.mountsFrom.map(\.isReadOnly) == [true])
}

@Test("secrets and configs are read with their places")
func files() throws {
    let (found, report) = service(
        """
        secrets: [key, {source: key, target: tls, uid: "5", gid: "6", mode: 0400}]
        configs: [site, {source: site, target: /etc/site, mode: "0440"}]
        """,
        besides: resources
    )
    #expect(report == "")
    let web = try #require(found)
    var tls = FileAttachment(source: "key", target: "/run/secrets/tls")
    (tls.userID, tls.groupID, tls.mode) = (5, 6, 0o400)
    var second = FileAttachment(source: "site", target: "/etc/site")
    second.mode = 0o440
    #expect(web.secrets == [FileAttachment(source: "key", target: "/run/secrets/key"), tls])
    #expect(web.configs == [FileAttachment(source: "site", target: "/site"), second])
}

@Test("the content of secrets and configs has one source")
func sources() throws {
    let text = """
        services: {web: {image: a, configs: [c, d], secrets: [s, t]}}
        secrets: {s: {file: ./s}, t: {environment: T, name: other}}
        configs: {c: {content: ""}, d: {external: true}}
        """
    let (found, report) = project(text)
    #expect(report == "")
    let all = try #require(found)
    #expect(all.secrets.map(\.source) == [.file("/app/s"), .environment("T")])
    #expect(all.secrets.map(\.name) == ["app_s", "other"])
    #expect(all.configs.map(\.source) == [.content(""), .external])
    #expect(all.configs.map(\.name) == ["app_c", "d"])
}

@Test("volumes are read with their drivers")
func volumeForms() throws {
    let text = """
        services: {web: {image: a, volumes: ["a:/a", "bb:/b", "cc:/c"]}}
        volumes:
          a:
          bb: {driver: local, driver_opts: {type: nfs}, labels: [k=v]}
          cc: {external: true, name: shared}
        """
    let (found, report) = project(text.replacing("a:/a", with: "aa:/a").replacing("  a:", with: "  aa:"))
    #expect(report == "")
    let all = try #require(found)
    #expect(all.volumes.map(\.name) == ["app_aa", "app_bb", "shared"])
    #expect(all.volumes.map(\.isExternal) == [false, false, true])
    #expect(all.volume("bb")?.driverOptions == ["type": "nfs"])
    #expect(all.volume("bb")?.labels == ["k": "v"])
}

@Test("mounts that can't be are shown where they stand")
func badMounts() {
    let (_, report) = service(
        """
        volumes:
          - d:/d
          - {type: volume, source: data, target: data}
          - {type: bind, source: /a, target: /, bind: {propagation: both}}
          - {type: volume, source: data, target: /x, volume: {subpath: ../up}}
        tmpfs: [run]
        """,
        besides: resources
    )
    #expect(
        report == """
            compose.yaml:5:9: services.web.volumes[0].target can't be "d:/d"
                      - d:/d
                        ^
              hint: a volume whose name is one letter needs the long form: {type: volume, source: d, …}
            compose.yaml:6:46: services.web.volumes[1].target can't be "data"
                      - {type: volume, source: data, target: data}
                                                             ^
              hint: use an absolute path inside the container
            compose.yaml:7:42: services.web.volumes[2].target can't be the root of the container
                      - {type: bind, source: /a, target: /, bind: {propagation: both}}
                                                         ^
            compose.yaml:7:65: services.web.volumes[2].bind.propagation can't be "both"
                      - {type: bind, source: /a, target: /, bind: {propagation: both}}
                                                                                ^
              hint: use shared, rshared, slave, rslave, private or rprivate
            compose.yaml:8:68: services.web.volumes[3].volume.subpath can't be "../up"
                      - {type: volume, source: data, target: /x, volume: {subpath: ../up}}
                                                                                   ^
              hint: use a relative path without ".."
            compose.yaml:9:13: services.web.tmpfs[0] can't be "run"
                    tmpfs: [run]
                            ^
              hint: use an absolute path, then : and options if need be

            """
    )
}
