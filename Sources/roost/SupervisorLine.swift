import Supervisor

/// A command's line to the supervisor, for those who hold several of them.
final class SupervisorLine {
    private var client: SupervisorClient

    init(_ client: consuming SupervisorClient) { self.client = client }

    /// To be polled; lent.
    var descriptor: Int32 { client.descriptor }

    /// Sends a request.
    func send(_ route: String, _ body: some Encodable) throws { try client.send(route, body) }

    /// Asks for everything that happens from here on; false when the supervisor has gone before it heard.
    ///
    /// With `past`, what has happened lately comes first.
    func watch(past: Bool = false) throws -> Bool {
        try client.send(past ? "GET /events/all" : "GET /events")
        // Only when we are told can nothing fall between a state that is read now and the events.
        return try client.nextLine() != nil
    }

    /// Waits for what comes: the lines, and whether more can come.
    func lines() throws -> (lines: [ControlLine], isOpen: Bool) {
        let isOpen = try client.receive()
        var lines: [ControlLine] = []
        while let line = try client.bufferedLine() { lines.append(line) }
        return (lines, isOpen)
    }
}
