import ContainerRuntime
import Glibc
import LinuxSystem
import OCISpec
import Testing

extension OneAtATime {
    @Suite("a hostile image", .enabled(if: getuid() == 0, "needs root"))
    struct HostileImageTests {
        @Test("can't choose where procfs and sysfs lie", arguments: ["proc", "sys"])
        func movedKernelFiles(name: String) throws {
            let box = try Box(["true"])
            mkdir("\(box.scratch)/upper/elsewhere", 0o755)
            symlink("elsewhere", "\(box.scratch)/upper/\(name)")
            let error = #expect(throws: ContainerError.self) { try box.start(output: 1) }
            #expect(error?.message.hasSuffix("too many levels of symbolic links (ELOOP)") == true)
        }

        @Test("has its paths masked by the host's null device, whatever it calls its own")
        func nullDevice() throws {
            var box = try Box(["sh", "-c", "stat -c '%F %t:%T' /proc/interrupts"])
            mkdir("\(box.scratch)/upper/dev", 0o755)
            symlink("/proc/sysrq-trigger", "\(box.scratch)/upper/dev/null")
            box.change = { spec in spec.mounts?.removeAll { $0.destination.hasPrefix("/dev") } }
            #expect(try box.run().output == "character special file 1:3\n")
        }

        @Test("can't choose where its devices lie, and nothing outside changes", arguments: ["", "../../.."])
        func linkedDevices(prefix: String) throws {
            let box = try Box(["true"])
            let outside = "\(box.scratch)/outside"
            mkdir(outside, 0o755)
            symlink("\(prefix)\(outside)", "\(box.scratch)/upper/dev")
            let error = #expect(throws: ContainerError.self) { try box.start(output: 1) }
            #expect(error?.message.hasSuffix("too many levels of symbolic links (ELOOP)") == true)
            #expect(rmdir(outside) == 0, "it is still empty")
        }

        @Test("can't make a working directory elsewhere than inside")
        func workingDirectory() throws {
            var box = try Box(["pwd"])
            let outside = "\(box.scratch)/outside"
            mkdir(outside, 0o755)
            symlink("../../../../../../..\(outside)", "\(box.scratch)/upper/out")
            box.options.process.cwd = "/out/made"
            #expect(try box.run().status == .exited(0))
            #expect(access("\(outside)/made", F_OK) != 0)
        }
    }
}
