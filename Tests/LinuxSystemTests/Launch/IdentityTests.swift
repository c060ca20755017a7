import CLinux
import Glibc
@testable import LinuxSystem
import Testing

@Suite("a launch's change of identity")
struct IdentityTests {
    @Test("is followed at once by the end of being dumpable, which the kernel ties to fs.suid_dumpable")
    func undumpable() throws {
        var plan = LaunchPlan(namespaces: [])
        plan.append(.setCredentials(Credentials(uid: 33, gid: 33, groups: [])))
        let calls = LaunchEncoder(plan).list.calls
        let change = try #require(calls.firstIndex { $0.number == Int64(SYS_setresuid) })
        let next = calls[change + 1]
        #expect(next.number == Int64(SYS_prctl) && next.argument.0 == UInt64(PR_SET_DUMPABLE) && next.argument.1 == 0)
        #expect(next.flags == 0 && next.ignored == (0, 0), "a failure of it ends the launch")
    }
}
