import OCISpec
package import Orchestrator
import Supervisor

/// A container that exists, as `roost ps` shows it.
package struct ContainerListing: Sendable {
    /// The states of Docker; not all of them occur.
    package enum State: String, CaseIterable, Sendable {
        case paused, restarting, removing, running, dead, created, exited
    }

    /// The container's state.
    package let container: ContainerState
    private let project: String
    private let record: ContainerRecord?
    private let phase: ContainerState.Phase
    private let now: WallTime

    /// A container of `project` at the moment `now`; nil when it does not exist yet.
    package init?(_ container: ContainerState, _ record: ContainerRecord?, project: String, now: WallTime) {
        guard let actual = container.actual else { return nil }
        phase = actual.phase
        self.container = container
        self.record = record
        self.project = project
        self.now = now
    }

    /// How far the container has come, in Docker's words.
    package var state: State { Self.state(of: container) }

    /// How far a container has come, in Docker's words.
    package static func state(of container: ContainerState) -> State {
        switch container.actual?.phase {
        case nil, .created: .created
        case .running: container.isPaused ? .paused : .running
        case .exited, .lost: container.restartTime == nil ? .exited : .restarting
        }
    }

    /// The container's id, or nothing when its record is not written yet.
    package var id: String { record?.id ?? "" }

    /// `Up 2 minutes (healthy)`, `Exited (0) 3 seconds ago`.
    package var status: String {
        switch phase {
        case .created: "Created"
        case .running(let since): "Up \((now - since).inWords)\(healthSuffix)"
        case .exited(let code, let at): "\(ended) (\(code)) \((now - at).inWords) ago"
        case .lost(let at): "\(ended) (255) \((now - at).inWords) ago"
        }
    }

    private var ended: String { state == .restarting ? "Restarting" : "Exited" }

    private var health: ContainerState.Health { container.isRunning ? container.actual?.health ?? .none : .none }

    private var healthSuffix: String {
        if container.isPaused { return " (Paused)" }
        return switch health {
        case .none: ""
        case .starting: " (health: starting)"
        case .healthy, .unhealthy: " (\(health.rawValue))"
        }
    }

    private var age: String { record.map { "\((now - $0.created).inWords) ago" } ?? "" }

    private func command(truncates: Bool) -> String {
        let text = record?.command.joined(separator: " ") ?? ""
        return JSONText.quoted(truncates ? text.truncated(to: 20) : text)
    }

    /// The table of `roost ps`.
    package static func table(_ containers: [ContainerListing], truncates: Bool) -> String {
        var table = TextTable(heading: ["NAME", "IMAGE", "COMMAND", "SERVICE", "CREATED", "STATUS", "PORTS"])
        table.rows += containers.map { listing in
            [
                listing.container.name, listing.record?.image ?? "", listing.command(truncates: truncates),
                listing.container.service, listing.age, listing.status, PortList(listing.record?.ports ?? []).text,
            ]
        }
        return table.text
    }

    /// What Docker Compose writes on its containers, for the scripts that look for it.
    private var ownLabels: [String: String] {
        var labels = [
            "com.docker.compose.project": project, "com.docker.compose.service": container.service,
            "com.docker.compose.oneoff": container.isOneOff ? "True" : "False",
        ]
        if !container.isOneOff { labels["com.docker.compose.container-number"] = String(container.number) }
        if let record { labels["com.docker.compose.config-hash"] = record.definition }
        return labels
    }

    /// What headings stand over fields in tables that templates make, where it is not just the field's name.
    package static let headings = ["ID": "CONTAINER ID", "RunningFor": "CREATED"]

    /// The container for `roost ps --format`, with the names that Docker Compose uses.
    package func row(truncates: Bool) -> OutputRow {
        let labels = (record?.labels ?? [:]).merging(ownLabels) { $1 }
        let volumes = container.definition.volumes + (record?.anonymousVolumes.values.sorted() ?? [])
        let ports = PortList(record?.ports ?? [])
        var row = OutputRow()
        row.labels = labels
        row["Command"] = .text(command(truncates: truncates))
        row["CreatedAt"] = .text(record.map { Self.dateText($0.created) } ?? "")
        row["ExitCode"] = .number(Int(container.endStatus ?? 0))
        row["Health"] = .text(health == .none ? "" : health.rawValue)
        row["ID"] = .text(truncates ? String(id.prefix(12)) : id)
        row["Image"] = .text(record?.image ?? "")
        row["Labels"] = .text(labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ","))
        row["LocalVolumes"] = .text(String(volumes.count))
        row["Mounts"] = .text(volumes.map { truncates ? $0.truncated(to: 15) : $0 }.joined(separator: ","))
        row["Name"] = .text(container.name)
        row["Names"] = .text(container.name)
        row["Networks"] = .text(container.definition.networks.joined(separator: ","))
        row["Ports"] = .text(ports.text)
        row["Project"] = .text(project)
        row["Publishers"] = .literal(ports.publishers)
        row["RunningFor"] = .text(age)
        row["Service"] = .text(container.service)
        row["Size"] = .text("0B")
        row["State"] = .text(state.rawValue)
        row["Status"] = .text(status)
        return row
    }

    /// The container as one object of `roost ps --format json`.
    package func json(truncates: Bool) -> String { row(truncates: truncates).json }

    private static func dateText(_ time: WallTime) -> String {
        let text = Timestamp.text(time)
        return "\(text.prefix(10)) \(text.dropFirst(11).prefix(8)) +0000 UTC"
    }
}
