import OCISpec
import Testing

@testable import ImageBuilder

@Suite struct CacheKeyTests {
    /// The keys of the steps of a text that have one, each upon the one before, by their titles.
    private func keys(
        _ text: String,
        content: String = "c",
        _ change: (inout BuildOptions) -> Void = { _ in }
    ) throws -> [String] {
        let plan = try plan(text, change)
        var known: [StepID: String] = [:]
        var result: [String] = []
        for step in plan.steps {
            let inputs = step.inputs.map { _ in BuildInput.Identity.content(content) }
            let key = CacheKey.of(step, base: step.base.flatMap { known[$0] }, inputs: inputs)
            known[step.id] = key
            if step.stage != nil, case .image = step.operation { continue }
            if step.stage != nil { result.append(key) }
        }
        return result
    }

    private static let text = """
        FROM alpine
        ARG V=1
        ENV A=1
        WORKDIR /w
        COPY src dst
        RUN --mount=type=cache,target=/c --mount=type=secret,id=s make
        """

    @Test("keys are the same in every version that makes the same layers") func stable() throws {
        let keys = try keys(Self.text)
        #expect(
            keys.joined(separator: "\n") == #"""
                c7aa6db9f461f0b8729018af9b5027207743b68c57fc8fbb0eaee1280cb7f711
                1a7823e51d3805c958e21648228db1137f0529f152014c89304ba4fa3000889d
                3ab3c80398ab8fd2310ee071b25c30eb6d4dee4899a767ae7b3ec3bd8d452b39
                """#
        )
    }

    @Test(
        "what a step does not see changes no key",
        arguments: [
            ("RUN", "# a comment\n\n  run"), ("COPY src dst", "COPY   ./src/ \\\n  /w/x/../dst"),
            ("ENV A=1", "ENV \"A\"='1'"),
            ("FROM alpine", "ARG UNUSED=1\nFROM alpine AS named"),
            ("RUN", "LABEL a=b\nEXPOSE 80\nCMD x\nHEALTHCHECK NONE\nRUN"),
            ("ENV A=1", "ENV A=0\nENV A=1"), ("COPY src", "ONBUILD RUN x\nSTOPSIGNAL 9\nCOPY src"), ("=/c", "=//c/."),
        ]
    ) func unseen(old: String, new: String) throws {
        #expect(try keys(Self.text) == keys(Self.text.replacing(old, with: new)))
        #expect(try keys(Self.text) == keys(Self.text) { $0.arguments = ["HTTP_PROXY": "x"] })
    }

    @Test(
        "what a step sees changes its key, and those after it",
        arguments: [
            ("alpine", "alpine\nRUN first", 0), ("V=1", "V=2", 2), ("A=1", "A=2", 2), ("A=1", "A=1 B=", 2),
            ("/w", "/v", 0),
            ("src dst", "src dst/", 1), ("src dst", "src2 dst", 1), ("COPY", "COPY --chown=1", 1),
            ("COPY", "COPY --chmod=1", 1),
            ("COPY", "COPY --exclude=x", 1), ("COPY", "COPY --parents", 1), ("COPY", "ADD", 1),
            ("COPY", "USER u\nCOPY", 2),
            ("make", "make all", 2), ("make", "[\"make\"]", 2), ("=/c", "=/d", 2), ("=/c", "=/c,id=x", 2),
            ("=/c", "=/c,sharing=locked", 2), ("id=s", "id=s2", 2), ("id=s", "id=s,env=S", 2),
            ("id=s", "id=s,mode=0444", 2),
            ("RUN", "RUN --network=none", 2), ("RUN", "SHELL [\"x\"]\nRUN", 2),
            ("RUN", "RUN --mount=type=tmpfs,target=/t", 2),
        ] as [(String, String, Int)]
    ) func seen(old: String, new: String, first: Int) throws {
        let (before, after) = (try keys(Self.text), try keys(Self.text.replacing(old, with: new)))
        let offset = after.count - before.count
        for index in before.indices {
            #expect((before[index] == after[index + offset]) == (index < first), "\(old) to \(new) at \(index)")
        }
    }

    @Test("arguments of the caller and the content of files are in the key") func inputs() throws {
        let before = try keys(Self.text)
        #expect(try zip(before, keys(Self.text) { $0.arguments = ["V": "2"] }).map { $0 == $1 } == [true, true, false])
        #expect(try zip(before, keys(Self.text, content: "d")).map { $0 == $1 } == [true, false, false])
    }

    @Test("a file taken by its source as a whole has another key than by its content") func identities() throws {
        let step = try plan("FROM scratch\nCOPY a b\n").steps[1]
        #expect(step.inputs.count == 1)
        let keys = [
            CacheKey.of(step, base: nil, inputs: [.content("x")]), CacheKey.of(step, base: nil, inputs: [.result("x")]),
            CacheKey.of(step, base: "", inputs: [.content("x")]), CacheKey.of(step, base: "y", inputs: [.content("x")]),
        ]
        #expect(keys[0] != keys[1] && keys[0] != keys[3])
        // An empty base is no base.
        #expect(keys[0] == keys[2])
    }

    @Test("a linked layer is the same on every base unless names of users decide about it") func linked() throws {
        func isSame(_ flags: String) throws -> Bool {
            let step = try plan("FROM scratch\nCOPY \(flags) a b\n").steps[1]
            return CacheKey.of(step, base: "1", inputs: [.content("x")])
                == CacheKey.of(step, base: "2", inputs: [.content("x")])
        }
        #expect(try isSame("--link"))
        #expect(try isSame("--link --chown=1:2"))
        #expect(try !isSame("--link --chown=me"))
        #expect(try !isSame(""))
    }

    @Test("values that run into each other make other keys") func boundaries() throws {
        func key(_ text: String) throws -> String {
            let step = try plan("FROM scratch\n\(text)\n").steps[0]
            return CacheKey.of(step, base: nil, inputs: [])
        }
        #expect(try key("RUN [\"ab\", \"c\"]") != key("RUN [\"a\", \"bc\"]"))
        #expect(try key("ENV A=1 B=2\nRUN x") != key("ENV A=\"1 B=2\"\nRUN x"))
        #expect(
            try key("RUN --mount=type=cache,target=/a --mount=type=cache,target=/b x")
                != key("RUN --mount=type=cache,target=/a x")
        )
    }

    @Test("an image's key has all that its configuration says") func images() throws {
        func key(_ text: String) throws -> String {
            let stage = try plan("FROM scratch\nRUN x\n\(text)\n").target
            return try CacheKey.ofImage(
                layers: ["l"],
                configuration: stage.configuration,
                history: stage.history.map(\.createdBy)
            )
        }
        let texts = [
            "", "HEALTHCHECK CMD x", "HEALTHCHECK --interval=1s CMD x", "HEALTHCHECK NONE", "ONBUILD RUN x",
            "ONBUILD RUN y",
            "LABEL a=b", "USER u", "CMD [\"x\"]", "ENTRYPOINT [\"x\"]", "STOPSIGNAL 9", "EXPOSE 80", "VOLUME /v",
            "ENV A=b", "ARG A=b",
            "SHELL [\"s\"]", "MAINTAINER m", "WORKDIR /",
        ]
        #expect(Set(try texts.map(key)).count == texts.count)
        #expect(try key("LABEL a=1 b=2") != key("LABEL b=2 a=1"))
    }
}
