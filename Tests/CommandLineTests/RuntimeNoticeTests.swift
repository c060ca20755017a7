import Glibc
import LinuxSystem
import Testing

/// What the runtime tells others about a process: a descriptor, and that it is ready.
struct RuntimeNoticeTests {
    /// The process that a pidfd is about, by its number in our own namespace.
    private func process(of pidfd: borrowing OwnedDescriptor) throws -> String? {
        let lines = try readFile("/proc/self/fdinfo/\(pidfd.rawValue)").split(separator: "\n")
        return lines.first { $0.hasPrefix("Pid:") }?.split(whereSeparator: \.isWhitespace).last.map(String.init)
    }

    @Test func aSocketTakesDescriptorsOfProcesses() throws {
        let box = try BundleScratch()
        try box.write("read line < /mnt/end")
        #expect(mkfifo(box.share + "/end", 0o600) == 0)
        let first = try ConsoleSocket.make(at: box.scratch.path + "/first")
        #expect(
            try box.runtime("create", "--bundle", box.bundle, "--pidfd-socket", first.path, box.id).error == ""
        )
        #expect(try process(of: first.receive()) == box.stateMember("pid"))

        let second = try ConsoleSocket.make(at: box.scratch.path + "/second")
        let command = ["exec", "--detach", "--pid-file", "pid", "--pidfd-socket", second.path, box.id, "sleep", "1000"]
        #expect(try box.scratch.roost(["runtime", "--root", box.state] + command).error == "")
        #expect(try process(of: second.receive()) == readFile(box.scratch.path + "/work/pid"))
    }

    @Test func withoutTheSocketNothingStays() throws {
        let box = try BundleScratch()
        try box.write("true")
        let answer = try box.runtime("run", "--bundle", box.bundle, "--pidfd-socket", "/no-such-socket", box.id)
        #expect(answer.status == 1)
        #expect(answer.error == "error: --pidfd-socket: connect /no-such-socket: no such file or directory (ENOENT)\n")
        #expect(try box.leftovers() == [])
    }

    /// A program that says something to the service manager.
    private static let notice = """
        use Socket;
        socket(my $socket, AF_UNIX, SOCK_DGRAM, 0) or die;
        send($socket, $_, 0, sockaddr_un($ENV{NOTIFY_SOCKET})) or die $! for @ARGV;
        """

    /// Has the container's root not show what is the test's.
    private func hide(_ box: BundleScratch, in spec: inout [String: Any]) {
        BundleScratch.mount(&spec, box.scratch.path, type: "tmpfs")
    }

    /// What was sent to a socket, message by message.
    private func messages(_ socket: borrowing OwnedDescriptor) throws -> [String] {
        var all: [String] = []
        while let message = try socket.receiveDatagram(limit: 4096) {
            all.append(String(decoding: message, as: UTF8.self))
        }
        return all
    }

    @Test func aServiceManagerIsToldThatAProgramIsReadyAndNothingElse() throws {
        let box = try BundleScratch()
        let manager = box.scratch.path + "/manager"
        let socket = try DatagramSocket.bound(to: "manager", in: .directory(box.scratch.path))
        try box.write([
            "/usr/bin/perl", "-e", Self.notice, "STATUS=well", "MAINPID=1\nREADY=1\nFDSTORE=1", "READY=1",
        ]) { hide(box, in: &$0) }
        let command = ["runtime", "--root", box.state, "run", "--bundle", box.bundle, box.id]
        let script = "NOTIFY_SOCKET=\"$0\" exec \"$@\""
        let answer = try box.scratch.run("/bin/sh", ["-c", script, manager, box.scratch.program] + command)
        #expect(answer == .init(output: "", error: "", status: 0))
        let told = try messages(socket)
        #expect(told.first == "READY=1")
        #expect(Set(told).subtracting(["READY=1", "BARRIER=1"]) == [])
        #expect(try box.leftovers() == [])
    }

    @Test func startWaitsUntilTheProgramIsReadyAndTellsWhichProcessItIs() throws {
        let box = try BundleScratch()
        let manager = box.scratch.path + "/manager"
        let socket = try DatagramSocket.bound(to: "manager", in: .directory(box.scratch.path))
        try box.write([
            "/bin/sh", "-c", "echo $NOTIFY_SOCKET > /mnt/said; perl -e \"$0\" READY=1; read line < /mnt/end",
            Self.notice,
        ]) { hide(box, in: &$0) }
        #expect(mkfifo(box.share + "/end", 0o600) == 0)
        let script = """
            export NOTIFY_SOCKET="$0"
            "$@" create --bundle "$BUNDLE" "$ID" && exec "$@" start "$ID"
            """
        let variables = "BUNDLE=\(box.bundle) ID=\(box.id);"
        let answer = try box.scratch.run(
            "/bin/sh",
            ["-c", variables + script, manager, box.scratch.program, "runtime", "--root", box.state]
        )
        #expect(answer == .init(output: "", error: "", status: 0))
        #expect(box.said() == manager + "/notify\n")
        #expect(try messages(socket) == ["READY=1\nMAINPID=\(box.stateMember("pid"))", "BARRIER=1"])
    }
}
