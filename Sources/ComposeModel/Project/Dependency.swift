/// Something that must come before a service.
package struct Dependency: Hashable, Sendable {
    /// What must be true of it.
    package enum Condition: String, Hashable, Sendable, CaseIterable {
        case started = "service_started"
        case healthy = "service_healthy"
        case completedSuccessfully = "service_completed_successfully"
    }

    /// The other service; one that is not required may not be in the project.
    package var service: String
    /// What must be true of it.
    package var condition = Condition.started
    /// Whether the service can't be without it.
    package var isRequired = true
    /// Whether the service restarts with it.
    package var restarts = false

    /// A need for `service` to have started.
    package init(service: String, condition: Condition = .started) {
        self.service = service
        self.condition = condition
    }
}
