import Glibc
import LinuxSystem
import Testing

import class Foundation.FileManager
import class Foundation.Process
import struct Foundation.URL

@testable import ImageBuilder

/// Fetching from a real server, on the loopback interface.
@Suite(.enabled(if: access("/usr/lib/git-core/git-daemon", X_OK) == 0, "needs git")) struct GitRepositoryTests {
    /// A directory of repositories, and a server for them.
    private final class Server {
        let directory: String
        let port: UInt16
        private let process = Process()
        static let daemon = "/usr/lib/git-core/git-daemon"

        init() throws {
            directory =
                FileManager.default.temporaryDirectory.path + "/roost-git-\(getpid())-\(UInt32.random(in: 0 ... .max))"
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            port = try Self.freePort()
            process.executableURL = URL(fileURLWithPath: Self.daemon)
            process.arguments = [
                "--reuseaddr", "--export-all", "--listen=127.0.0.1", "--port=\(port)",
                "--base-path=\(directory)", directory,
            ]
            process.standardError = nil
            try process.run()
        }

        deinit {
            // Not by SIGTERM: whoever starts tests may have blocked it.
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
            try? FileManager.default.removeItem(atPath: directory)
        }

        private static func freePort() throws -> UInt16 {
            let descriptor = OwnedDescriptor(
                adopting: socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
            )
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            let result = withUnsafeMutablePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { socket in
                    bind(descriptor.rawValue, socket, length) == 0
                        && getsockname(descriptor.rawValue, socket, &length) == 0
                }
            }
            guard result else { throw TestFailure() }
            return UInt16(bigEndian: address.sin_port)
        }

        func git(_ place: String, _ arguments: String...) throws {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/usr/bin/git")
            process.arguments =
                [
                    "-C", "\(directory)/\(place)", "-c", "user.name=t", "-c", "user.email=t@t", "-c",
                    "commit.gpgsign=false",
                ] + arguments
            process.standardOutput = nil
            process.standardError = nil
            try process.run()
            process.waitUntilExit()
            guard process.terminationStatus == 0 else { throw TestFailure() }
        }

        /// A path that nothing has yet.
        func scratch() -> String { "\(directory)/scratch-\(UInt32.random(in: 0 ... .max))" }

        func write(_ path: String, _ text: String) throws {
            let full = "\(directory)/\(path)"
            try FileManager.default.createDirectory(
                atPath: String(full[..<(full.lastIndex(of: "/") ?? full.endIndex)]),
                withIntermediateDirectories: true
            )
            try text.write(toFile: full, atomically: false, encoding: .utf8)
        }

        func repository(_ rest: String) throws -> GitRepository {
            GitRepository(try GitAddress("git://127.0.0.1:\(port)/\(rest)"), environment: ["PATH": "/usr/bin:/bin"])
        }
    }

    /// A repository with a branch, a tag, a link out of it, and a hook and a filter that would leave a trace.
    private func serverWithRepository() throws -> Server {
        let server = try Server()
        try server.write("r/file", "one\n")
        try server.write("r/sub/file", "inner\n")
        try server.write("r/.gitattributes", "* filter=trace\n")
        try server.git("r", "init", "-q", "-b", "main")
        try FileManager.default.createSymbolicLink(atPath: "\(server.directory)/r/out", withDestinationPath: "/etc")
        try server.git("r", "add", ".")
        try server.git("r", "commit", "-q", "-m", "one")
        try server.git("r", "tag", "-a", "v1", "-m", "v1")
        try server.git("r", "checkout", "-q", "-b", "next")
        try server.write("r/file", "two\n")
        try server.git("r", "commit", "-q", "-a", "-m", "two")
        try server.git("r", "checkout", "-q", "main")
        // The server answers from some moment on.
        let deadline = ContinuousClock.now + .seconds(20)
        while (try? server.repository("r").commit(scratch: server.scratch())) == nil {
            guard ContinuousClock.now < deadline else { throw TestFailure() }
            _ = waitReadable([], milliseconds: 10)
        }
        return server
    }

    @Test("branches, tags and commits are fetched, and .git stays only where it is wanted") func fetching() throws {
        let server = try serverWithRepository()
        let main = try server.repository("r").commit(scratch: server.scratch())
        #expect(try server.repository("r#v1").commit(scratch: server.scratch()) == main)
        let next = try server.repository("r#next").commit(scratch: server.scratch())
        #expect(next != main)
        #expect(try server.repository("r#\(next)").commit(scratch: server.scratch()) == next)
        for (address, commit, text) in [("r", main, "one\n"), ("r#next", next, "two\n"), ("r#\(main)", main, "one\n")] {
            let place = "\(server.directory)/out-\(address.replacing("#", with: "-"))"
            try server.repository(address).checkOut(commit, into: place, keepsGitDirectory: address == "r#next")
            #expect(try String(contentsOfFile: "\(place)/file", encoding: .utf8) == text)
            #expect(fileExists("\(place)/.git") == (address == "r#next"))
        }
        let directory = try server.repository("r#:sub").openDirectory(in: "\(server.directory)/out-r")
        #expect(faccessat(directory.rawValue, "file", F_OK, 0) == 0)
        #expect(throws: BuildError.self) {
            _ = try server.repository("r#:out").openDirectory(in: "\(server.directory)/out-r")
        }
        #expect(throws: BuildError.self) {
            _ = try server.repository("r#:none").openDirectory(in: "\(server.directory)/out-r")
        }
    }

    @Test("the beginning of a commit stands for it, also for one that no branch shows now") func beginnings() throws {
        let server = try serverWithRepository()
        let main = try server.repository("r").commit(scratch: server.scratch())
        try server.git("r", "commit", "-q", "--allow-empty", "-m", "three")
        for count in [7, 12] {
            let short = String(main.prefix(count))
            let repository = try server.repository("r#\(short)")
            #expect(try repository.commit(scratch: server.scratch()) == main)
            let place = "\(server.directory)/short-\(count)"
            try repository.checkOut(main, into: place, keepsGitDirectory: false)
            #expect(try String(contentsOfFile: "\(place)/file", encoding: .utf8) == "one\n")
        }
    }

    @Test("a reference is held to the beginning of its commit") func heldToBeginning() throws {
        let server = try serverWithRepository()
        let main = try server.repository("r").commit(scratch: server.scratch())
        let next = try server.repository("r#next").commit(scratch: server.scratch())
        let good = try server.repository("r?ref=v1&checksum=\(main.prefix(9))")
        #expect(try good.commit(scratch: server.scratch()) == main)
        let moved = try server.repository("r?ref=v1&checksum=\(next.prefix(9))")
        let error = #expect(throws: BuildError.self) { try moved.commit(scratch: server.scratch()) }
        #expect(error?.code == .wrongContent)
        #expect(error?.message.hasSuffix("is the commit \(main), not \(next.prefix(9))") == true)
    }

    @Test("what is not there is said") func missing() throws {
        let server = try serverWithRepository()
        #expect(throws: BuildError.self) { try server.repository("r#1234567").commit(scratch: server.scratch()) }
        #expect(throws: BuildError.self) { try server.repository("r#nobranch").commit(scratch: server.scratch()) }
        #expect(throws: BuildError.self) { try server.repository("none").commit(scratch: server.scratch()) }
        let unknown = String(repeating: "12", count: 20)
        #expect(throws: BuildError.self) {
            try server.repository("r").checkOut(unknown, into: "\(server.directory)/x", keepsGitDirectory: false)
        }
    }

    @Test("of a repository that nobody knows yet, no more is taken than the bounds allow") func bounds() throws {
        let server = try serverWithRepository()
        try server.write("r/zeros", String(repeating: "0", count: 1 << 20))
        try server.write("r/noise", String((0..<40_000).map { _ in "abcdefghij".randomElement() ?? "a" }))
        try server.git("r", "add", ".")
        try server.git("r", "commit", "-q", "-m", "much")
        let repository = try server.repository("r")
        let commit = try repository.commit(scratch: server.scratch())
        let enough = GitBounds(packBytes: 4 << 20, fileBytes: 4 << 20, files: 10)
        try repository.checkOut(commit, into: "\(server.directory)/enough", within: enough)
        #expect(fileExists("\(server.directory)/enough/zeros") && !fileExists("\(server.directory)/enough/.git"))
        for (name, change) in [
            ("pack", { $0.packBytes = 2000 }), ("bytes", { $0.fileBytes = 1 << 20 }), ("files", { $0.files = 3 }),
        ] as [(String, (inout GitBounds) -> Void)] {
            var bounds = enough
            change(&bounds)
            #expect(throws: BuildError.self, "\(name)") {
                try repository.checkOut(commit, into: "\(server.directory)/\(name)", within: bounds)
            }
            #expect(!fileExists("\(server.directory)/\(name)/zeros"))
        }
    }

    @Test("a submodule on the host's disk is not fetched") func submodules() throws {
        let server = try serverWithRepository()
        try server.write("r/.gitmodules", "[submodule \"s\"]\n\tpath = s\n\turl = file://\(server.directory)/r\n")
        let commit = try server.repository("r").commit(scratch: server.scratch())
        try server.git("r", "update-index", "--add", "--cacheinfo", "160000,\(commit),s")
        try server.git("r", "add", ".gitmodules")
        try server.git("r", "commit", "-q", "-m", "module")
        let repository = try server.repository("r")
        #expect(throws: BuildError.self) {
            try repository.checkOut(
                repository.commit(scratch: server.scratch()),
                into: "\(server.directory)/y",
                keepsGitDirectory: false
            )
        }
        #expect(!fileExists("\(server.directory)/y/s/file"))
    }
}
