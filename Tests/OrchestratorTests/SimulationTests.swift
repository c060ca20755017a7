import Orchestrator
import TestSupport
import Testing

/// Services that depend on each other in every way.
private func wish(_ random: inout SeededNumbers) -> ProjectWish {
    func digest() -> String { "d\(random.next() % 3)" }
    func replicas() -> Int { Int(random.next() % 4) }
    return ProjectWish(
        services: [
            .init(
                "web",
                replicas: replicas(),
                definition: .fixture(digest(), after: [.init("api", .started, restarts: true)]) {
                    $0.restart = .always
                    $0.networks = ["p_front"]
                }
            ),
            .init(
                "api",
                replicas: replicas(),
                definition: .fixture(digest(), after: [.init("db", .healthy, restarts: true)]) {
                    $0.restart = .onFailure(attempts: nil)
                    $0.networks = ["p_front", "p_back"]
                    $0.hasHealthcheck = true
                }
            ),
            .init(
                "db",
                definition: .fixture(digest()) {
                    $0.restart = .always
                    $0.networks = ["p_back"]
                    $0.volumes = ["p_data"]
                    $0.hasHealthcheck = true
                }
            ),
        ],
        networks: ["p_front": "n\(random.next() % 2)", "p_back": "n\(random.next() % 2)"],
        volumes: ["p_data": "v"]
    )
}

extension ProjectState {
    /// Files of a directory have no order.
    fileprivate var sorted: ProjectState {
        var result = self
        result.containers.sort { $0.name < $1.name }
        result.networks.sort { $0.name < $1.name }
        return result
    }
}

extension UpOptions {
    fileprivate static var removingOrphans: UpOptions {
        var options = UpOptions()
        options.removesOrphans = true
        return options
    }
}

@Suite("a simulated project")
struct SimulationTests {
    @Test("comes to what was wanted last, whatever crashes and commands come between", arguments: 0..<500)
    func convergence(seed: UInt64) throws {
        var random = SeededNumbers(seed: seed)
        var machine = SimulatedMachine(ProjectState(project: "p"), seed: seed)
        var last = wish(&random)
        for _ in 0..<40 {
            switch random.next() % 12 {
            case 0:
                last = wish(&random)
                _ = machine.request { _ = $0.up(last) }
            case 1: machine.crash()
            case 2: if let name = machine.alive.sorted().randomElement(using: &random) { machine.exit(name, code: 1) }
            case 3: _ = machine.request { $0.restart(services: ["db"], withDependents: true) }
            case 4: _ = machine.request { $0.stop(services: ["api"]) }
            case 5: _ = machine.request { $0.down() }
            case 6: machine.becomeHealthy()
            default: for _ in 0..<random.next() % 10 { _ = machine.step() }
            }
        }
        let id = machine.request { _ = $0.up(last) }
        settle(&machine)
        #expect(machine.answers[id] == [])
        let running = machine.state.containers.filter(\.isRunning)
        #expect(Set(running.map(\.name)) == machine.alive)
        for service in last.services {
            let containers = machine.state.containers(of: service.name)
            #expect(containers.count == service.replicas)
            #expect(containers.allSatisfy { $0.isRunning && $0.actual?.digest == service.definition.digest })
        }
        for network in machine.state.networks { #expect(network.actual == last.networks[network.name]) }
        let isSaved = machine.saved.sorted == machine.state.sorted
        #expect(isSaved)
        #expect(Planner.plan(machine.state, now: machine.now).isEmpty)

        let end = machine.request { $0.down(removesVolumes: true) }
        settle(&machine)
        #expect(machine.answers[end] == [])
        #expect(machine.state == ProjectState(project: "p"))
        #expect(machine.alive.isEmpty)
    }

    @Test("no more is under way at once than a command allows", arguments: 0..<40, [1, 2, 3])
    func limited(seed: UInt64, limit: Int) {
        var random = SeededNumbers(seed: seed)
        var machine = SimulatedMachine(ProjectState(project: "p"), seed: seed)
        machine.limit = limit
        let wanted = wish(&random)
        let up = machine.request { _ = $0.up(wanted) }
        settle(&machine)
        let end = machine.request { $0.down(removesVolumes: true) }
        settle(&machine)
        #expect(machine.answers == [up: [], end: []])
        #expect(machine.mostRunning <= limit)
        #expect(machine.state == ProjectState(project: "p"))
    }

    @Test("answers every request, and recovers from failures when it is asked again", arguments: 0..<300)
    func failures(seed: UInt64) throws {
        var random = SeededNumbers(seed: seed)
        var machine = SimulatedMachine(ProjectState(project: "p"), seed: seed)
        machine.failureRate = 6
        var last = wish(&random)
        for number in 0..<40 {
            switch random.next() % 12 {
            case 0:
                last = wish(&random)
                let services = Set(last.services.map(\.name))
                let deadline = machine.now + .seconds(20)
                _ = machine.request(awaiting: .readiness(services: services), deadline: deadline) { _ = $0.up(last) }
            case 1: machine.crash()
            case 2: if let name = machine.alive.sorted().randomElement(using: &random) { machine.exit(name, code: 1) }
            case 3: _ = machine.request { $0.restart(withDependents: true) }
            case 4: _ = machine.request { $0.stop() }
            case 5: _ = machine.request { $0.down(services: ["api"]) }
            case 6:
                let verdicts: [ContainerState.Health] = [.healthy, .unhealthy]
                if let name = machine.alive.sorted().randomElement(using: &random) {
                    machine.flap(name, verdicts[Int(random.next() % 2)])
                }
            case 7:
                _ = machine.request { state in
                    var once = last.services[0].definition
                    once.restart = .never
                    let name = "p-web-run-\(number)"
                    state.containers.append(
                        .init(name: name, service: "web", number: 0, definition: once, goal: .start)
                    )
                }
            default: for _ in 0..<random.next() % 10 { _ = machine.step() }
            }
        }
        machine.failureRate = 0
        settle(&machine)
        #expect(Set(machine.answers.keys) == machine.asked)
        #expect(Set(machine.state.containers.filter(\.isRunning).map(\.name)) == machine.alive)

        for name in machine.alive.sorted() { machine.flap(name, .healthy) }
        settle(&machine)
        let up = machine.request { _ = $0.up(last, .removingOrphans) }
        settle(&machine)
        #expect(machine.answers[up] == [])
        let end = machine.request { $0.down(removesVolumes: true) }
        settle(&machine)
        #expect(machine.answers[end] == [])
        #expect(machine.state == ProjectState(project: "p"))
        #expect(machine.alive.isEmpty)
    }

    private func settle(_ machine: inout SimulatedMachine) {
        var idle = 0
        for _ in 0..<100_000 {
            if machine.step() {
                idle = 0
            } else {
                machine.becomeHealthy()
                idle += 1
                if idle > 2 { return }
            }
        }
        Issue.record("the project does not come to rest: \(machine.log.suffix(20))")
    }
}
