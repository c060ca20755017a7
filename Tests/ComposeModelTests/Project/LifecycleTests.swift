import ComposeModel
import Testing
import YAMLComposer

import class Foundation.JSONDecoder
import class Foundation.JSONEncoder

@Test("dependencies are read from lists and mappings")
func dependencies() throws {
    let text = """
        services:
          a: {image: a, depends_on: [c]}
          b: {image: b, depends_on: {c: {condition: service_healthy, restart: true, required: false}}}
          c: {image: c}
        """
    let (found, report) = project(text)
    #expect(report == "")
    let all = try #require(found)
    #expect(all.services.map(\.name) == ["a", "b", "c"])
    var healthy = Dependency(service: "c", condition: .healthy)
    healthy.restarts = true
    healthy.isRequired = false
    #expect(all.service("a")?.dependencies == [Dependency(service: "c")])
    #expect(all.service("b")?.dependencies == [healthy])
}

@Test(
    "health is asked for by a program, a shell, the image or nobody",
    arguments: [
        ("{test: curl -f x}", HealthCheck.Test.shell("curl -f x")), ("{test: [CMD, curl, x]}", .exec(["curl", "x"])),
        ("{test: [CMD-SHELL, \"a | b\"]}", .shell("a | b")), ("{test: [NONE]}", .none), ("{interval: 5s}", .inherit),
        ("{test: a, disable: true}", .none),
    ]
)
func healthTests(text: String, test: HealthCheck.Test) throws {
    let (found, report) = service("healthcheck: \(text)")
    #expect(report == "")
    #expect(try #require(found?.healthCheck).test == test)
}

@Test("a health check has its times")
func healthTimes() throws {
    let (found, report) = service(
        "healthcheck: {test: a, interval: 1m, timeout: 500ms, retries: 5, start_period: 2s, start_interval: 1s}"
    )
    #expect(report == "")
    let check = try #require(found?.healthCheck)
    #expect(check.interval == .seconds(60) && check.timeout == .milliseconds(500) && check.retries == 5)
    #expect(check.startPeriod == .seconds(2) && check.startInterval == .seconds(1))
}

@Test(
    "a restart has one of four conditions",
    arguments: [
        ("no", RestartPolicy(.no)), ("always", RestartPolicy(.always)),
        ("unless-stopped", RestartPolicy(.unlessStopped)),
        ("on-failure", RestartPolicy(.onFailure)), ("on-failure:3", RestartPolicy(.onFailure, maximumAttempts: 3)),
    ]
)
func restarts(text: String, policy: RestartPolicy) throws {
    #expect(try #require(service("restart: \"\(text)\"").service).restart == policy)
}

@Test("the restart of deploy comes first")
func deployedRestart() throws {
    let (found, report) = service(
        """
        restart: always
        scale: 3
        deploy:
          replicas: 3
          restart_policy: {condition: on-failure, max_attempts: 2, delay: 5s, window: 1m}
          update_config: {parallelism: 2, delay: 10s, order: start-first, failure_action: rollback}
        """
    )
    #expect(report == "")
    let web = try #require(found)
    var policy = RestartPolicy(.onFailure, maximumAttempts: 2)
    policy.delay = .seconds(5)
    policy.window = .seconds(60)
    #expect(web.restart == policy)
    #expect(web.replicas == 3)
    #expect(web.update?.parallelism == 2 && web.update?.delay == .seconds(10))
    #expect(web.update?.order == .startFirst && web.update?.failureAction == .rollback)
}

@Test("logging has a driver and options")
func logging() throws {
    let (found, report) = service("logging: {driver: json-file, options: {max-size: 10m, max-file: 3}}")
    #expect(report == "")
    #expect(found?.logging.driver == .jsonFile)
    #expect(found?.logging.options == ["max-size": "10m", "max-file": "3"])
}

@Test("two containers can't have one name, whatever was checked before")
func sharedNames() {
    let text = """
        services:
          a: {image: a, container_name: one}
          b: {image: b, container_name: one, scale: 2}
        """
    let (tree, _) = load(["compose.yaml": text]) { $0.checksConsistency = false }
    let diagnostics = DiagnosticCollector()
    #expect(tree.map { Project(tree: $0, directory: "/app", diagnostics: diagnostics) == nil } == true)
    #expect(
        DiagnosticRenderer().render(diagnostics.all) == """
            compose.yaml:3:33: services.b.container_name is "one", as that of "a"
                  b: {image: b, container_name: one, scale: 2}
                                                ^
              hint: each container needs a name of its own
            compose.yaml:3:33: services.b.container_name allows one replica, not 2
                  b: {image: b, container_name: one, scale: 2}
                                                ^
              hint: leave the name out, or set the number of replicas to 1

            """
    )
}

@Test("places are found by path, and by the nearest path that has one")
func positions() throws {
    let text = """
        services:
          web:
            image: a
            ports:
              - "80"
              - "81"
            networks: [back]
        networks:
          back:
        """
    let tree = try #require(load(["compose.yaml": text]).tree)
    let positions = SourcePositions(tree: tree)
    #expect(positions["services.web"] == "compose.yaml:2:3")
    #expect(positions["services.web.image"] == "compose.yaml:3:12")
    #expect(positions["services.web.ports[1]"] == "compose.yaml:6:9")
    #expect(positions["services.web.ports[1].target"] == "compose.yaml:6:9")
    #expect(positions["services.web.networks.back"] == "compose.yaml:7:16")
    #expect(positions["services.web.labels"] == "compose.yaml:2:3")
    #expect(positions["networks.back"] == "compose.yaml:9:3")
    #expect(positions["volumes.x"] == nil)
    let sent = try JSONEncoder().encode(positions)
    #expect(try JSONDecoder().decode(SourcePositions.self, from: sent) == positions)
}
