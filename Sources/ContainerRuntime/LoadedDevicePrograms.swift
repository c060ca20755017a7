import LinuxSystem
import Synchronization

/// Device programs that the kernel has checked and compiled, for all containers with the same rules.
package final class LoadedDevicePrograms: Sendable {
    private final class Loaded: Sendable {
        let descriptor: OwnedDescriptor
        init(_ descriptor: consuming OwnedDescriptor) { self.descriptor = descriptor }
    }

    private let programs = Mutex<[DeviceProgram: Loaded]>([:])

    /// No program yet.
    package init() {}

    func attach(_ program: DeviceProgram, to group: Int32) throws(SyscallError) {
        let loaded: Loaded
        if let known = programs.withLock({ $0[program] }) {
            loaded = known
        } else {
            loaded = Loaded(try BPFInstruction.loadDeviceProgram(program.instructions))
            programs.withLock { $0[program] = loaded }
        }
        try BPFInstruction.attachDeviceProgram(loaded.descriptor, to: group)
    }
}
