import ArgumentParser
import ContainerRuntime
import Glibc
import LinuxSystem
import OCISpec

/// `roost runtime run`.
struct RuntimeRun: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Make a container, start it, and remove it when it has ended."
    )

    @OptionGroup var options: RuntimeBundleOptions
    @Flag(name: .shortAndLong, help: "Leave it running, and come back at once.") var detach = false
    @Flag(help: "Keep what is left of it when it has ended.") var keep = false
    @Flag(help: "Taken for granted: nobody is made our child.") var noSubreaper = false
    @Argument(help: "The container's id.") var id: String

    func run() throws { try BundleRun(bundle: options.request, id: id, detach: detach, keep: keep).run() }
}

/// A container that is to be made, started, and removed when it has ended: the options as plain values.
struct BundleRun {
    var bundle: BundleRequest
    var id: String
    var detach = false
    var keep = false

    /// Does so, and ends with the status of its program.
    func run() throws {
        let kept = try RuntimeDescriptors.kept(bundle.preserveFds)
        let settings = try RuntimeProgram.settings
        let read = try bundle.read()
        let terminal = try RuntimeForeground.terminal(
            isWanted: !detach && bundle.consoleSocket == nil
                && read.spec.process?.terminal == true
        )
        var foreground = try RuntimeForeground(isWanted: !detach)
        let created = try bundle.create(
            id,
            read,
            keeping: kept,
            terminal: terminal?.sending,
            startsAtOnce: true
        )
        do {
            let readiness = try ReadinessRelay(for: created.container, manager: RuntimeForeground.manager)
            try created.start()
            if detach {
                try readiness?.await(created.process.descriptor, mainProcess: created.process.pid)
                return
            }
            foreground.readiness = readiness
            let status = try foreground.wait(for: created.process, terminal: terminal)
            if !keep { try remove(created, settings) }
            throw ExitCode(status)
        } catch let error as ExitCode {
            throw error
        } catch {
            // The first error is the one to tell; what stays is there for `delete --force`.
            try? remove(created, settings)
            throw error
        }
    }

    private func remove(_ created: borrowing CreatedContainer, _ settings: RuntimeSettings) throws {
        for failure in try created.remove() { settings.report.warning("\(failure)") }
    }
}
