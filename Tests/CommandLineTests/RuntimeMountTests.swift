import Foundation
import Glibc
import LinuxSystem
import Testing

/// Mounts of a configuration as the container has them.
struct RuntimeMountTests {
    /// The options and the optional fields of a mount point: proc_pid_mountinfo(5).
    private static func look(_ path: String) -> String {
        "awk '$5 == \"\(path)\" { o = \"-\"; for (i = 7; $i != \"-\"; i++) o = o substr($i, 1, 2); print $6, o }' /proc/self/mountinfo"
    }

    @Test func attributesAreOfTheMountOrOfAllBelow() throws {
        let box = try BundleScratch()
        let inner = box.share + "/inner"
        try makeDirectories(inner)
        let script = ["/srv", "/srv/inner", "/media", "/media/inner"].map(Self.look).joined(separator: "; ")
        try box.write(script) { spec in
            // The mount below is one of the container's root, which it can be bound from in a mount namespace alone.
            BundleScratch.mount(&spec, "/srv", type: "bind", source: box.share, "rbind", "ro", "nosuid", "rslave")
            BundleScratch.mount(
                &spec,
                "/media",
                type: "bind",
                source: box.share,
                "rbind",
                "rro",
                "rnoatime",
                "rw",
                "rnodev"
            )
        }
        let below = "mount -t tmpfs none \(inner)"
        let answer = try box.asRoot(["run", "--bundle", box.bundle, box.id], after: below)
        #expect(answer.error == "")
        #expect(
            answer.output == """
                ro,nosuid,relatime -
                rw,relatime -
                ro,nodev,noatime -
                ro,nodev,noatime -

                """
        )
    }

    @Test func aReadOnlyFilesystemInMemoryHasThePlacesOfMountsBelow() throws {
        let box = try BundleScratch()
        let script = """
            # The host's own lie below the first two.
            for place in /dev /dev/pts; do \(Self.look("/dev").replacing("\"/dev\"", with: "\"'$place'\"")) | tail -1; done
            \(Self.look("/srv")); \(Self.look("/srv/a/b"))
            for file in /dev/x /srv/x /srv/a/x; do touch $file 2> /dev/null || echo no $file; done
            touch /srv/a/b/x; echo > /dev/null; ls /srv /dev/null
            """
        try box.write(script) { spec in
            let mounts = (spec["mounts"] as? [[String: Any]] ?? []).map { mount in
                mount["destination"] as? String == "/dev"
                    ? mount.merging(["options": ["nosuid", "ro", "mode=755"]]) { $1 } : mount
            }
            spec["mounts"] = mounts
            BundleScratch.mount(&spec, "/srv", type: "tmpfs", source: "tmpfs", "rro")
            BundleScratch.mount(&spec, "/srv/a/b", type: "tmpfs", source: "tmpfs")
        }
        let answer = try box.run()
        #expect(answer.error == "")
        #expect(
            answer.output == """
                ro,nosuid,relatime -
                rw,nosuid,noexec,relatime -
                ro,relatime -
                rw,relatime -
                no /dev/x
                no /srv/x
                no /srv/a/x
                /dev/null

                /srv:
                a

                """
        )
    }

    @Test func mountsTravelAsTheyAreTo() throws {
        let box = try BundleScratch()
        let script = (["/"] + ["private", "shared", "slave", "unbindable"].map { "/mnt/\($0)" }).map(Self.look)
        for name in ["private", "shared", "slave", "unbindable"] { try makeDirectories("\(box.share)/\(name)") }
        try box.write(script.joined(separator: "; ")) { spec in
            BundleScratch.change(&spec, "linux") { $0["rootfsPropagation"] = "shared" }
            for name in ["private", "shared", "slave", "unbindable"] {
                BundleScratch.mount(&spec, "/mnt/\(name)", type: "bind", source: box.share, "bind", "r\(name)")
            }
        }
        let shared = "mount --bind \(box.share) \(box.share); mount --make-shared \(box.share)"
        let answer = try box.asRoot(["run", "--bundle", box.bundle, box.id], after: shared)
        #expect(answer.error == "")
        let fields = answer.output.split(separator: "\n").map { $0.split(separator: " ").last ?? "" }
        #expect(fields == ["-sh", "-", "-sh", "-ma", "-un"])
    }

    @Test func aFilesystemInMemoryBeginsWithWhatItCovers() throws {
        let box = try BundleScratch()
        try box.write("ls -d /etc/passwd; stat -c %a:%u /etc; echo new > /etc/new; cat /etc/new; \(Self.look("/etc"))")
        {
            BundleScratch.mount(&$0, "/etc", type: "tmpfs", "tmpcopyup", "nosuid", "size=100m")
        }
        #expect(
            try box.run()
                == .init(output: "/etc/passwd\n755:0\nnew\nrw,nosuid,relatime -\n", error: "", status: 0)
        )
        #expect(!fileExists("/etc/new"))
    }

    @Test func filesHaveTheIDsThatAMountGivesThem() throws {
        let box = try BundleScratch()
        try make(box.share + "/of-0", 0)
        try make(box.share + "/of-7", 7)
        let list = { (path: String) in "stat -c '%n %u:%g' \(path)/of-*" }
        try box.write("\(list("/srv")); \(list("/media")); \(list("/opt")); > /srv/new") { spec in
            BundleScratch.addUserNamespace(&spec)
            BundleScratch.mount(&spec, "/srv", type: "bind", source: box.share, "bind", "idmap")
            BundleScratch.mount(
                &spec,
                "/media",
                type: "bind",
                source: box.share,
                "rbind",
                "ridmap=uids=7-100033-1;gids=7-100034-1"
            )
            BundleScratch.mount(&spec, "/opt", type: "bind", source: box.share, "bind")
            var mounts = spec["mounts"] as? [[String: Any]] ?? []
            mounts[mounts.count - 1]["uidMappings"] = [["containerID": 0, "hostID": 100_001, "size": 1]]
            mounts[mounts.count - 1]["gidMappings"] = [["containerID": 0, "hostID": 100_002, "size": 1]]
            spec["mounts"] = mounts
        }
        #expect(
            try box.run()
                == .init(
                    output: """
                        /srv/of-0 0:0
                        /srv/of-7 7:7
                        /media/of-0 65534:65534
                        /media/of-7 33:34
                        /opt/of-0 1:2
                        /opt/of-7 65534:65534

                        """,
                    error: "",
                    status: 0
                )
        )
        var status = stat()
        #expect(
            stat(box.share + "/new", &status) == 0 && status.st_uid == 0,
            "what root inside makes is the host's root's"
        )
    }

    private func make(_ path: String, _ owner: UInt32) throws {
        try #require(FileManager.default.createFile(atPath: path, contents: nil))
        #expect(chown(path, owner, owner) == 0)
    }

    @Test func hooksSeeTheMountsBelowTheRootsPath() throws {
        let box = try BundleScratch()
        let root = box.bundle + "/rootfs"
        try makeDirectories(root)
        for name in ["bin", "lib", "lib64"] { #expect(symlink("usr/\(name)", "\(root)/\(name)") == 0) }
        func hook(_ name: String) -> [[String: Any]] {
            let script = "test -e \(root)/usr/bin/sh && seen=mounts; echo \(name) $seen >> \(box.share)/said"
            return [["path": "/bin/sh", "args": ["sh", "-c", script], "env": ["PATH=/usr/bin:/bin"]]]
        }
        try box.write("test -e /usr/bin/sh && echo program >> /mnt/said") { spec in
            spec["root"] = ["path": "rootfs"]
            BundleScratch.mount(&spec, "/usr", type: "bind", source: "/usr", "rbind", "rro")
            spec["hooks"] = ["createRuntime": hook("createRuntime"), "createContainer": hook("createContainer")]
        }
        #expect(try box.run().error == "")
        #expect(box.said() == "createRuntime\ncreateContainer mounts\nprogram\n")
    }

    @Test func labelsThatTheHostDoesNotKnowAreRefused() throws {
        let box = try BundleScratch()
        guard !fileExists("/sys/module/apparmor") else { return }
        try box.write("true") { spec in
            BundleScratch.change(&spec, "process") { $0["apparmorProfile"] = "box" }
        }
        #expect(
            try box.run().error
                == "error: process.apparmorProfile: this host has no AppArmor in force; leave it out\n"
        )
        #expect(try box.leftovers() == [])
    }

    @Test func aContainerHasASessionKeyringOfItsOwn() throws {
        let box = try BundleScratch()
        try box.write("grep -c _ses.\(box.id) /proc/keys")
        guard fileExists("/proc/keys") else { return }
        #expect(try box.run().output == "1\n")
        let other = try BundleScratch()
        try other.write("grep -c _ses.\(other.id) /proc/keys")
        #expect(try other.runtime("run", "--no-new-keyring", "--bundle", other.bundle, other.id).output == "0\n")
    }

    /// Adds a container that makes its mounts among the host's: a root of its own, in which the shell is the host's.
    private func shareMounts(_ box: BundleScratch, _ program: [String]) throws {
        let root = box.bundle + "/root"
        for name in ["usr", "lib", "lib64", "bin"] { try makeDirectories(root + "/" + name, mode: 0o755) }
        try box.write(program) { spec in
            spec["hostname"] = nil
            spec["root"] = ["path": "root", "readonly": true]
            for name in ["usr", "lib", "lib64", "bin"] where fileExists("/" + name) {
                BundleScratch.mount(&spec, "/" + name, type: "bind", source: "/" + name, "rbind", "ro")
            }
            spec["linux"] = ["namespaces": [["type": "pid"]]]
        }
    }

    /// Runs a script in a mount namespace that takes along what may be left; `$ROOST` is the runtime, `$ROOT` the root.
    private func amongMounts(_ box: BundleScratch, _ script: String) throws -> CommandLineScratch.Answer {
        let variables = """
            ROOST="\(box.scratch.program) runtime --root \(box.state)" ID=\(box.id) BUNDLE=\(box.bundle)
            ROOT=\(box.bundle)/root
            mounts() { awk -v root=$ROOT 'index($5, root) == 1 { print substr($5, length(root) + 1) }' /proc/self/mountinfo; }

            """
        return try box.scratch.run("/usr/bin/unshare", ["--mount", "/bin/sh", "-ec", variables + script])
    }

    @Test func withoutANamespaceTheyAreAmongTheHostsUntilTheContainerIsDeleted() throws {
        let box = try BundleScratch()
        try shareMounts(box, ["/bin/sh", "-c", "read line < /mnt/end"])
        #expect(mkfifo(box.share + "/end", 0o600) == 0)
        let answer = try amongMounts(
            box,
            """
            $ROOST run --detach --bundle $BUNDLE $ID
            mounts | grep -Ex '(/proc|/dev|/mnt|)' | sort
            $ROOST exec $ID /bin/sh -c 'echo /*; pwd; touch /made 2> /dev/null || echo read-only'
            $ROOST delete --force $ID
            mounts
            """
        )
        #expect(
            answer.output == """

                /dev
                /mnt
                /proc
                /bin /dev /lib /lib64 /mnt /proc /usr
                /
                read-only

                """
        )
        #expect(answer.error == "")
        #expect(try box.leftovers() == [])
    }

    @Test(arguments: [["/bin/true"], ["/no-such-program"]])
    func withoutANamespaceNothingStaysOfOneThatEndsOrFails(_ program: [String]) throws {
        let box = try BundleScratch()
        try shareMounts(box, program)
        let answer = try amongMounts(box, "$ROOST run --bundle $BUNDLE $ID || true; mounts")
        #expect(answer.output == "")
        #expect(try box.leftovers() == [])
    }

    @Test(
        arguments: [
            ("linux.maskedPaths", ["namespaces": [["type": "pid"]], "maskedPaths": ["/proc/keys"]]),
            ("linux.readonlyPaths", ["namespaces": [["type": "pid"]], "readonlyPaths": ["/proc/sys"]]),
            ("root.path", ["namespaces": [["type": "pid"]]]),
        ] as [(String, [String: any Sendable])]
    )
    func withoutANamespaceWhatWouldChangeTheHostIsRefused(_ place: String, _ linux: [String: any Sendable]) throws {
        let box = try BundleScratch()
        try box.write("true") { spec in
            spec["hostname"] = nil
            spec["linux"] = linux
        }
        let answer = try box.run()
        #expect(answer.status == 1)
        #expect(answer.error.hasPrefix("error: \(place): "))
        #expect(try box.leftovers() == [])
    }
}
