import LinuxSystem
import Testing

@Test("a failed call names itself, its subject and the reason in words")
func description() {
    let error = SyscallError(call: "mount(2)", subject: "/srv", errno: Errno(rawValue: 2))
    #expect(error.description == "mount(2) /srv: no such file or directory (ENOENT)")
}
