import Glibc
import LinuxSystem
import Testing

struct RuntimeHookTests {
    /// A hook that notes its name and the state it is told.
    private func hook(_ name: String, _ file: String, status: Int = 0) -> [[String: Any]] {
        let script = "grep -o '\"status\":\"[a-z]*\"' | sed 's/^/\(name) /' >> \(file); exit \(status)"
        return [["path": "/bin/sh", "args": ["sh", "-c", script], "env": ["PATH=/usr/bin:/bin"], "timeout": 10]]
    }

    @Test func allSixRunInTheirOrder() throws {
        let box = try BundleScratch()
        let file = box.share + "/said"
        try box.write("echo program >> /mnt/said; read line < /mnt/end") { spec in
            spec["hooks"] = [
                "prestart": hook("prestart", file), "createRuntime": hook("createRuntime", file),
                "createContainer": hook("createContainer", file),
                "startContainer": hook("startContainer", "/mnt/said"),
                "poststop": hook("poststop", file),
            ]
        }
        #expect(try box.runtime("create", "--bundle", box.bundle, box.id).error == "")
        let before = """
            prestart "status":"created"
            createRuntime "status":"creating"
            createContainer "status":"creating"

            """
        #expect(box.said() == before)
        #expect(try box.runtime("run", "--bundle", box.bundle, box.id).status == 1)
        #expect(try box.runtime("start", box.id).error == "")
        #expect(try box.runtime("delete", "--force", box.id).error == "")
        let lines = box.said().split(separator: "\n").map(String.init)
        // The program may be killed before it has said anything.
        #expect(
            lines.filter { $0 != "program" }.suffix(2) == [
                "startContainer \"status\":\"created\"", "poststop \"status\":\"stopped\"",
            ]
        )
    }

    @Test func thoseOfTheHostHaveTheCallersVariablesUnlessTheyNameTheirOwn() throws {
        let box = try BundleScratch()
        func tell(_ variables: [String]?) -> [String: Any] {
            let arguments = ["sh", "-c", "echo \"${TZ-none} ${A-none}\" >> \(box.share)/said"]
            return ["path": "/bin/sh", "args": arguments].merging(variables.map { ["env": $0] } ?? [:]) { $1 }
        }
        try box.write("true") { spec in
            spec["hooks"] = ["prestart": [tell(nil), tell([]), tell(["A=1"])], "createContainer": [tell(nil)]]
        }
        #expect(try box.run() == .init(output: "", error: "", status: 0))
        #expect(box.said() == "UTC none\nnone none\nnone 1\nUTC none\n")
    }

    @Test func thoseOfTheHostRunInTheBundleAndSeeTheMountsFromThere() throws {
        let box = try BundleScratch()
        func look() -> [[String: Any]] {
            let script = "pwd >> \(box.share)/said; test -e root/proc/self && echo mounted >> \(box.share)/said"
            return [["path": "/bin/sh", "args": ["sh", "-c", "\(script) || true"], "env": ["PATH=/usr/bin:/bin"]]]
        }
        let root = box.bundle + "/root"
        for name in ["usr", "bin", "lib", "lib64"] { try makeDirectories(root + "/" + name, mode: 0o755) }
        try box.write("true") { spec in
            spec["root"] = ["path": "root"]
            for name in ["usr", "bin", "lib", "lib64"] where fileExists("/" + name) {
                BundleScratch.mount(&spec, "/" + name, type: "bind", source: "/" + name, "rbind", "ro")
            }
            spec["hooks"] = ["createRuntime": look(), "createContainer": look()]
        }
        #expect(try box.run() == .init(output: "", error: "", status: 0))
        #expect(box.said() == "\(box.bundle)\n\(box.bundle)\nmounted\n")
    }

    @Test func oneAfterTheStartIsToldThatTheContainerRuns() throws {
        let box = try BundleScratch()
        try box.write("true") { spec in spec["hooks"] = ["poststart": hook("poststart", box.share + "/said")] }
        #expect(try box.runtime("run", "--bundle", box.bundle, box.id).error == "")
        #expect(box.said() == "poststart \"status\":\"running\"\n")
    }

    @Test func oneThatFailsEndsTheCreationAndLeavesNothing() throws {
        let box = try BundleScratch()
        try box.write("true") { spec in
            spec["hooks"] = ["createRuntime": hook("createRuntime", "/dev/null", status: 3)]
        }
        let answer = try box.runtime("create", "--bundle", box.bundle, box.id)
        #expect(answer.status == 1)
        #expect(answer.error == "error: hooks.createRuntime[0]: /bin/sh ended with status 3\n")
        #expect(try box.leftovers() == [])
    }

    @Test(arguments: ["startContainer", "poststart"])
    func oneThatFailsWithTheStartEndsTheContainer(_ name: String) throws {
        let box = try BundleScratch()
        try box.write("exec sleep 1000") { spec in
            spec["hooks"] = [
                name: hook(name, "/mnt/../dev/null", status: 3), "poststop": hook("poststop", box.share + "/said"),
            ]
        }
        #expect(try box.runtime("create", "--bundle", box.bundle, box.id).error == "")
        let failure = "error: hooks.\(name)[0]: /bin/sh ended with status 3\n"
        #expect(try box.runtime("start", box.id) == .init(output: "", error: failure, status: 1))
        #expect(try box.runtime("state", box.id).status == 1)
        #expect(try box.leftovers() == [])
        #expect(box.said() == "poststop \"status\":\"stopped\"\n")

        #expect(try box.run() == .init(output: "", error: failure, status: 1))
        #expect(try box.leftovers() == [])
        #expect(box.said() == "poststop \"status\":\"stopped\"\npoststop \"status\":\"stopped\"\n")
    }

    @Test func thoseAfterTheEndAllRunWhateverBecomesOfThem() throws {
        let box = try BundleScratch()
        try box.write("exit 5") { spec in
            spec["hooks"] = [
                "poststop": hook("one", box.share + "/said", status: 3) + hook("two", box.share + "/said")
                    + hook("three", box.share + "/said", status: 4)
            ]
        }
        let answer = try box.run()
        #expect(
            answer.error == """
                warning: hooks.poststop[0]: /bin/sh ended with status 3
                warning: hooks.poststop[2]: /bin/sh ended with status 4

                """
        )
        #expect(answer.status == 5)
        #expect(
            box.said().split(separator: "\n").compactMap { $0.split(separator: " ").first } == ["one", "two", "three"]
        )
        #expect(try box.leftovers() == [])
    }

    @Test func whatOneThatHangsHasStartedEndsWithIt() throws {
        let box = try BundleScratch()
        #expect(mkfifo(box.share + "/held", 0o600) == 0)
        let script = "(exec sleep 1000) > \(box.share)/held & exec sleep 1000"
        try box.write("true") { spec in
            spec["hooks"] = [
                "createRuntime": [
                    ["path": "/bin/sh", "args": ["sh", "-c", script], "env": ["PATH=/usr/bin:/bin"], "timeout": 1]
                ]
            ]
        }
        // A FIFO has an end when nobody is left who could write to it.
        let held = OwnedDescriptor(adopting: open(box.share + "/held", O_RDONLY | O_NONBLOCK | O_CLOEXEC))
        #expect(try box.run().status == 1)
        #expect(waitReadable([held.rawValue], milliseconds: 10_000)[0])
        var byte: UInt8 = 0
        #expect(read(held.rawValue, &byte, 1) == 0)
        #expect(try box.leftovers() == [])
    }

    @Test func oneThatHangsIsEndedAtItsTimeout() throws {
        let box = try BundleScratch()
        try box.write("true") { spec in
            spec["hooks"] = ["prestart": [["path": "/bin/sleep", "args": ["sleep", "1000"], "timeout": 1]]]
        }
        let answer = try box.runtime("create", "--bundle", box.bundle, box.id)
        #expect(answer.status == 1)
        #expect(answer.error == "error: hooks.prestart[0]: /bin/sleep took longer than its 1 seconds\n")
        #expect(try box.leftovers() == [])
    }
}
