import Glibc
@testable import ImageStore
import LinuxSystem
import OCISpec
import Testing

/// Names in a directory of a mount that no path leads to; nil when it can't be opened.
private func names(_ path: String, in root: borrowing DetachedMount) throws -> [String]? {
    let directory: OwnedDescriptor
    do throws(SyscallError) {
        directory = try root.descriptor.openAt(path: path, O_RDONLY | O_DIRECTORY, [.inRoot])
    } catch { return nil }
    var all: [String] = []
    while true {
        let batch = try DirectoryEntries().next(directory)
        if batch.isEmpty { return all.sorted() }
        all += batch.map(\.text)
    }
}

private func metadata(_ path: String, in root: borrowing DetachedMount) -> FileMetadata? {
    // Nothing there, or something that hides it, is what the tests ask about.
    guard let file = try? root.descriptor.openAt(path: path, 0o10000000 | O_NOFOLLOW, [.inRoot]) else { return nil }
    return try? file.metadata()
}

private func write(_ path: String, _ text: String, in root: borrowing DetachedMount) throws {
    let file = try root.descriptor.openAt(path: path, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o644, [.inRoot])
    #expect(Glibc.write(file.rawValue, text, text.utf8.count) == text.utf8.count)
}

private func read(_ path: String, in root: borrowing DetachedMount) throws -> String {
    let file = try root.descriptor.openAt(path: path, O_RDONLY, [.inRoot])
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = Glibc.read(file.rawValue, &buffer, buffer.count)
    return String(decoding: buffer.prefix(max(count, 0)), as: UTF8.self)
}

private let forms: [ContainerLayer.OverlayForm] = [.appended, .appendedWithMaskInUpper, .joined]

@Suite("a container's layer", .enabled(if: getuid() == 0, "needs root"))
struct ContainerLayerTests {
    @Test("the host's root shows programs and accounts, and no secrets", arguments: forms)
    func hostRoot(form: ContainerLayer.OverlayForm) throws {
        let scratch = try Scratch()
        _ = try scratch.write("store.marker", [1])
        let image = try scratch.resolve("rootfs:/")
        let container = try ContainerLayer(id: "c1", in: scratch.store)
        try container.make(for: image.rootFilesystem)
        let root = try container.makeRoot(of: image.rootFilesystem, by: form)
        for path in ["/root", "/home", "/run", "/tmp", "/var/tmp", "/mnt"] where access(path, F_OK) == 0 {
            #expect(try names(path, in: root) == [], "\(path)")
            let (inside, outside) = (metadata(path, in: root), try FileMetadata.of(path))
            #expect([inside?.permissions, inside?.owner] == [outside?.permissions, outside?.owner], "\(path)")
        }
        for path in RootMask.hidden { #expect(metadata(path, in: root) == nil, "\(path)") }
        for path in ["/usr/bin/env", "/etc/passwd", "/etc/group", "/var/lib/dpkg", "/etc/ssl/certs"] {
            #expect((metadata(path, in: root) != nil) == (access(path, F_OK) == 0), "\(path)")
        }
        #expect(metadata("/etc", in: root)?.modified == (try FileMetadata.of("/etc")?.modified))
        #expect(metadata("/", in: root)?.permissions == (try FileMetadata.of("/")?.permissions))
        try write("/etc/shadow", "mine", in: root)
        #expect(try read("/etc/shadow", in: root) == "mine")
    }

    @Test("the host's root has a mask by any path", arguments: ["/", "/usr/..", "/.", "root"])
    func disguised(path: String) throws {
        let scratch = try Scratch()
        symlink("/", "\(scratch.path)/root")
        #expect(try scratch.resolve("rootfs:\(path)").rootFilesystem.mask != nil)
        #expect(try scratch.resolve("rootfs:/usr").rootFilesystem.mask == nil)
    }

    @Test("containers share one mask, and nothing else")
    func sharedMask() throws {
        let scratch = try Scratch()
        let root = try scratch.resolve("rootfs:/").rootFilesystem
        let mask = try MaskMount(of: try #require(root.mask))
        let containers = try ["a", "b"].map { try ContainerLayer(id: $0, in: scratch.store) }
        for container in containers { try container.make(for: root) }
        let first = try containers[0].makeRoot(of: root, sharing: mask)
        let second = try containers[1].makeRoot(of: root, sharing: mask)
        try write("/etc/shadow", "first", in: first)
        #expect(metadata("/etc/shadow", in: second) == nil)
        #expect(try names("/home", in: second) == [])
    }

    @Test("what was changed is there again after a restart", arguments: forms)
    func restart(form: ContainerLayer.OverlayForm) throws {
        let scratch = try Scratch()
        let image = try scratch.resolve("rootfs:/")
        let container = try ContainerLayer(id: "c1", in: scratch.store)
        for expected in ["", "kept"] {
            try container.make(for: image.rootFilesystem)
            let root = try container.makeRoot(of: image.rootFilesystem, by: form)
            if expected == "" {
                try write("/etc/gshadow", "kept", in: root)
            } else {
                #expect(try read("/etc/gshadow", in: root) == expected)
            }
        }
        try container.remove()
        #expect(scratch.names("store/containers") == [])
        try container.remove()
    }

    @Test("what was changed before the host's last boot is gone, and the log is not")
    func reboot() throws {
        let scratch = try Scratch()
        let image = try scratch.resolve("rootfs:/")
        let container = try ContainerLayer(id: "c1", in: scratch.store)
        for isFirst in [true, false] {
            try container.make(for: image.rootFilesystem)
            let root = try container.makeRoot(of: image.rootFilesystem)
            guard isFirst else {
                #expect(metadata("/etc/gshadow", in: root) == nil)
                break
            }
            try write("/etc/gshadow", "cut short", in: root)
            mkdir("\(container.directory)/log", 0o700)
            let work = try #require(scratch.names("store/containers/c1").first { $0.hasPrefix("work-") })
            rename("\(container.directory)/\(work)", "\(container.directory)/work-0123abcd")
        }
        let names = scratch.names("store/containers/c1")
        #expect(names.filter { $0.hasPrefix("work") }.count == 1 && !names.contains("work-0123abcd"))
        #expect(names.contains("log"))
    }

    @Test("layers lie on each other, many of them too", arguments: forms, [1, 3, 90])
    func layers(form: ContainerLayer.OverlayForm, count: Int) throws {
        let scratch = try Scratch()
        var layers: [[UInt8]] = []
        for number in 0..<count {
            var tar = TarBuilder()
            tar.directory(".", mode: number == count - 1 ? 0o751 : 0o700)
            tar.file("top", "\(number)")
            tar.file("file\(number)", "x")
            if number > 0 { tar.file(".wh.file\(number - 1)") }
            layers.append(tar.archive)
        }
        _ = try scratch.store.load(archive: try scratch.dockerArchive(layers))
        let image = try scratch.resolve("app:1")
        let container = try ContainerLayer(id: "c1", in: scratch.store)
        try container.make(for: image.rootFilesystem)
        let root = try container.makeRoot(of: image.rootFilesystem, by: form)
        #expect(try names("/", in: root) == ["file\(count - 1)", "top"])
        #expect(try read("/top", in: root) == "\(count - 1)")
        #expect(metadata("/", in: root)?.permissions == 0o751)
    }

    @Test("a directory with any name serves as root")
    func oddNames() throws {
        let scratch = try Scratch()
        let path = "\(scratch.path)/a:b,c\\d" + String(repeating: "/" + String(repeating: "x", count: 200), count: 2)
        try makeStoreDirectories(path, mode: 0o750)
        try replaceDurably("\(path)/file", [1])
        let image = try scratch.resolve("rootfs:\(path)")
        let container = try ContainerLayer(id: "c1", in: scratch.store)
        try container.make(for: image.rootFilesystem)
        let root = try container.makeRoot(of: image.rootFilesystem)
        #expect(try names("/", in: root) == ["file"])
        #expect(metadata("/", in: root)?.permissions == 0o750)
    }

    @Test("removing follows no link, and no tree is too deep")
    func removal() throws {
        let scratch = try Scratch()
        let container = try ContainerLayer(id: "c1", in: scratch.store)
        try container.make(for: try scratch.resolve("rootfs:/").rootFilesystem)
        let kept = try scratch.write("kept", [1])
        symlink(scratch.path, "\(container.directory)/upper/link")
        var directory = try OwnedDescriptor.directory("\(container.directory)/upper")
        for _ in 0..<700 {
            mkdirat(directory.rawValue, "d", 0o755)
            mkdirat(directory.rawValue, ".roost-removing-1", 0o755)
            directory = try directory.openAt(path: "d", O_RDONLY | O_DIRECTORY, [.beneath])
        }
        try container.remove()
        #expect(!container.exists)
        #expect(access(kept, F_OK) == 0)
    }

    @Test("a tree that somebody fills for a moment longer is removed")
    func filled() throws {
        let scratch = try Scratch()
        let place = try OwnedDescriptor.directory(scratch.path)
        for _ in 0..<5 {
            mkdir("\(scratch.path)/tree", 0o755)
            mkdir("\(scratch.path)/tree/inner", 0o755)
            let inner = try OwnedDescriptor.directory("\(scratch.path)/tree/inner")
            let descriptor = dup(inner.rawValue)
            try OwnThread.start {
                for number in 0..<300 {
                    let file = openat(descriptor, "\(number)", O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
                    if file < 0 { break }
                    close(file)
                }
                close(descriptor)
            }
            while access("\(scratch.path)/tree/inner/3", F_OK) != 0 {}
            try place.removeTree("tree")
            #expect(!fileExists("\(scratch.path)/tree"))
        }
    }

    @Test("an ID that is no plain name is refused", arguments: ["", "..", "a/b", ".a", "-a", "a\u{0}"])
    func identifiers(id: String) throws {
        let scratch = try Scratch()
        #expect { try ContainerLayer(id: id, in: scratch.store) } throws: {
            ($0 as? ImageError)?.code == .invalidReference
        }
    }
}

@Suite("a volume", .enabled(if: getuid() == 0, "needs root"))
struct VolumeTests {
    private func seededRoot(_ scratch: Scratch) throws -> DetachedMount {
        var tar = TarBuilder()
        tar.directory("data", mode: 0o700, owner: 999)
        tar.attributes([("user.note", "yes")])
        tar.add("data/file", "0", content: Array("content".utf8), mode: 0o640, owner: 999)
        tar.directory("data/sub", mode: 0o2770, owner: 999)
        tar.file("data/sub/deep", "x")
        tar.add("data/link", "2", link: "/etc/passwd", owner: 999)
        tar.add("escape", "2", link: "../../../../../\(scratch.path)")
        tar.add("inside", "2", link: "/data")
        _ = try scratch.store.load(archive: try scratch.dockerArchive([tar.archive]))
        let image = try scratch.resolve("app:1")
        let container = try ContainerLayer(id: "c1", in: scratch.store)
        try container.make(for: image.rootFilesystem)
        return try container.makeRoot(of: image.rootFilesystem)
    }

    @Test("is made once, listed, and removed with its data")
    func life() throws {
        let scratch = try Scratch()
        let volume = VolumeRecord(name: "db", labels: ["a": "b"], project: "web")
        #expect(try scratch.volumes.ensure(volume) == volume)
        try replaceDurably("\(scratch.volumes.dataDirectory("db"))/file", [1])
        #expect(try scratch.volumes.ensure(VolumeRecord(name: "db", project: "other")) == volume)
        #expect(try scratch.volumes.list() == [volume])
        try scratch.volumes.remove("db")
        try scratch.volumes.remove("db")
        #expect(try scratch.volumes.list() == [])
        #expect(scratch.names("store/volumes") == [".lock"])
    }

    @Test("that is new gets what the image has there, once")
    func seeding() throws {
        let scratch = try Scratch()
        let root = try seededRoot(scratch)
        _ = try scratch.volumes.ensure(VolumeRecord(name: "db"))
        let data = scratch.volumes.dataDirectory("db")
        try scratch.volumes.seed("db", from: root, path: "/inside")
        #expect(scratch.names("store/volumes/db/_data") == ["file", "link", "sub"])
        let directory = try #require(try FileMetadata.of(data))
        #expect([directory.permissions, directory.owner] == [0o700, 999])
        let file = try #require(try FileMetadata.of("\(data)/file"))
        #expect([file.permissions, file.owner] == [0o640, 999])
        #expect(file.modified.seconds == 1_000_000_000)
        let opened = try OwnedDescriptor.reading("\(data)/file")
        #expect(try ExtendedAttributes.value("user.note", of: opened.rawValue) == Array("yes".utf8))
        #expect(try FileMetadata.of("\(data)/link")?.kind == .symbolicLink)
        #expect(try FileMetadata.of("\(data)/sub")?.permissions == 0o2770)
        unlink("\(data)/file")
        try scratch.volumes.seed("db", from: root, path: "/data")
        #expect(scratch.names("store/volumes/db/_data") == ["link", "sub"])
    }

    @Test("that was half filled is filled again; one with content stays as it is")
    func restarted() throws {
        let scratch = try Scratch()
        let root = try seededRoot(scratch)
        for name in ["half", "full"] { _ = try scratch.volumes.ensure(VolumeRecord(name: name)) }
        try replaceDurably("\(scratch.volumes.dataDirectory("half"))/partial", [1])
        try replaceDurably("\(scratch.volumes.directory)/half/seeding", [])
        try replaceDurably("\(scratch.volumes.dataDirectory("full"))/mine", [1])
        for name in ["half", "full"] { try scratch.volumes.seed(name, from: root, path: "/data") }
        #expect(scratch.names("store/volumes/half/_data") == ["file", "link", "sub"])
        #expect(scratch.names("store/volumes/full/_data") == ["mine"])
    }

    @Test("gets nothing from outside of the image")
    func escaping() throws {
        let scratch = try Scratch()
        let root = try seededRoot(scratch)
        _ = try scratch.volumes.ensure(VolumeRecord(name: "db"))
        try scratch.volumes.seed("db", from: root, path: "/escape")
        #expect(scratch.names("store/volumes/db/_data") == [])
    }
}
