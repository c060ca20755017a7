import Testing
import YAMLComposer

@testable import ImageBuilder

@Suite struct BuilderArgumentTests {
    private func operations(_ text: String, _ arguments: [String: String]) throws -> [BuildStep.Operation] {
        try plan(text) { $0.arguments = arguments }.steps.map(\.operation)
    }

    @Test("arguments of the builder name the host of steps and part their caches, and are no variables") func meaning()
        throws
    {
        let text = """
            FROM alpine
            RUN --mount=type=cache,target=/c x
            """
        func run(_ arguments: [String: String]) throws -> RunOperation {
            guard case .run(let run)? = try operations(text, arguments).last else { throw PlanFailure(text: "no RUN") }
            return run
        }
        let plain = try run([:])
        let other = try run(["BUILDKIT_SANDBOX_HOSTNAME": "box", "BUILDKIT_CACHE_MOUNT_NS": "mine"])
        #expect(plain.hostname == nil && other.hostname == "box")
        guard case .cache(let first)? = plain.mounts.first?.kind, case .cache(let second)? = other.mounts.first?.kind
        else {
            throw PlanFailure(text: "no cache")
        }
        #expect(first.id == "/c" && second.id == "mine//c")
        #expect(plain.environment == other.environment && other.unkeyedEnvironment == [])
        for (text, isKept) in [("1", true), ("true", true), ("0", false), ("", false)] {
            let arguments = BuilderArguments(["BUILDKIT_CONTEXT_KEEP_GIT_DIR": text])
            #expect(arguments.keepsGitDirectory == isKept, "\(text)")
        }
    }

    @Test("the caller says in which language a file is written, whatever the file says") func syntax() throws {
        let text = "# syntax=example.org/other:1\nFROM alpine\n"
        #expect(try planMistakes(text).contains("example.org/other:1"))
        let known = ["dockerfile.v0", "docker/dockerfile:1"]
        for name in known { _ = try operations(text, ["BUILDKIT_SYNTAX": name]) }
        #expect(
            try planMistakes("FROM alpine\n") { $0.arguments = ["BUILDKIT_SYNTAX": "example.org/own"] } == #"""
                Dockerfile:1:1: the file wants to be read by the program "example.org/own", and Roost runs no such programs
                    FROM alpine
                    ^
                  hint: if it is written in Docker's language, say docker/dockerfile:1 or leave the line out

                """#
        )
    }

    @Test("a repository is held to the beginning of a commit, and leaves out what it is told to") func repositories()
        throws
    {
        let steps = try operations(
            "FROM alpine\nADD --checksum=ABC1 --exclude=docs --exclude=*.md https://h/o/r.git#v1 /x\n",
            [:]
        )
        guard case .copy(let copy)? = steps.last else { throw PlanFailure(text: "no ADD") }
        #expect(
            copy.sources == [
                .git(url: "https://h/o/r.git#v1", commit: "abc1", keepsGitDirectory: false, excludes: ["docs", "*.md"])
            ]
        )
        #expect(try planMistakes("FROM alpine\nADD --checksum=v1 https://h/o/r.git /x\n").contains("Dockerfile:2:16: "))
    }

    @Test("devices are refused with what to do instead") func devices() throws {
        #expect(
            try planMistakes("FROM alpine\nRUN --device=vendor.com/device=x true\n") == """
                Dockerfile:2:14: RUN --device is not supported: steps get no devices of the host
                    RUN --device=vendor.com/device=x true
                                 ^
                  hint: give the device to the service that needs it: devices

                """
        )
    }

    @Test("a transport is a good default of an argument in FROM") func transports() throws {
        #expect(try plan("ARG BASE=rootfs:/\nFROM $BASE\n").warnings.isEmpty)
        #expect(try plan("ARG BASE=alpine:\nFROM ${BASE}3\n").warnings.isEmpty)
        let warnings = try plan("ARG BASE=alpine:\nFROM $BASE\n") { $0.arguments = ["BASE": "alpine:3"] }.warnings
        #expect(warnings.map(\.message) == ["without arguments $BASE names no image (InvalidDefaultArgInFrom)"])
    }
}
