/// How the health of a container is asked for.
package struct HealthCheck: Hashable, Sendable {
    /// What is run.
    package enum Test: Hashable, Sendable {
        /// Nothing: the image's check is off.
        case none
        /// What the image says.
        case inherit
        /// A program with its arguments.
        case exec([String])
        /// A line for the container's shell.
        case shell(String)
    }

    /// What is run.
    package var test = Test.inherit
    /// The time between two runs; nil for the image's, then 30 seconds.
    package var interval: Duration?
    /// The time a run may take; nil for the image's, then 30 seconds.
    package var timeout: Duration?
    /// How many failures in a row make it unhealthy; nil for the image's, then 3.
    package var retries: Int?
    /// How long after the start failures don't count; nil for the image's, then none.
    package var startPeriod: Duration?
    /// The time between two runs in that period; nil for the image's, then 5 seconds.
    package var startInterval: Duration?

    /// The image's check.
    package init() {}
}
