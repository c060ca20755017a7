import ArgumentParser
import ImageStore
import Orchestrator
import TerminalOutput

/// `roost volumes`.
struct Volumes: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Show the project's volumes.")

    @ParentCommand var parent: Roost

    @Option(help: "The form of the output: table, json, or a template: {{.Name}}.") var format = "table"
    @Flag(name: .shortAndLong, help: "Show names only.") var quiet = false
    @Argument(help: "The services that use them; all when none is named.") var services: [String] = []

    func run() throws { ProcessContext.writeOutput(try ProjectReading.reporting(text)) }

    private func text() throws -> String {
        let roots = ProjectReading.roots
        let directory = ProjectDirectory(project: try parent.project.name(), roots: roots)
        let store = VolumeStore(in: roots.images)
        var volumes = try store.list().filter { $0.project == directory.project }
        if !services.isEmpty {
            let state = try directory.state()
            try ProjectReading.check(services, in: state)
            var used: Set<String> = []
            for container in state.containers where services.contains(container.service) {
                used.formUnion(container.definition.volumes)
                used.formUnion(try directory.record(of: container.name)?.anonymousVolumes.values.map(\.self) ?? [])
            }
            volumes.removeAll { !used.contains($0.name) }
        }
        if quiet { return volumes.map { $0.name + "\n" }.joined() }
        let rows = volumes.map { Self.row($0, place: store.dataDirectory($0.name)) }
        let form = ["", "table"].contains(format) ? "table {{.Driver}}\t{{.Name}}" : format
        return try OutputRow.text(rows, format: form, headings: ["Name": "VOLUME NAME"])
    }

    private static func row(_ volume: VolumeRecord, place: String) -> OutputRow {
        var row = OutputRow()
        row.labels = volume.labels
        row["Availability"] = .text("N/A")
        row["Driver"] = .text(volume.driver)
        row["Group"] = .text("N/A")
        let labels = volume.labels.sorted { $0.key < $1.key }
        row["Labels"] = .text(labels.map { "\($0.key)=\($0.value)" }.joined(separator: ","))
        row["Links"] = .text("N/A")
        row["Mountpoint"] = .text(place)
        row["Name"] = .text(volume.name)
        row["Scope"] = .text("local")
        row["Size"] = .text("N/A")
        row["Status"] = .text("N/A")
        return row
    }
}
