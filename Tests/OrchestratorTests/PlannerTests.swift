import Orchestrator
import Testing

/// A web service with two replicas that waits for a healthy database, on one network, with one volume.
private func shop(web: String = "w1", db: String = "d1", replicas: Int = 2, network: String = "n1") -> ProjectWish {
    ProjectWish(
        services: [
            .init(
                "web",
                replicas: replicas,
                definition: .fixture(web, after: [.init("db", .healthy, restarts: true)]) {
                    $0.networks = ["p_default"]
                    $0.restart = .always
                }
            ),
            .init(
                "db",
                definition: .fixture(db) {
                    $0.networks = ["p_default"]
                    $0.volumes = ["p_data"]
                    $0.hasHealthcheck = true
                }
            ),
        ],
        networks: ["p_default": network],
        volumes: ["p_data": "v1"]
    )
}

@Suite("a plan")
struct PlannerTests {
    @Test("for a new project makes networks and volumes first, and waits for what services depend on")
    func first() {
        #expect(
            ProjectState.wanting(shop()).plan() == """
                #1 create network p_default
                #2 create volume p_data
                #3 create p-db-1 after [2]
                #4 start p-db-1 after [1, 3]
                #5 create p-web-1
                #6 wait for db to be healthy after [4]
                #7 start p-web-1 after [1, 5, 6]
                #8 create p-web-2
                #9 start p-web-2 after [1, 6, 8]

                """
        )
    }

    @Test("for a project that is as it should be is empty")
    func nothing() {
        var state = ProjectState.running(shop())
        #expect(state.up(shop()).isEmpty)
        #expect(state.plan() == "")
        #expect(state == .running(shop()))
    }

    @Test("touches only the service that changed")
    func change() {
        var state = ProjectState.running(shop())
        _ = state.up(shop(web: "w2"))
        #expect(
            state.plan() == """
                #1 stop p-web-1 (definition changed)
                #2 stop p-web-2 (definition changed)
                #3 clean up after p-web-1 after [1]
                #4 clean up after p-web-2 after [2]
                #5 recreate p-web-1 after [3] (definition changed)
                #6 start p-web-1 after [5]
                #7 recreate p-web-2 after [4] (definition changed)
                #8 start p-web-2 after [7]

                """
        )
    }

    @Test("restarts those that asked for it when what they depend on is replaced, stopping them first")
    func cascade() {
        var state = ProjectState.running(shop(replicas: 1))
        _ = state.up(shop(db: "d2", replicas: 1))
        #expect(
            state.plan() == """
                #1 stop p-web-1 (restart)
                #2 stop p-db-1 after [1] (definition changed)
                #3 clean up after p-web-1 after [1]
                #4 clean up after p-db-1 after [2]
                #5 recreate p-db-1 after [4] (definition changed)
                #6 start p-db-1 after [5]
                #7 wait for db to be healthy after [6]
                #8 start p-web-1 after [3, 7]

                """
        )
    }

    @Test("for another number of replicas touches only the difference")
    func scale() {
        var state = ProjectState.running(shop())
        _ = state.up(shop(replicas: 3))
        #expect(state.plan() == "#1 create p-web-3\n#2 start p-web-3 after [1]\n")
        state = .running(shop(replicas: 3))
        _ = state.up(shop(replicas: 1))
        #expect(
            state.plan() == """
                #1 stop p-web-2
                #2 stop p-web-3
                #3 remove p-web-2 after [1]
                #4 remove p-web-3 after [2]

                """
        )
    }

    @Test("removes what changed first when there are too many replicas")
    func scaleOfChanged() {
        var state = ProjectState.running(shop())
        state.containers[0].actual?.digest = "w0"
        state.containers[0].definition.digest = "w0"
        _ = state.up(shop(replicas: 1))
        #expect(state.plan() == "#1 stop p-web-1\n#2 remove p-web-1 after [1]\n")
    }

    @Test("replaces a network after its users stop")
    func changedNetwork() {
        var state = ProjectState.running(shop(replicas: 1))
        _ = state.up(shop(replicas: 1, network: "n2"))
        #expect(
            state.plan() == """
                #1 stop p-web-1 (network p_default changed)
                #2 stop p-db-1 after [1] (network p_default changed)
                #3 clean up after p-web-1 after [1]
                #4 clean up after p-db-1 after [2]
                #5 remove network p_default after [3, 4] (definition changed)
                #6 create network p_default after [5]
                #7 start p-db-1 after [4, 6]
                #8 wait for db to be healthy after [7]
                #9 start p-web-1 after [3, 6, 8]

                """
        )
    }

    @Test("for down stops in reverse order, and keeps volumes unless told")
    func down() {
        var state = ProjectState.running(shop())
        state.down()
        #expect(
            state.plan() == """
                #1 stop p-web-1
                #2 stop p-web-2
                #3 stop p-db-1 after [1, 2]
                #4 remove p-web-1 after [1]
                #5 remove p-web-2 after [2]
                #6 remove p-db-1 after [3]
                #7 remove network p_default after [1, 2, 3]

                """
        )
        state.down(removesVolumes: true)
        #expect(state.plan().hasSuffix("#8 remove volume p_data after [6]\n"))
    }

    @Test("says why a container can't start when what it depends on has failed")
    func failedDependency() {
        var state = ProjectState.wanting(shop(replicas: 1))
        for index in state.networks.indices { state.networks[index].actual = state.networks[index].wanted }
        for index in state.volumes.indices { state.volumes[index].actual = state.volumes[index].wanted }
        state[container: "p-web-1"]?.actual = .init(digest: "w1")
        state[container: "p-db-1"]?.goal = .keep
        state[container: "p-db-1"]?.actual = .init(digest: "d1", phase: .exited(code: 3, at: .start))
        #expect(state.plan() == "p-web-1 can't start: dependency db failed to start: p-db-1 exited (3)\n")
        state[container: "p-db-1"]?.actual?.phase = .running(since: .start)
        state[container: "p-db-1"]?.actual?.health = .unhealthy
        #expect(state.plan() == "p-web-1 can't start: dependency db failed to start: p-db-1 is unhealthy\n")
        state[container: "p-web-1"]?.definition.dependencies[0].isRequired = false
        #expect(
            state.plan() == """
                #1 start p-web-1
                warning: p-web-1: optional dependency db failed to start: p-db-1 is unhealthy

                """
        )
    }

    @Test("starts what ended again, after a rest that grows, as often as the policy says")
    func restart() {
        var state = ProjectState.running(
            ProjectWish(services: [.init("job", definition: .fixture { $0.restart = .onFailure(attempts: 3) })])
        )
        func ended(code: Int32, restarts: Int) -> String {
            state.containers[0].actual?.phase = .exited(code: code, at: .start)
            state.containers[0].actual?.restarts = restarts
            return state.plan(at: .start + .milliseconds(150))
        }
        #expect(ended(code: 1, restarts: 0) == "#1 start p-job-1\n")
        #expect(ended(code: 1, restarts: 1) == "#1 let p-job-1 rest\n#2 start p-job-1 after [1]\n")
        #expect(ended(code: 1, restarts: 3) == "")
        #expect(ended(code: 0, restarts: 0) == "")
    }

    @Test("grows the rest between restarts up to a minute")
    func rests() {
        #expect(
            (0...3).map(RestartPolicy.delay) == [
                .milliseconds(100), .milliseconds(200), .milliseconds(400), .milliseconds(800),
            ]
        )
        #expect(RestartPolicy.delay(afterRestarts: 9) == .milliseconds(51_200))
        #expect(RestartPolicy.delay(afterRestarts: 1000) == .seconds(60))
    }
}
