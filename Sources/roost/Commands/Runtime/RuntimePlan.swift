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
            let preparation = plan.preparation.map { "for the child:\n\($0)\n" } ?? ""
            ProcessContext.writeOutput("\(plan.launch)\(preparation)")
        } catch {
            ProcessContext.writeError("error: \(error)\n")
            throw ExitCode.failure
        }
    }
}
