import FoundationEssentials
import LinuxSystem
import OCISpec

/// What a seccomp agent is told with the descriptor of a filter: OCI Runtime Specification, "The Container Process State".
private struct ContainerProcessState: Encodable {
    var ociVersion = "0.2.0"
    var fds = ["seccompFd"]
    var pid: Int32
    var metadata: String
    var state: RuntimeState
}

extension RuntimeContainer {
    /// Hands the descriptor of a process's filter to the agent at `linux.seccomp.listenerPath`, where there is one.
    ///
    /// The process waits meanwhile, with the filter loaded.
    func tellListener(of process: borrowing LaunchedProcess) throws(ContainerError) {
        guard let seccomp = record.config.linux?.seccomp, let path = seccomp.listenerPath, !path.isEmpty else { return }
        var own = state(.creating)
        own.pid = process.pid
        let message = ContainerProcessState(pid: process.pid, metadata: seccomp.listenerMetadata ?? "", state: own)
        do {
            let listener = try process.descriptor(linkedTo: "anon_inode:seccomp notify")
            let agent = try StreamSocket.connect(to: path)
            try agent.send(Array(try JSONEncoder().encode(message)), with: listener.rawValue)
        } catch {
            throw ContainerError(code: .kernel, message: "linux.seccomp.listenerPath: \(error)", cause: error)
        }
    }
}
