import Glibc
import NIOCore
import NIOHTTP1
import OCISpec
import Testing

@testable import RegistryClient

@Suite("Telling who we are", .enabled(if: getuid() == 0, "a layer's files belong to root"))
struct AuthorizationTests {
    private let image = SampleImage(layers: 1)

    /// A registry that wants a token, and gives it itself.
    private func registry(
        token: @escaping @Sendable (ScriptedRegistry.Asked) -> ScriptedRegistry.Answer = { _ in
            .init(body: Array(#"{"token":"T","expires_in":300}"#.utf8))
        }
    ) throws -> ScriptedRegistry {
        let image = image
        return try ScriptedRegistry { asked in
            if asked.target.hasPrefix("/token") { return token(asked) }
            if asked.headers.first(name: "Authorization") == "Bearer T" { return image.answer(asked) }
            let host = asked.headers.first(name: "Host") ?? ""
            let challenge = #"Bearer realm="http://\#(host)/token?a=b",service="the registry",scope="x:y:z""#
            return .init(status: 401, headers: ["WWW-Authenticate": challenge])
        }
    }

    @Test("a token is asked for once, with the user's name only there")
    func bearer() async throws {
        let (scratch, registry) = (try PullScratch(), try registry())
        defer { registry.close() }
        #expect(try await scratch.pull(registry.port, credential: .password(user: "u", password: "p")).isNew)
        #expect(
            registry.asked() == [
                "GET /v2/app/manifests/1",
                "GET /token?a=b&service=the%20registry&scope=repository%3Aapp%3Apull Authorization=Basic dTpw",
                "GET /v2/app/manifests/1 Authorization=Bearer T",
                "GET /v2/app/blobs/\(image.configuration) Authorization=Bearer T",
                "GET /v2/app/blobs/\(image.layers[0]) Authorization=Bearer T",
            ]
        )
    }

    @Test("whoever has no credentials gets a token for everybody")
    func anonymous() async throws {
        let (scratch, registry) = (try PullScratch(), try registry())
        defer { registry.close() }
        #expect(try await scratch.pull(registry.port).isNew)
        #expect(registry.asked()[1] == "GET /token?a=b&service=the%20registry&scope=repository%3Aapp%3Apull")
    }

    @Test("a token that stands for a user is changed for one that is good for the image")
    func identityToken() async throws {
        let (scratch, registry) = (try PullScratch(), try registry())
        defer { registry.close() }
        #expect(try await scratch.pull(registry.port, credential: .identityToken("long&lasting")).isNew)
        #expect(registry.asked()[1] == "POST /token?a=b")
        #expect(
            registry.body("POST")
                == "grant_type=refresh_token&refresh_token=long%26lasting&client_id=roost&service=the%20registry&scope=repository%3Aapp%3Apull"
        )
    }

    @Test(
        "an answer that is no token ends it, also one that asks for a token in turn",
        arguments: [
            (401, "", RegistryError.Code.unauthorised), (200, "{}", .invalidAnswer),
            (200, #"{"token":"a\nb"}"#, .invalidAnswer),
            (403, #"{"errors":[{"code":"DENIED"}]}"#, .unauthorised),
        ]
    )
    func refused(status: Int, text: String, code: RegistryError.Code) async throws {
        let scratch = try PullScratch()
        let registry = try registry { asked in
            let host = asked.headers.first(name: "Host") ?? ""
            let headers = ["WWW-Authenticate": #"Bearer realm="http://\#(host)/token""#]
            return .init(status: status, headers: .init(headers.map { ($0.key, $0.value) }), body: Array(text.utf8))
        }
        defer { registry.close() }
        let error = await #expect(throws: RegistryError.self) {
            try await scratch.pull(registry.port, credential: .password(user: "u", password: "p"))
        }
        #expect(error?.code == code)
        #expect(registry.asked().count == 2)
    }

    @Test("a token that does not do is not asked for again and again")
    func useless() async throws {
        let scratch = try PullScratch()
        let registry = try registry { _ in .init(body: Array(#"{"access_token":"other"}"#.utf8)) }
        defer { registry.close() }
        let error = await #expect(throws: RegistryError.self) { try await scratch.pull(registry.port) }
        #expect(
            error?.code == .unauthorised && error?.message.contains("roost login 127.0.0.1:\(registry.port)") == true
        )
        #expect(registry.asked().count == 3)
    }

    @Test("a registry that wants a password sent in the clear elsewhere does not get it")
    func clear() async throws {
        let session = RegistrySession(.init(transport: Nobody(), now: { 0 }))
        let response = WireResponse(
            status: 401,
            headers: ["WWW-Authenticate": #"Bearer realm="http://evil.example/token""#],
            body: Nothing()
        )
        let origin = WireURL.Origin(isSecure: true, host: "r.example", port: 443)
        let error = await #expect(throws: RegistryError.self) {
            try await session.introduce(
                .init(origin: origin, verifies: true),
                ImageSource(host: "r.example", repository: "x"),
                "pull",
                to: response,
                isAgain: false
            )
        }
        #expect(error?.code == .invalidAnswer)
    }
}

/// A network that must not be used.
private struct Nobody: RegistryTransport {
    func send(_ request: WireRequest, verifies: Bool) async throws(TransportFailure) -> WireResponse {
        throw TransportFailure(.invalid, "asked \(request.url)")
    }
}

private final class Nothing: WireBody {
    func next() async throws(TransportFailure) -> ByteBuffer? { nil }
}
