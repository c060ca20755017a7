import class Foundation.Pipe
import class Foundation.Process
import struct Foundation.URL
import Glibc
@testable import ImageStore
import LinuxSystem
import OCISpec
import Testing

/// What layers are made of, and what unpacking them may cost.
@Suite("a layer", .enabled(if: getuid() == 0, "needs root"))
struct LayerFormTests {
    private func output(of arguments: [String]) throws -> [UInt8] {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", arguments.joined(separator: " ")]
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let bytes = Array(pipe.fileHandleForReading.readDataToEndOfFile())
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)
        return bytes
    }

    private func unpack(_ bytes: [UInt8], limits: ImportLimits = ImportLimits()) throws -> (UnpackedLayer, Scratch) {
        let scratch = try Scratch()
        let unpack = try LayerUnpack.begin(
            into: "\(scratch.path)/layer",
            subject: "layer",
            limits: limits,
            program: Scratch.program
        )
        // In pieces as a network has them.
        try bytes.withUnsafeBytes { bytes in
            var rest = bytes[...]
            while !rest.isEmpty {
                let piece = rest.prefix(1000)
                try unpack.write(UnsafeRawBufferPointer(rebasing: piece))
                rest = rest.dropFirst(piece.count)
            }
        }
        return (try unpack.finish(), scratch)
    }

    @Test(
        "of several compressed members is one archive",
        arguments: ["gzip -c", "zstd -c", "xz -c", "bzip2 -c", "cat"]
    )
    func members(command: String) throws {
        var tar = TarBuilder()
        for number in 0..<20 { tar.file("\(number)", String(repeating: "\(number)", count: 3000)) }
        let scratch = try Scratch()
        let whole = tar.archive
        let first = try scratch.write("first", Array(whole[..<7777]))
        let second = try scratch.write("second", Array(whole[7777...]))
        let bytes = try output(of: [command, first, "&&", command, second])
        let (layer, place) = try unpack(bytes)
        #expect(layer.diffID == ContentDigest(of: whole))
        #expect(layer.archiveBytes == Int64(whole.count))
        #expect(try readFile("\(place.path)/layer/19").utf8.count == 6000)
    }

    @Test("that is cut short, or is no archive, is refused", arguments: [0.3, 0.9, 0.99])
    func truncated(part: Double) throws {
        var tar = TarBuilder()
        for number in 0..<40 { tar.add("\(number)", "0", content: (0..<5000).map { UInt8(($0 &* number &* 7) & 255) }) }
        let scratch = try Scratch()
        let packed = try output(of: ["gzip -c", try scratch.write("a", tar.archive)])
        let error = #expect(throws: ImageError.self) {
            _ = try unpack(Array(packed.prefix(Int(Double(packed.count) * part))))
        }
        #expect(error?.code == .invalidArchive)
        #expect(throws: ImageError.self) { _ = try unpack(Array(repeating: 65, count: 1 << 20)) }
    }

    @Test("with device nodes has them, but none that overlayfs would take for a whiteout")
    func devices() throws {
        let bytes = try output(of: [
            "d=$(mktemp -d) && cd $d && mknod -m 620 tty c 4 1 && mknod disk b 7 200 && mknod fake c 0 0",
            "&& mkfifo pipe && tar c tty disk fake pipe && rm -r $d",
        ])
        let (layer, place) = try unpack(bytes)
        let tty = try #require(try FileMetadata.of("\(place.path)/layer/tty"))
        #expect(tty.kind == .characterDevice && tty.deviceNumber == 0x401 && tty.permissions == 0o620)
        #expect(try FileMetadata.of("\(place.path)/layer/disk")?.kind == .blockDevice)
        #expect(try FileMetadata.of("\(place.path)/layer/pipe")?.kind == .fifo)
        #expect(try FileMetadata.of("\(place.path)/layer/fake") == nil)
        #expect(layer.notes == ["layer: left out the device node fake"])
    }

    @Test("with holes has them too, and a hundred gigabytes of them only where that is allowed")
    func holes() throws {
        let bytes = try output(of: [
            "d=$(mktemp -d) && cd $d && truncate -s 100G big && printf end >> big && tar c --sparse --format=posix big",
            "&& rm -r $d",
        ])
        let error = #expect(throws: ImageError.self) { _ = try unpack(bytes) }
        #expect(error?.code == .tooLarge)
        let (layer, place) = try unpack(bytes, limits: ImportLimits(changes: "layer-bytes=200g"))
        #expect(layer.contentBytes == 100 << 30 + 3)
        var status = stat()
        #expect(stat("\(place.path)/layer/big", &status) == 0)
        #expect(status.st_size == 100 << 30 + 3 && status.st_blocks < 64)
    }

    @Test(
        "that becomes a thousand times as large as it came is refused, when it is large",
        arguments: ["gzip -9", "zstd -q -19"]
    )
    func bomb(command: String) throws {
        let bytes = try output(of: [
            "d=$(mktemp -d) && head -c 30000000 /dev/zero > $d/zeros && tar c -C $d zeros | \(command) && rm -r $d"
        ])
        #expect(30_000_000 / bytes.count > 900)
        let error = #expect(throws: ImageError.self) {
            _ = try unpack(bytes, limits: ImportLimits(changes: "ratio-floor=10m"))
        }
        #expect(error?.code == .tooLarge)
        #expect(
            error?.message == """
                unpack layer: more than 200 times as large as it came; allow that with ROOST_IMAGE_LIMITS=ratio=2000
                """
        )
        _ = try unpack(bytes)
    }

    @Test(
        "that wants a window of gigabytes to be unpacked gets none, whichever of its frames says so",
        arguments: [0, 1]
    )
    func window(frame: Int) throws {
        // What zstd writes for a length that it can't know has the window that was asked for.
        let large = "head -c 100000 /dev/zero | zstd -q --long=31"
        let small = "printf 'more' | zstd -q"
        let bytes = try output(of: [frame == 0 ? large : small, "&&", frame == 0 ? small : large])
        let error = #expect(throws: ImageError.self) { _ = try unpack(bytes) }
        #expect(error?.code == .tooLarge)
        #expect(
            error?.message == """
                read layer: its zstd window is larger than 128 MiB, and unpacking would take as much memory; \
                compress it again without --long or --ultra
                """
        )
        // The largest that zstd itself takes unasked.
        _ = try unpack(output(of: ["head -c 10240 /dev/zero | zstd -q --ultra -22 --long=27"]))
    }

    @Test("that wants a dictionary of a gigabyte to be unpacked gets none") func dictionary() throws {
        let bytes = try output(of: ["printf 'small' | xz -c --lzma2=preset=0,dict=1GiB"])
        let error = #expect(throws: ImageError.self) { _ = try unpack(bytes) }
        #expect(error?.code == .tooLarge)
        #expect(
            error?.message == """
                read layer: unpacking would take more memory than it may; compress it again with a smaller dictionary
                """
        )
    }

    @Test("that has a million names in it costs no more than the limit allows")
    func million() throws {
        let script = """
            import sys, tarfile
            info = tarfile.TarInfo("name")
            block = info.tobuf(tarfile.USTAR_FORMAT) * 1000
            for turn in range(1000): sys.stdout.buffer.write(block)
            sys.stdout.buffer.write(bytes(1024))
            """
        let bytes = try output(of: ["python3 -c '\(script)' | gzip -1"])
        #expect(bytes.count < 8 << 20)
        let error = #expect(throws: ImageError.self) {
            _ = try unpack(bytes, limits: ImportLimits(changes: "entries=20000,ratio=2000"))
        }
        #expect(
            error?.message == "unpack layer: more than 20000 entries; allow more with ROOST_IMAGE_LIMITS=entries=NUMBER"
        )
        #expect(error?.code == .tooLarge)
    }

    @Test("takes no more files than it may, and its process takes nothing else")
    func bounded() throws {
        let many = try output(of: [
            "d=$(mktemp -d) && cd $d && seq 20000 | xargs touch && tar c . && rm -r $d"
        ])
        let error = #expect(throws: ImageError.self) {
            _ = try unpack(many, limits: ImportLimits(changes: "entries=10k"))
        }
        #expect(
            error?.message == "unpack layer: more than 10240 entries; allow more with ROOST_IMAGE_LIMITS=entries=NUMBER"
        )
        #expect(throws: ImageError.self) { try ImportLimits(changes: "entries=-1") }
        #expect(throws: ImageError.self) { try ImportLimits(changes: "colour=1") }
        let limits = try ImportLimits(changes: "ratio=7,layers=3")
        #expect(try ImportLimits(changes: "\(limits)") == limits)
    }

    @Test("is unpacked by a process that sees nothing but the layer, and may do little")
    func confined() throws {
        let scratch = try Scratch()
        let unpack = try LayerUnpack.begin(
            into: "\(scratch.path)/layer",
            subject: "layer",
            limits: ImportLimits(),
            program: Scratch.program
        )
        // One entry, so that it is at work for sure: the file is there.
        var tar = TarBuilder()
        tar.add("there", "0", content: Array(repeating: 1, count: 1 << 20))
        try tar.bytes.withUnsafeBytes { try unpack.write($0) }
        try tar.bytes.withUnsafeBytes { try unpack.write($0) }
        let deadline = time(nil) + 20
        while !fileExists("\(scratch.path)/layer/there") && time(nil) < deadline { sched_yield() }
        let pid = unpack.processID
        var status: [Substring: Substring] = [:]
        for line in try readFile("/proc/\(pid)/status").split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 1)
            status[parts[0]] = parts[1].drop { $0 == "\t" || $0 == " " }
        }
        // CHOWN, DAC_OVERRIDE, FOWNER, FSETID, MKNOD, SETFCAP
        #expect(status["CapEff"] == "000000008800001b" && status["CapPrm"] == "000000008800001b")
        #expect(status["CapInh"] == "0000000000000000" && status["CapAmb"] == "0000000000000000")
        #expect(status["NoNewPrivs"] == "1" && status["Seccomp"] == "2")
        let mounts = try readFile("/proc/\(pid)/mountinfo").split(separator: "\n")
        #expect(mounts.count == 1 && mounts[0].contains("nosuid,nodev,noexec"))
        for kind in ["mnt", "net", "ipc", "uts", "pid", "cgroup"] {
            let mine = try OwnedDescriptor.reading("/proc/self/ns/\(kind)")
            let theirs = try OwnedDescriptor.reading("/proc/\(pid)/ns/\(kind)")
            let isShared = try mine.isSameFile(as: theirs)
            #expect(!isShared, "\(kind)")
        }
        unpack.cancel()
        #expect(throws: ImageError.self) { _ = try unpack.finish() }
    }
}
