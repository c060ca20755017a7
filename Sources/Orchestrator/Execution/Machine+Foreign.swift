import ComposeModel
import ContainerRuntime
import LinuxSystem
import OCISpec

/// Containers that another OCI runtime makes.
extension Machine {
    /// The process of a container that was just started, and a pidfd of it.
    final class ForeignProcess: Sendable {
        let process: ProcessRecord
        let descriptor: OwnedDescriptor

        init(_ process: ProcessRecord, _ descriptor: consuming OwnedDescriptor) {
            self.process = process
            self.descriptor = descriptor
        }
    }

    /// Has a runtime make and start a container.
    ///
    /// Its first process ends up as a child of the keeper, which collects what is nobody else's.
    func launch(
        _ request: ForeignRuntime.Request,
        by foreign: ForeignRuntime,
        _ state: ContainerState,
        _ definition: ServiceDefinition,
        _ group: ContainerCgroup,
        _ attachments: [ProcessRecord.Attachment]
    ) throws -> ForeignProcess {
        let directory = configuration.directory
        // First of all: whoever comes after a crash learns from it what the runtime may have begun.
        try directory.write(FilterChoice.replacingFilter(of: request.spec, definition.service), of: state.name)
        do {
            let created = try foreign.create(request)
            let identity = created.identity
            let pid = identity.pid
            try group.attachLegacy(pid: pid)
            guard let pidfd = try identity.open() else {
                throw ExecutionError("\(state.name): its process ended before it was started")
            }
            if definition.service.hasTerminal {
                switch created.takeTerminal() {
                case .some(let terminal): try configuration.outputs.attach(terminal: terminal, of: state.name)
                case .none: break
                }
            }
            try foreign.run("start", foreign.id)
            var known = ProcessRecord(pid: pid, start: identity.start, groups: [request.group])
            known.attachments = attachments
            try directory.write(known, of: state.name)
            return ForeignProcess(known, pidfd)
        } catch {
            foreign.remove()
            throw ExecutionError(error, at: "services.\(state.service).runtime")
        }
    }

    /// Sends a signal to a container's first process, by the runtime that has it.
    ///
    /// Does nothing when the process has ended.
    func send(_ signal: Int32, to live: LiveContainer) throws {
        do {
            // The process that is ours to see may be that of a sandbox.
            if let foreign = ForeignRuntime(live.spec) { return try foreign.run("kill", foreign.id, "\(signal)") }
        } catch {
            // A runtime that can't end its container doesn't keep it alive.
            guard signal == 9 else { throw error }
        }
        do { try Container.signal(live.pidfd.rawValue, signal) } catch {
            guard error.errno.rawValue == 3 else { throw error }  // ESRCH: it has just ended
        }
    }

    /// Has the runtime of a container forget it, where that is not the built-in one.
    func forgetForeign(_ name: String) {
        // What can't be read is nobody else's.
        guard let spec = try? configuration.directory.specification(of: name) else { return }
        ForeignRuntime(spec)?.remove()
    }

    /// A runtime that a service names has to be there before anything is made.
    func checkRuntime(of service: Service) throws {
        guard try ForeignRuntime.program(of: service.runtime, service: service.name) != nil, service.usesInit == true
        else { return }
        throw ExecutionError(
            "init of service \(service.name) is the built-in runtime's",
            at: "services.\(service.name).init",
            hint: "leave out either init or runtime"
        )
    }
}
