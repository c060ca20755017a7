import ArgumentParser
import ContainerRuntime
import LinuxSystem
import OCISpec

/// `roost runtime plan`: shows what starting a bundle would do.
struct RuntimePlan: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Print the steps that would start the container of a bundle."
    )

    @Option(name: .shortAndLong, help: "The directory that holds config.json.")
    var bundle = "."

    func run() throws {
        do {
            let spec = try ContainerBundle(bundle).spec
            let seccomp = try spec.linux?.seccomp.map { try SeccompProgram(compiling: $0) }
            let plan = try ContainerPlan(spec, seccomp: seccomp)
            let lines = plan.devices.map(\.description) + (plan.preparation.map { ["\($0)"] } ?? [])
            let outside = lines.isEmpty ? "" : "for the child:\n\(lines.joined(separator: "\n"))\n"
            ProcessContext.writeOutput("\(plan.launch)\(outside)")
        } catch {
            ProcessContext.writeError("error: \(error)\n")
            throw ExitCode.failure
        }
    }
}
