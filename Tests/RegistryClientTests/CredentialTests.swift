import Glibc
import LinuxSystem
import Testing

@testable import RegistryClient

@Suite("Credentials")
final class CredentialTests {
    private let directory: String
    private var path: String { "\(directory)/config.json" }

    init() throws {
        var template = Array("/tmp/roost-credentials.XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw RegistryError(.configuration, "mkdtemp") }
        directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        for name in namesInDirectory(directory) { unlink("\(directory)/\(name)") }
        rmdir(directory)
    }

    private func write(_ text: String) throws {
        let file = OwnedDescriptor(adopting: open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644))
        try file.writeAll(Array(text.utf8), subject: path)
    }

    private func files(
        helper: @escaping @Sendable (String, String, String) throws(RegistryError) -> CredentialHelper.Answer = {
            (_, _, _) throws(RegistryError) in throw RegistryError(.configuration, "no helper")
        }
    ) -> CredentialFiles { CredentialFiles(["DOCKER_CONFIG": directory, "HOME": "/nonexistent"], helper: helper) }

    @Test(
        "base64 goes both ways",
        arguments: [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("user:pässword", "dXNlcjpww6Rzc3dvcmQ="),
        ]
    )
    func base64(text: String, encoded: String) {
        #expect(Base64Text.encoded(Array(text.utf8)) == encoded)
        #expect(Base64Text.decoded(encoded) == Array(text.utf8))
        #expect(Base64Text.decoded("a b") == nil)
    }

    @Test("an entry for a part of a registry counts before the registry's")
    func special() throws {
        try write(#"{"auths": {"r.io": {"auth": "YTpi"}, "r.io/team": {"auth": "Yzpk"}}}"#)
        #expect(try files().credential(for: "r.io", repository: "x/y") == .password(user: "a", password: "b"))
        #expect(try files().credential(for: "r.io", repository: "team/y") == .password(user: "c", password: "d"))
        #expect(try files().credential(for: "other.io", repository: "x") == nil)
    }

    @Test("Docker Hub has a name of its own, and a token is no password")
    func hub() throws {
        try write(#"{"auths": {"https://index.docker.io/v1/": {"auth": "YTpi", "identitytoken": "t"}}}"#)
        #expect(try files().credential(for: "docker.io", repository: "library/redis") == .identityToken("t"))
    }

    @Test("what is no user and password is a mistake", arguments: ["YWI=", "**"])
    func broken(auth: String) throws {
        try write(#"{"auths": {"r.io": {"auth": "\#(auth)"}}}"#)
        #expect(throws: RegistryError.self) { try files().credential(for: "r.io", repository: "x") }
    }

    @Test("a file that is no JSON is a mistake, and stays as it is")
    func noJSON() throws {
        try write("{")
        #expect(throws: RegistryError.self) { try files().store(.password(user: "a", password: "b"), for: "r.io") }
        #expect(try readFile(path) == "{")
    }

    @Test("what login writes is its owner's alone, and leaves what others wrote")
    func store() throws {
        try write(#"{"HttpHeaders": {"X": 1.5}, "auths": {"b.io": {"auth": "YTpi"}}, "big": 9007199254740993}"#)
        try files().store(.password(user: "u", password: "p:w"), for: "a.io")
        #expect(
            try readFile(path) == """
                {
                  "HttpHeaders" : {
                    "X" : 1.5
                  },
                  "auths" : {
                    "a.io" : {
                      "auth" : "dTpwOnc="
                    },
                    "b.io" : {
                      "auth" : "YTpi"
                    }
                  },
                  "big" : 9007199254740993
                }

                """
        )
        #expect(try FileMetadata.of(path)?.permissions == 0o600)
        #expect(try files().credential(for: "a.io", repository: "x") == .password(user: "u", password: "p:w"))
        #expect(try files().erase("a.io"))
        #expect(try !files().erase("a.io"))
        #expect(try files().credential(for: "b.io", repository: "x") == .password(user: "a", password: "b"))
        #expect(namesInDirectory(directory) == ["config.json"])
    }

    @Test("a helper is asked for its registry, and the one of the file for all others")
    func helpers() throws {
        try write(#"{"credsStore": "all", "credHelpers": {"r.io": "own"}, "auths": {"s.io": {"auth": "YTpi"}}}"#)
        let files = files { (name, verb, input) throws(RegistryError) in
            if input == "s.io\n" { return .init(status: 1, text: "credentials not found in native keychain\n") }
            if input == "t.io\n" { return .init(status: 0, text: #"{"Username": "<token>", "Secret": "s"}"#) }
            if input == "u.io\n" { return .init(status: 3, text: "locked\u{1B}") }
            return .init(status: 0, text: #"{"ServerURL": "", "Username": "\#(name)", "Secret": "\#(verb)"}"#)
        }
        #expect(try files.credential(for: "r.io", repository: "x") == .password(user: "own", password: "get"))
        #expect(try files.credential(for: "q.io", repository: "x") == .password(user: "all", password: "get"))
        #expect(try files.credential(for: "s.io", repository: "x") == .password(user: "a", password: "b"))
        #expect(try files.credential(for: "t.io", repository: "x") == .identityToken("s"))
        let error = #expect(throws: RegistryError.self) { try files.credential(for: "u.io", repository: "x") }
        #expect(error?.message == "docker-credential-all get ended with status 3: locked?")
    }

    @Test("the environment says where files are")
    func places() {
        #expect(
            CredentialFiles(["HOME": "/h", "XDG_RUNTIME_DIR": "/run/user/1"]).paths == [
                "/h/.docker/config.json", "/run/user/1/containers/auth.json", "/h/.config/containers/auth.json",
            ]
        )
        #expect(CredentialFiles(["HOME": "/h", "REGISTRY_AUTH_FILE": "/a.json"]).paths == ["/a.json"])
    }

    @Test("a helper that is not there, or is no name, is named", arguments: ["roost-nonexistent", "../x", ""])
    func noHelper(name: String) {
        let error = #expect(throws: RegistryError.self) { try CredentialHelper.run(name, "get", "x") }
        #expect(error?.code == .configuration)
    }
}
