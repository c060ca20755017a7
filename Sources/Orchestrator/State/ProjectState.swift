/// Everything the planner looks at: what is wanted of a project and what is there.
package struct ProjectState: Hashable, Codable, Sendable {
    /// A network or a volume.
    package struct Resource: Hashable, Codable, Sendable {
        /// Its name on this machine.
        package let name: String
        /// The definition it should have; nil when it should not exist.
        package var wanted: String?
        /// The definition it was made from; nil when it does not exist.
        package var actual: String?
        /// Why the last attempt to make or remove it failed; nobody tries again before a command says so.
        package var failure: String?

        /// Whether it neither exists nor should.
        var isNothing: Bool { wanted == nil && actual == nil }

        /// A resource that is wanted and does not exist yet, unless told otherwise.
        package init(name: String, wanted: String?, actual: String? = nil) {
            self.name = name
            self.wanted = wanted
            self.actual = actual
        }
    }

    /// The project's name.
    package let project: String
    /// Its networks, external ones not among them.
    package var networks: [Resource] = []
    /// Its volumes, external ones not among them.
    package var volumes: [Resource] = []
    /// Its containers, in the order of their services in the file, then by number.
    package var containers: [ContainerState] = []

    /// A project of which nothing exists and nothing is wanted.
    package init(project: String) { self.project = project }

    /// The containers of a service, those of `roost run` not among them.
    package func containers(of service: String) -> [ContainerState] {
        containers.filter { $0.service == service && !$0.isOneOff }
    }

    /// The container called `name`.
    package subscript(container name: String) -> ContainerState? {
        get { index(ofContainer: name).map { containers[$0] } }
        set {
            let index = index(ofContainer: name)
            switch (index, newValue) {
            case (let index?, let state?): containers[index] = state
            case (let index?, nil): containers.remove(at: index)
            case (nil, let state?): containers.append(state)
            case (nil, nil): break
            }
        }
    }

    /// Looks at names only: a container is much to copy, and this is asked after every event.
    private func index(ofContainer name: String) -> Int? { containers.indices.first { containers[$0].name == name } }
}
