import ArgumentParser
import ContainerRuntime
import FoundationEssentials
import LinuxSystem
import OCISpec

/// `roost runtime`: the built-in OCI runtime.
struct Runtime: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "The built-in OCI runtime.",
        subcommands: [RuntimePlan.self]
    )
}

/// `roost runtime plan`: shows what starting a bundle would do.
struct RuntimePlan: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Print the steps that would start the container of a bundle."
    )

    @Option(name: .shortAndLong, help: "The directory that holds config.json.")
    var bundle = "."

    func run() throws {
        let path = "\(bundle)/config.json"
        let spec: RuntimeSpec
        do {
            spec = try JSONDecoder().decode(RuntimeSpec.self, from: Data(contentsOf: URL(filePath: path)))
        } catch {
            throw ValidationError("\(path): \(error)")
        }
        do {
            let seccomp = try spec.linux?.seccomp.map { try SeccompProgram(compiling: $0) }
            print(try ContainerPlan(spec, seccomp: seccomp).launch, terminator: "")
        } catch {
            throw ValidationError("\(path): \(error)")
        }
    }
}
