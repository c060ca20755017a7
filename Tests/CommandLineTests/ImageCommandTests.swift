import Foundation
import Glibc
import Orchestrator
import Testing

/// `roost image`, `save`, `load` and `system`.
@Suite("commands about images", .enabled(if: getuid() == 0, "needs root"))
struct ImageCommandTests {
    /// Makes an image of a small root filesystem, and returns its ID.
    private func importRoot(_ scratch: CommandLineScratch, _ name: String, _ options: String...) throws -> String {
        let root = "\(scratch.path)/work/root"
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
        try name.write(toFile: "\(root)/name", atomically: true, encoding: .utf8)
        let tar = Process()
        tar.executableURL = URL(fileURLWithPath: "/bin/tar")
        tar.arguments = ["-C", root, "-czf", "\(scratch.path)/work/root.tar.gz", "."]
        try tar.run()
        tar.waitUntilExit()
        let answer = try scratch.roost(["image", "import"] + options + ["root.tar.gz", name])
        #expect(answer.status == 0 && answer.error == "", "\(answer.error)")
        return answer.output.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    @Test("an imported root filesystem runs as its changes say, and is found in every way")
    func imported() throws {
        let scratch = try CommandLineScratch()
        let id = try importRoot(
            scratch,
            "app:1",
            "-c",
            "CMD [\"/bin/app\", \"-v\"]",
            "-c",
            "ENV A=1 B=\"two words\"",
            "-c",
            "EXPOSE 80 53/udp",
            "-c",
            "LABEL role=web",
            "-c",
            "WORKDIR /srv",
            "-c",
            "USER app",
            "-m",
            "made by hand"
        )
        #expect(id.hasPrefix("sha256:"))
        let form =
            "{{.Id}} {{.Config.Cmd}} {{.Config.Env}} {{.Config.ExposedPorts}} {{.Config.WorkingDir}} {{.Config.User}}"
        #expect(
            try scratch.roost("image", "inspect", "-f", form, "app:1").output
                == #"\#(id) ["/bin/app","-v"] ["A=1","B=two words"] {"53/udp":{},"80/tcp":{}} /srv app"# + "\n"
        )
        #expect(
            try scratch.roost("image", "ls", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}").output
                == "app:1 \(id.dropFirst(7).prefix(12))\n"
        )
        for filter in ["label=role=web", "reference=a*:1", "dangling=false"] {
            #expect(try scratch.roost("image", "ls", "-q", "--no-trunc", "-f", filter).output == id + "\n", "\(filter)")
        }
        for filter in ["label=role=db", "reference=b*", "dangling=true", "since=app:1"] {
            #expect(try scratch.roost("image", "ls", "-q", "-f", filter).output == "", "\(filter)")
        }
        #expect(try scratch.roost("image", "ls", "app").output.contains("app          1 "))
        let history = try scratch.roost("image", "history", "--format", "{{.ID}} {{.Comment}}", "app:1").output
        #expect(history == "\(id.dropFirst(7).prefix(12)) made by hand\n")
        let wrong = try scratch.roost("image", "import", "-c", "RUN x", "root.tar.gz")
        #expect(wrong.status == 1)
        #expect(
            wrong.error == """
                error: --change "RUN x": write one of CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, ONBUILD, SHELL, STOPSIGNAL, \
                USER, VOLUME, WORKDIR and its value

                """
        )
    }

    @Test("what is saved is loaded again, the same bytes every time, here and by other programs")
    func saved() throws {
        let scratch = try CommandLineScratch()
        let ids = [try importRoot(scratch, "one:1"), try importRoot(scratch, "ghcr.io/x/two:2")]
        #expect(try scratch.roost("image", "tag", "one:1", "uno").status == 0)
        let images = ["one:1", "uno", "ghcr.io/x/two:2"]
        #expect(try scratch.roost(["save", "-o", "a.tar"] + images).status == 0)
        #expect(try scratch.roost(["image", "save", "-o", "b.tar"] + images).status == 0)
        let work = "\(scratch.path)/work"
        #expect(FileManager.default.contentsEqual(atPath: "\(work)/a.tar", andPath: "\(work)/b.tar"))
        if FileManager.default.isExecutableFile(atPath: "/usr/bin/skopeo") {
            for source in [
                "docker-archive:\(work)/a.tar:uno:latest", "oci-archive:\(work)/a.tar:ghcr.io/x/two:2",
                "oci:\(scratch.roots.storage):docker.io/library/one:1",
            ] {
                let skopeo = Process()
                skopeo.executableURL = URL(fileURLWithPath: "/usr/bin/skopeo")
                skopeo.arguments = ["inspect", source]
                skopeo.standardOutput = FileHandle.nullDevice
                try skopeo.run()
                skopeo.waitUntilExit()
                #expect(skopeo.terminationStatus == 0, "\(source)")
            }
        }
        #expect(try scratch.roost("image", "rm", "uno").output == "Untagged: uno:latest\n")
        let removed = try scratch.roost("image", "rm", "one:1", String(ids[1].dropFirst(7).prefix(12)))
        #expect(
            removed.output == """
                Untagged: one:1
                Deleted: \(ids[0])
                Untagged: ghcr.io/x/two:2
                Deleted: \(ids[1])

                """
        )
        #expect(try scratch.roost("image", "ls").output == "REPOSITORY   TAG       IMAGE ID   CREATED   SIZE\n")
        let loaded = try scratch.roost("load", "-i", "a.tar")
        #expect(loaded.output.split(separator: "\n").count == 3, "\(loaded.output)")
        #expect(
            Set(try scratch.roost("image", "ls", "-q", "--no-trunc").output.split(separator: "\n").map(String.init))
                == Set(ids)
        )
        for form in ["docker-archive", "oci-archive"] {
            #expect(try scratch.roost(["save", "--format", form, "-o", "\(form).tar"] + images).status == 0)
            #expect(try scratch.roost("load", "-i", "\(form).tar").output == loaded.output)
        }
        #expect(try scratch.roost("save", "-o", "/dev/null", "one:1").status == 0)
        var status = stat()
        #expect(stat("/dev/null", &status) == 0 && status.st_mode & S_IFMT == S_IFCHR)
    }

    @Test("pruning takes what has no name, or all that nobody uses, and says how much")
    func pruned() throws {
        let scratch = try CommandLineScratch()
        _ = try importRoot(scratch, "app:1")
        let named = try importRoot(scratch, "app:2")
        _ = try scratch.roost("image", "tag", "app:2", "app:1")
        let usage = try scratch.roost("system", "df", "--format", "{{.Type}} {{.TotalCount}} {{.Active}}")
        #expect(usage.output == "Images 2 0\nContainers 0 0\nLocal Volumes 0 0\nBuild Cache 0 0\n")
        #expect(try scratch.roost("system", "df", "-v").output.contains("app          1 "))
        let first = try scratch.roost("image", "prune", "-f").output
        #expect(first.hasPrefix("Deleted Images:\ndeleted: sha256:") && first.contains("\nTotal reclaimed space: "))
        #expect(try scratch.roost("image", "ls", "-q", "--no-trunc").output == named + "\n")
        #expect(try scratch.roost("volume", "create", "data").status == 0)
        let anonymous = String(repeating: "a1", count: 32)
        #expect(try scratch.roost("volume", "create", anonymous).status == 0)
        #expect(try scratch.roost("image", "prune").status == 1)
        let all = try scratch.roost("system", "prune", "-af", "--volumes").output
        #expect(all.contains("Deleted Volumes:\n\(anonymous)\n\n") && all.contains("deleted: \(named)\n"))
        #expect(try scratch.roost("image", "ls", "-q").output == "")
        #expect(try scratch.roost("volume", "ls", "-q").output == "data\n")
        #expect(try scratch.roost("volume", "ls").output == "NAME      PROJECT\ndata      \n")
        #expect(try scratch.roost("volume", "prune", "-af").output.hasPrefix("Deleted Volumes:\ndata\n\n"))
    }

    @Test("a name that nothing has is told with what to do")
    func missing() throws {
        let scratch = try CommandLineScratch()
        for command in [["image", "rm"], ["save"], ["image", "inspect"], ["image", "history"]] {
            let answer = try scratch.roost(command + ["nope"])
            #expect(answer.status == 1)
            #expect(answer.error == "error: there is no image nope; \"roost image ls\" shows those there are\n")
        }
    }
}
