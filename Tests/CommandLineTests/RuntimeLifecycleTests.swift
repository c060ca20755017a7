import Foundation
import Glibc
import LinuxSystem
import Testing

struct RuntimeLifecycleTests {
    @Test func aContainerIsCreatedStartedKilledAndDeleted() throws {
        let box = try BundleScratch()
        // It lives until somebody writes to the FIFO.
        try box.write("hostname > /mnt/said; read line < /mnt/end")
        #expect(mkfifo(box.share + "/end", 0o600) == 0)
        #expect(try box.runtime("create", "--bundle", box.bundle, "--pid-file", "pid", box.id).error == "")
        #expect(try box.stateMember("status") == "created")
        let pid = try readFile(box.scratch.path + "/work/pid")
        #expect(try box.stateMember("pid") == pid)
        #expect(try box.stateMember("bundle") == box.bundle)
        #expect(try box.stateMember("rootfs") == "/")
        #expect(box.said() == "")
        let again = try box.runtime("create", "--bundle", box.bundle, box.id)
        #expect(again.status == 1)
        #expect(again.error == "error: container with id \(box.id) already exists: choose another id\n")

        #expect(try box.runtime("pause", box.id).error == "")
        #expect(try box.runtime("start", box.id).error.hasSuffix("cannot start a container that is paused\n"))
        #expect(try box.runtime("resume", box.id).error == "")
        #expect(try box.runtime("start", box.id).error == "")
        #expect(try box.stateMember("status") == "running")
        #expect(try box.runtime("start", box.id).status == 1)
        #expect(try box.runtime("list", "-q").output == box.id + "\n")
        #expect(try box.runtime("delete", box.id).error.contains("cannot delete a container that is not stopped"))
        #expect(try box.runtime("pause", box.id).error == "")
        #expect(try box.stateMember("status") == "paused")
        #expect(try box.runtime("resume", box.id).error == "")
        #expect(try box.runtime("ps", "--format", "json", box.id).output.contains(pid))
        #expect(try box.runtime("kill", "--all", box.id, "CONT").error == "")
        #expect(try box.runtime("kill", box.id, "0").error == "")
        for arguments in [["--user", "bob", box.id, "id"], [box.id]] {
            // Statuses below are the program's.
            #expect(try box.scratch.roost(["runtime", "--root", box.state, "exec"] + arguments).status == 255)
        }
        let log = try box.runtime("--log-format", "json", "state", "no-such")
        #expect(log.error.hasPrefix("{") && log.error.contains("\"msg\":\"container does not exist: no-such"))
        #expect(try box.runtime("kill", box.id, "9").error == "")
        #expect(try box.runtime("delete", "--force", box.id).error == "")
        #expect(try box.leftovers() == [])
        let gone = try box.runtime("state", box.id)
        #expect(gone.error == "error: container does not exist: \(box.id); see `list`\n")
        #expect(gone.status == 1)
        #expect(try box.runtime("delete", "--force", box.id).status == 0)
    }

    @Test func runShowsTheOutputAndTheStatusAndLeavesNothing() throws {
        let box = try BundleScratch()
        try box.write("hostname; exit 7")
        let answer = try box.runtime("run", "--bundle", box.bundle, box.id)
        #expect(answer == .init(output: "bundle\n", error: "", status: 7))
        #expect(try box.leftovers() == [])
    }

    @Test func runWithATerminalRelaysIt() throws {
        let box = try BundleScratch()
        try box.write(["tty"], terminal: true)
        let answer = try box.runtime("run", "--bundle", box.bundle, box.id)
        #expect(answer == .init(output: "/dev/pts/0\r\n", error: "", status: 0))
    }

    @Test func aProgramThatIsNotThereFailsTheCreationAndLeavesNothing() throws {
        let box = try BundleScratch()
        try box.write(["no-such-program"])
        let answer = try box.runtime("create", "--bundle", box.bundle, box.id)
        #expect(answer.status == 1)
        #expect(answer.error.contains("executable file not found in $PATH"))
        #expect(try box.leftovers() == [])
    }

    @Test func execRunsAProgramInTheContainer() throws {
        let box = try BundleScratch()
        try box.write("read line < /mnt/end")
        #expect(mkfifo(box.share + "/end", 0o600) == 0)
        #expect(try box.runtime("run", "-d", "--bundle", box.bundle, box.id).error == "")
        let answer = try box.runtime(
            "exec",
            "--env",
            "WHO=me",
            "--cwd",
            "/mnt",
            "--user",
            "65534:65534",
            box.id,
            "sh",
            "-c",
            "echo $WHO $(hostname) $(pwd) $(id -u); exit 5"
        )
        #expect(answer == .init(output: "me bundle /mnt 65534\n", error: "", status: 5))
        #expect(try box.runtime("exec", box.id, "no-such-program").status == 255)
        #expect(try box.runtime("exec", "--tty", box.id, "tty").output == "/dev/pts/0\r\n")
        #expect(try box.runtime("update", "--pids-limit", "20", box.id).error == "")
    }

    @Test(arguments: ["", ".", "..", "../x", "a/b", "a b", String(repeating: "x", count: 1025)])
    func aNameThatIsAPathIsRefused(_ name: String) throws {
        let box = try BundleScratch()
        try box.write("true")
        let answer = try box.runtime("--log", "log", "--log-format", "json", "create", "--bundle", box.bundle, name)
        #expect(answer.status == 1)
        #expect(answer.error.contains("invalid id format"))
        let line = try readFile(box.scratch.path + "/work/log")
        let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
        #expect(object?["level"] as? String == "error")
        #expect((object?["msg"] as? String)?.contains("invalid id format") == true)
        #expect(namesInDirectory(box.state) == [])
    }

    @Test func anotherProcessesGroupIsNotTaken() throws {
        let box = try BundleScratch()
        try box.write("true") { spec in
            var linux = spec["linux"] as? [String: Any] ?? [:]
            linux["cgroupsPath"] = "/"
            spec["linux"] = linux
        }
        let answer = try box.runtime("run", "--bundle", box.bundle, box.id)
        #expect(answer.status == 1)
        #expect(answer.error.contains("linux.cgroupsPath"))
        #expect(namesInDirectory(box.state) == [])
    }

    @Test func whatACrashLeavesIsDeletedByForce() throws {
        let box = try BundleScratch()
        try makeDirectories("\(box.state)/\(box.id)")
        #expect(try box.runtime("delete", box.id).status == 1)
        #expect(try box.runtime("delete", "--force", box.id).error == "")
        #expect(try box.leftovers() == [])
    }

    @Test func descriptorsAreKept() throws {
        let box = try BundleScratch()
        try box.write("cat <&3; ls /proc/self/fd | wc -l")
        let script = "echo kept > kept; exec 3< kept; exec $0 runtime --root $1 run --preserve-fds 1 -b $2 $3"
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", script, box.scratch.program, box.state, box.bundle, box.id]
        process.currentDirectoryURL = URL(fileURLWithPath: box.scratch.path)
        let pipe = Foundation.Pipe()
        process.standardOutput = pipe
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        // 0, 1, 2, the kept one, and that of the directory.
        #expect(text == "kept\n5\n")
    }

    @Test func aProgramOfTheRuntimesNameIsTheRuntime() throws {
        let box = try BundleScratch()
        let link = box.scratch.path + "/roost-runtime"
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: box.scratch.program)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: link)
        process.arguments = ["--root", box.state, "list", "--format", "json"]
        let pipe = Foundation.Pipe()
        process.standardOutput = pipe
        try process.run()
        #expect(String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self) == "null\n")
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
    }
}
