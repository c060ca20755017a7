import OCISpec
import Orchestrator
package import Supervisor

/// Something that happened to a container, as `roost events` tells of it.
package struct EventText: Sendable {
    private let event: ContainerEvent
    private let id: String
    private let image: String

    /// An event; `id` and `image` are those of its container.
    package init(_ event: ContainerEvent, id: String, image: String) {
        self.event = event
        self.id = id
        self.image = image
    }

    /// In docker's words.
    private var action: String {
        switch event.kind {
        case .created: "create"
        case .started: "start"
        case .killed: "kill"
        case .exited: "die"
        case .stopped: "stop"
        case .removed: "destroy"
        case .health: "health_status: \(event.health?.rawValue ?? "none")"
        case .paused: "pause"
        case .unpaused: "unpause"
        }
    }

    private var attributes: [(String, String)] {
        var result = [("image", image), ("name", event.container)]
        if let code = event.code {
            if event.kind == .exited { result.append(("exitCode", String(code))) }
            if event.kind == .killed { result.append(("signal", String(code))) }
        }
        return result.sorted { $0.0 < $1.0 }
    }

    private var time: String { Timestamp.text(event.time ?? WallTime(nanoseconds: 0)) }

    /// One line: `2026-11-21 20:15:00.000000 container start <id> (image=…, name=…)`.
    package var line: String {
        let moment = "\(time.prefix(10)) \(time.dropFirst(11).prefix(15))"
        let words = attributes.map { "\($0.0)=\($0.1)" }.joined(separator: ", ")
        return "\(moment) container \(action) \(id) (\(words))\n"
    }

    /// One object on a line.
    package var json: String {
        var inner = JSONText()
        for (name, value) in attributes { inner.add(name, value) }
        var object = JSONText()
        object.add("action", action)
        object.add("attributes", literal: inner.text)
        object.add("id", id)
        object.add("service", event.service)
        object.add("time", time)
        object.add("type", "container")
        return object.text + "\n"
    }
}
