@testable import ImageStore
import LinuxSystem
import OCISpec
import Testing

/// What the process that unpacks a layer may tell, and what is made of it.
@Suite("the report of an unpacking")
struct UnpackReportTests {
    private let contents: LayerContents = {
        var contents = LayerContents()
        contents.digest = ContentDigest(of: [1, 2, 3])
        (contents.archiveBytes, contents.contentBytes, contents.entries) = (10240, 77, 3)
        contents.opaque = [Array("a/b".utf8), []]
        contents.notes = ["layer: left out the device node x"]
        return contents
    }()

    @Test("comes back as it was")
    func whole() throws {
        guard case .done(let found)? = UnpackReport(UnpackReport.done(contents).bytes) else {
            Issue.record("it is no report")
            return
        }
        #expect(found == contents)
        let cause = SyscallError(call: "pwrite", subject: "a/file", errno: Errno(rawValue: 28))
        let failure = ImageError.kernel("unpack layer", cause)
        guard case .failed(let error)? = UnpackReport(UnpackReport.failed(failure).bytes) else {
            Issue.record("it is no report")
            return
        }
        #expect(error.code == .kernel && error.message == failure.message && error.cause == cause)
        #expect(error.message.hasSuffix("free some space on the disk that holds the store"))
    }

    @Test("is none when anything of it is missing, added or changed in its form")
    func broken() {
        let bytes = UnpackReport.done(contents).bytes
        for count in 0..<bytes.count { #expect(UnpackReport(Array(bytes.prefix(count))) == nil) }
        #expect(UnpackReport(bytes + [0]) == nil)
        // A count of -1, and one of 2⁶³-1.
        for last in [UInt8(0xff), 0x7f] {
            #expect(UnpackReport([UInt8(ascii: "f")] + [UInt8](repeating: 0xff, count: 7) + [last]) == nil)
            #expect(UnpackReport([UInt8(ascii: "d")] + [UInt8](repeating: 0xff, count: 7) + [last]) == nil)
        }
    }

    @Test("shows nothing on a terminal but text")
    func printed() throws {
        let hostile = ImageError(.invalidArchive, "unpack \u{1b}[2Jlayer\n" + String(repeating: "x", count: 10_000))
        guard case .failed(let error)? = UnpackReport(UnpackReport.failed(hostile).bytes) else {
            Issue.record("it is no report")
            return
        }
        #expect(error.message.hasPrefix("unpack ?[2Jlayer?x"))
        #expect(error.message.utf8.count <= 1000)
    }

    @Test(
        "changes of a configuration are those of a Dockerfile",
        arguments: [
            (["CMD echo hi"], #"{"Cmd":["/bin/sh","-c","echo hi"]}"#),
            (
                [#"SHELL ["/bin/bash","-c"]"#, "ENTRYPOINT a b"],
                #"{"Entrypoint":["/bin/bash","-c","a b"],"Shell":["/bin/bash","-c"]}"#
            ),
            (["env A=1 B='x y' C=a\\ b", "ENV A=2"], #"{"Env":["B=x y","C=a b","A=2"]}"#),
            (["ENV NAME with blanks "], #"{"Env":["NAME=with blanks"]}"#),
            (["EXPOSE 80 53/udp", "EXPOSE 80"], #"{"ExposedPorts":{"53/udp":{},"80/tcp":{}}}"#),
            ([#"VOLUME ["/a b"]"#, "VOLUME /c /d"], #"{"Volumes":{"/a b":{},"/c":{},"/d":{}}}"#),
            (["WORKDIR /a", "WORKDIR b"], #"{"WorkingDir":"/a/b"}"#),
            (
                ["LABEL a=1 b=2", "STOPSIGNAL SIGINT", "USER x:y"],
                #"{"Labels":{"a":"1","b":"2"},"StopSignal":"SIGINT","User":"x:y"}"#
            ),
            (["ONBUILD RUN x"], #"{"OnBuild":["RUN x"]}"#),
        ]
    )
    func changes(texts: [String], expected: String) throws {
        var defaults = ProcessDefaults()
        for text in texts { try ConfigurationChange(text).apply(to: &defaults) }
        #expect(String(decoding: try encoded(defaults), as: UTF8.self) == expected)
    }

    @Test(
        "what changes nothing of a configuration is refused",
        arguments: ["", "RUN x", "CMD", "SHELL bash", "FROM x"]
    )
    func refused(text: String) {
        #expect(throws: ImageError.self) { try ConfigurationChange(text) }
    }
}
