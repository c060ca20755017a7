/// What a machine tells its supervisor without being asked.
package enum MachineEvent: Sendable {
    /// A container's process has gone; how, its parent knows.
    case gone(container: String)
    /// A health check has come to another verdict.
    case health(container: String, ContainerState.Health)
    /// Something that somebody should know and that stops nothing.
    case warning(String)
}
