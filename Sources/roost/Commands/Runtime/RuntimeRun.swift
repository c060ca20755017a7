import ArgumentParser
import ContainerRuntime
import Glibc
import LinuxSystem

/// `roost runtime run`.
struct RuntimeRun: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Make a container, start it, and remove it when it has ended."
    )

    @OptionGroup var options: RuntimeBundleOptions
    @Flag(name: .shortAndLong, help: "Leave it running, and come back at once.") var detach = false
    @Flag(help: "Keep what is left of it when it has ended.") var keep = false
    @Argument(help: "The container's id.") var id: String

    func run() throws {
        let kept = try RuntimeDescriptors.kept(options.preserveFds)
        let settings = try RuntimeProgram.settings
        let terminal = try RuntimeForeground.terminal(
            isWanted: !detach && options.consoleSocket == nil
                && RuntimeSpecFile.hasTerminal(RuntimeSettings.absolute(options.bundle))
        )
        let foreground = try RuntimeForeground(isWanted: !detach)
        let created = try options.create(id, keeping: kept, terminal: terminal?.sending)
        do {
            for failure in try created.start() { settings.report.warning("\(failure)") }
            if detach { return }
            let status = try foreground.wait(for: created.process, terminal: terminal)
            if !keep { try remove(settings) }
            throw ExitCode(status)
        } catch let error as ExitCode {
            throw error
        } catch {
            // The first error is the one to tell; what stays is there for `delete --force`.
            try? remove(settings)
            throw error
        }
    }

    private func remove(_ settings: RuntimeSettings) throws {
        for failure in try RuntimeContainer.delete(ContainerID(id), in: settings.store, force: true) {
            settings.report.warning("\(failure)")
        }
    }
}
