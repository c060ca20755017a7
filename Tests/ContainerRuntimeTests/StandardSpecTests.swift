import LinuxSystem
import OCISpec
import Testing

@testable import ContainerRuntime

@Suite("what a service has that asks for nothing")
struct StandardSpecTests {
    private func standard(_ change: (inout StandardOptions) -> Void = { _ in }) throws -> RuntimeSpec {
        var options = StandardOptions(ProcessSpec(args: ["/bin/app"]))
        change(&options)
        return try RuntimeSpec.standard(options)
    }

    @Test("its capabilities, masked and read-only paths are those of Docker 28")
    func profile() throws {
        let spec = try standard()
        let capabilities = try #require(spec.process?.capabilities)
        #expect(
            capabilities.bounding?.sorted() == [
                "CAP_AUDIT_WRITE", "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL",
                "CAP_MKNOD", "CAP_NET_BIND_SERVICE", "CAP_NET_RAW", "CAP_SETFCAP", "CAP_SETGID", "CAP_SETPCAP",
                "CAP_SETUID", "CAP_SYS_CHROOT",
            ]
        )
        #expect(capabilities.effective == capabilities.bounding && capabilities.permitted == capabilities.bounding)
        #expect((capabilities.inheritable ?? []).isEmpty && (capabilities.ambient ?? []).isEmpty)
        #expect(spec.process?.noNewPrivileges != true)
        #expect(
            spec.linux?.maskedPaths == [
                "/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
                "/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats",
                "/sys/devices/virtual/powercap", "/sys/firmware",
            ]
        )
        #expect(
            spec.linux?.readonlyPaths == [
                "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger",
            ]
        )
        #expect(
            spec.linux?.namespaces?.map(\.type) == ["mount", "pid", "ipc", "uts", "network", "cgroup"]
        )
        #expect(spec.linux?.resources?.devices == [.init(allow: false)])
    }

    @Test("the sensors of a host's processors are masked, unless system paths are to be seen")
    func sensors() throws {
        let sensors = ["/sys/devices/system/cpu/cpu0/thermal_throttle"]
        #expect(try standard { $0.sensors = sensors }.linux?.maskedPaths?.last == sensors[0])
        let open = try standard { ($0.sensors, $0.showsSystemPaths) = (sensors, true) }
        #expect(open.linux?.maskedPaths == nil && open.linux?.readonlyPaths == nil)
    }
}
