import Glibc
import LinuxSystem
import TestSupport
import Testing

/// Programs that join a container which has CAP_SYS_PTRACE: they come into its sight last of all.
struct RuntimeTracerTests {
    private func started(_ change: (inout [String: Any]) -> Void = { _ in }) throws -> BundleScratch {
        let box = try BundleScratch()
        #expect(mkfifo(box.share + "/end", 0o600) == 0)
        try box.write("read line < /mnt/end") { spec in
            let rights = ["CAP_SYS_PTRACE", "CAP_KILL"]
            BundleScratch.change(&spec, "process") { process in
                process["capabilities"] = ["bounding": rights, "effective": rights, "permitted": rights]
            }
            change(&spec)
        }
        #expect(try box.runtime("run", "--detach", "--bundle", box.bundle, box.id).error == "")
        return box
    }

    @Test func theyAreLikeOthers() throws {
        let box = try started()
        let script = """
            grep -E 'Cap(Prm|Bnd)|NSpid|NoNew' /proc/self/status | tr -s '\\t' ' '; ls -A /proc/self/fd | wc -l
            ps -o sid= -p $$ | tr -d ' ' | sed "s/^$$\\$/leads its session/"; exit 7
            """
        let answer = try box.runtime("exec", box.id, "sh", "-c", script)
        #expect(answer.error == "")
        let lines = answer.output.split(separator: "\n").map(String.init)
        #expect(
            lines.filter { !$0.hasPrefix("NSpid:") } == [
                "CapPrm: 0000000000080020", "CapBnd: 0000000000080020", "NoNewPrivs: 1", "4", "leads its session",
            ]
        )
        // Of one namespace within our own.
        #expect(lines.first { $0.hasPrefix("NSpid:") }?.split(separator: " ").count == 2)
        #expect(answer.status == 7)
        #expect(try box.runtime("exec", "--user", "33:34", "--cwd", "/usr", box.id, "pwd").output == "/usr\n")

        let missing = try box.runtime("exec", box.id, "/no-such-program")
        #expect(missing.status == 255)
        #expect(missing.error.hasPrefix("error: the container has no program \"/no-such-program\""))
    }

    @Test func theyAreGuardedFromAProgramThatWasGivenTheRightLater() throws {
        let box = try BundleScratch()
        #expect(mkfifo(box.share + "/end", 0o600) == 0)
        try box.write("read line < /mnt/end")
        #expect(try box.runtime("run", "--detach", "--bundle", box.bundle, box.id).error == "")
        #expect(mkfifo(box.share + "/ready", 0o600) == 0)
        let script = newcomerWatch(ready: "/mnt/ready", log: "/mnt/said")
        let arguments = ["--detach", "--cap", "CAP_SYS_PTRACE", box.id, "python3", "-c", script]
        #expect(try box.scratch.roost(["runtime", "--root", box.state, "exec"] + arguments).error == "")
        // Waits until it is there.
        _ = try OwnedDescriptor.reading(box.share + "/ready")
        for _ in 0..<40 { #expect(try box.runtime("exec", box.id, "true").status == 0) }
        let seen = box.said().split(separator: "\n")
        #expect(!seen.isEmpty)
        // Nothing with more rights than nothing, and nothing of ours.
        #expect(seen.filter { !$0.hasPrefix("0000000000000000 ") || $0.hasSuffix("/roost") } == [])
    }

    @Test func theyHaveATerminalOfTheirOwn() throws {
        let box = try started()
        #expect(try box.runtime("exec", "--tty", box.id, "tty").output == "/dev/pts/0\r\n")
        // It can be opened by its common name, and says who is in its foreground.
        let script = "echo found > /dev/tty; ps -o tpgid= -p $$ | tr -d ' ' | sed \"s/^$$\\$/in the foreground/\""
        #expect(try box.runtime("exec", "--tty", box.id, "sh", "-c", script).output == "found\r\nin the foreground\r\n")
    }

    @Test func theyStayWhenTheirCommandHasEnded() throws {
        let box = try started()
        #expect(mkfifo(box.share + "/go", 0o600) == 0)
        let script = "echo $$ > /mnt/said; read line < /mnt/go; echo went > /mnt/went"
        let answer = try box.runtime("exec", "--detach", "--pid-file", "pid", box.id, "sh", "-c", script)
        #expect(answer == .init(output: "", error: "", status: 0))
        let number = try readFile(box.scratch.path + "/work/pid")
        let pid = try #require(Int32(number))
        let status = try readFile("/proc/\(pid)/status").split(separator: "\n").first { $0.hasPrefix("NSpid:") }
        #expect(status?.split(whereSeparator: \.isWhitespace).dropFirst().first == "\(pid)")
        guard let identity = try ProcessIdentity(of: pid)?.open() else {
            Issue.record("it has ended by itself")
            return
        }
        let gate = OwnedDescriptor(adopting: open(box.share + "/go", O_RDWR | O_CLOEXEC))
        #expect(write(gate.rawValue, "\n", 1) == 1)
        #expect(waitReadable([identity.rawValue], milliseconds: 10_000)[0])
        #expect(box.said("went") == "went\n")
    }

    @Test func theyAreFilteredBeforeTheyAreSeen() throws {
        let filter: [String: Any] = [
            "defaultAction": "SCMP_ACT_ALLOW",
            "syscalls": [["names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95]],
        ]
        for hasRights in [true, false] {
            let box = try started { spec in
                BundleScratch.change(&spec, "linux") { $0["seccomp"] = filter }
                BundleScratch.change(&spec, "process") { $0["noNewPrivileges"] = hasRights }
            }
            let answer = try box.runtime("exec", box.id, "sh", "-c", "grep Seccomp: /proc/self/status; mkdir /mnt/made")
            #expect(answer.output == "Seccomp:\t2\n")
            #expect(answer.error.contains("not supported"))
        }
    }
}
