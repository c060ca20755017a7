import ArgumentParser
import ImageStore
import OCISpec
import Orchestrator
import RegistryClient
import TerminalOutput

/// Sends images to registries, and shows how that goes.
struct ImageDelivery {
    let printer: ProgressPrinter
    var insecureHosts: [String] = []
    /// Whether a failure is only a warning.
    var ignoresFailures = false

    init(_ options: ProjectOptions, isQuiet: Bool) { printer = options.progressPrinter("push", isQuiet: isQuiet) }

    /// Sends images one after the other, their blobs several at once; ends the command when one could not be sent.
    func send(_ images: [(name: ImageName, text: String)]) throws {
        defer { printer.finish() }
        let roots = ProjectReading.roots
        let store = ImageStore(root: roots.storage, runtimeDirectory: roots.runtime)
        let printer = printer
        let failures = try RegistryAccess.run(
            environment: ProcessContext.environment,
            store: store,
            insecureHosts: insecureHosts
        ) { access in
            var failures: [RegistryError] = []
            for (name, text) in images {
                printer.report(Progress(.image, text, "Pushing", .working))
                do throws(RegistryError) {
                    let digest = try await access.pusher.push(name) { event in
                        ImageFetch.show(event, of: text, printer, verb: "Sending")
                    }
                    printer.report(Progress(.image, text, "Pushed", .done, message: "\(digest)"))
                } catch {
                    printer.report(Progress(.image, text, "Error", .failed))
                    failures.append(error)
                }
            }
            return failures
        }
        printer.finish()
        for error in failures {
            ProcessContext.writeError("\(ignoresFailures ? "warning" : "error"): \(error)\n")
        }
        if !failures.isEmpty && !ignoresFailures { throw ExitCode.failure }
    }
}
