/// Devices of a kind that a service asks for, without naming their nodes: one entry of `gpus`.
package struct DeviceRequest: Hashable, Sendable {
    /// Who makes them: `nvidia` or `amdgpu`; nil for whoever is there.
    package var driver: String?
    /// How many; nil for all.
    package var count: Int?
    /// Which ones, by number or name; empty to go by `count`.
    package var ids: [String] = []
    /// What they have to be able to do.
    package var capabilities: [String] = []
    /// Where it stands: `services.web.gpus[0]`.
    package var place: String

    /// All devices there are.
    package init(place: String) { self.place = place }
}
