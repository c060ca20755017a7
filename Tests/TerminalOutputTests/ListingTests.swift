import Orchestrator
import TerminalOutput
import Testing

@Suite("Lists of containers and projects")
struct ListingTests {
    private let now = WallTime(nanoseconds: 1_700_000_000_000_000_000)

    private func ago(_ seconds: Int) -> WallTime { now + .seconds(-seconds) }

    private func container(
        _ service: String,
        _ phase: ContainerState.Phase,
        health: ContainerState.Health = .none,
        restart: RestartPolicy = .never
    ) -> ContainerState {
        var definition = ContainerDefinition(digest: "d", restart: restart)
        definition.networks = ["voting_default"]
        definition.volumes = ["voting_data"]
        var state = ContainerState(
            name: "voting-\(service)-1",
            service: service,
            number: 1,
            definition: definition,
            goal: .keep
        )
        var actual = ContainerState.Actual(digest: "d", phase: phase)
        actual.health = health
        state.actual = actual
        return state
    }

    private func listing(_ container: ContainerState) throws -> ContainerListing {
        var record = ContainerRecord(
            id: String(repeating: "0123456789abcdef", count: 4),
            definition: "d",
            image: "rootfs:/",
            command: ["/usr/bin/python3", "-m", "http.server \"80\""],
            created: ago(7200)
        )
        record.labels = ["b": "2", "a": "1"]
        record.ports = [port(80, 8080)]
        return try #require(ContainerListing(container, record, project: "voting", now: now))
    }

    @Test("a status tells state, health and how long")
    func status() throws {
        func status(_ container: ContainerState) throws -> String { try listing(container).status }
        #expect(try status(container("a", .created)) == "Created")
        #expect(try status(container("a", .running(since: ago(120)))) == "Up 2 minutes")
        #expect(try status(container("a", .running(since: ago(2)), health: .healthy)) == "Up 2 seconds (healthy)")
        #expect(
            try status(container("a", .running(since: ago(2)), health: .starting)) == "Up 2 seconds (health: starting)"
        )
        #expect(try status(container("a", .running(since: ago(2)), health: .unhealthy)) == "Up 2 seconds (unhealthy)")
        #expect(
            try status(container("a", .exited(code: 0, at: ago(3)), health: .healthy)) == "Exited (0) 3 seconds ago"
        )
        #expect(try status(container("a", .lost(at: ago(60)))) == "Exited (255) About a minute ago")
        #expect(
            try status(container("a", .exited(code: 1, at: ago(3)), restart: .always)) == "Restarting (1) 3 seconds ago"
        )
    }

    @Test("a container that does not exist is not listed")
    func absent() {
        var state = container("a", .created)
        state.actual = nil
        #expect(ContainerListing(state, nil, project: "voting", now: now) == nil)
    }

    @Test("the table has Docker's columns; a container whose record is not there yet is listed all the same")
    func table() throws {
        let bare = try #require(ContainerListing(container("db", .created), nil, project: "voting", now: now))
        let listings = [bare, try listing(container("web", .running(since: ago(60)), health: .healthy))]
        let lines = ContainerListing.table(listings, truncates: true).split(separator: "\n").map(String.init)
        #expect(
            lines == [
                #"NAME           IMAGE      COMMAND                  SERVICE   CREATED       STATU"#
                    + #"S                        PORTS"#,
                #"voting-db-1               ""                       db                      Creat"#
                    + #"ed                       "#,
                #"voting-web-1   rootfs:/   "/usr/bin/python3 -m…"   web       2 hours ago   Up Ab"#
                    + #"out a minute (healthy)   0.0.0.0:8080->80/tcp, [::]:8080->80/tcp"#,
            ]
        )
    }

    @Test("the JSON form has the names that Docker Compose uses")
    func json() throws {
        let listing = try listing(container("web", .running(since: ago(60)), health: .healthy))
        #expect(
            listing.json(truncates: true)
                == #"{"Command":"\"/usr/bin/python3 -m…\"","CreatedAt":"2023-11-14 20:13:20 +0000 UTC","ExitCode":0,"#
                + #""Health":"healthy","ID":"0123456789ab","Image":"rootfs:/","Labels":"a=1,b=2,com.docker.compose.config-hash=d,"#
                + #"com.docker.compose.container-number=1,com.docker.compose.oneoff=False,"#
                + #"com.docker.compose.project=voting,com.docker.compose.service=web","LocalVolumes":"1","#
                + #""Mounts":"voting_data","Name":"voting-web-1","Names":"voting-web-1","Networks":"voting_default","#
                + #""Ports":"0.0.0.0:8080->80/tcp, [::]:8080->80/tcp","Project":"voting","#
                + #""Publishers":[{"URL":"0.0.0.0","TargetPort":80,"PublishedPort":8080,"Protocol":"tcp"},"#
                + #"{"URL":"::","TargetPort":80,"PublishedPort":8080,"Protocol":"tcp"}],"RunningFor":"2 hours ago","#
                + #""Service":"web","Size":"0B","State":"running","Status":"Up About a minute (healthy)"}"#
        )
    }

    @Test("projects count their containers by state")
    func projects() {
        let projects = [
            ProjectListing(
                name: "voting",
                states: [.running, .exited, .running],
                files: ["/v/compose.yaml", "/v/o.yaml"]
            )
        ]
        #expect(
            ProjectListing.table(projects) == """
                NAME                STATUS                  CONFIG FILES
                voting              exited(1), running(2)   /v/compose.yaml,/v/o.yaml

                """
        )
        #expect(
            ProjectListing.json(projects)
                == #"[{"Name":"voting","Status":"exited(1), running(2)","ConfigFiles":"/v/compose.yaml,/v/o.yaml"}]"#
        )
        #expect(ProjectListing.json([]) == "[]")
    }
}
