import OCISpec

/// A project, as `roost ls` shows it.
package struct ProjectListing: Sendable {
    /// The project's name.
    package var name: String
    /// The states of its containers.
    package var states: [ContainerListing.State]
    /// The files it was loaded from.
    package var files: [String]

    /// A project with containers in these states.
    package init(name: String, states: [ContainerListing.State], files: [String]) {
        self.name = name
        self.states = states
        self.files = files
    }

    /// `exited(1), running(2)`.
    package var status: String {
        Dictionary(grouping: states, by: \.rawValue).sorted { $0.key < $1.key }
            .map { "\($0.key)(\($0.value.count))" }.joined(separator: ", ")
    }

    /// The table of `roost ls`.
    package static func table(_ projects: [ProjectListing]) -> String {
        var table = TextTable(heading: ["NAME", "STATUS", "CONFIG FILES"], minimumWidth: 20)
        table.rows += projects.map { [$0.name, $0.status, $0.files.joined(separator: ",")] }
        return table.text
    }

    /// The array of `roost ls --format json`.
    package static func json(_ projects: [ProjectListing]) -> String {
        JSONText.array(
            projects.map { project in
                var object = JSONText()
                object.add("Name", project.name)
                object.add("Status", project.status)
                object.add("ConfigFiles", project.files.joined(separator: ","))
                return object
            }
        )
    }
}
