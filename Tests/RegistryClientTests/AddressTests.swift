import ImageStore
import OCISpec
import Testing

@testable import RegistryClient

@Suite("Addresses of registries")
struct AddressTests {
    @Test(
        "an address is read and written",
        arguments: [
            ("https://registry-1.docker.io/v2/", "https://registry-1.docker.io/v2/"),
            ("HTTP://Host:5000", "http://host:5000/"), ("https://h:443/a?b=c#d", "https://h/a?b=c"),
            ("https://[::1]:8443?x", "https://[::1]:8443/?x"),
        ]
    )
    func address(text: String, canonical: String) {
        #expect(WireURL(text).map { "\($0)" } == canonical)
    }

    @Test(
        "what is no address is refused",
        arguments: [
            "ftp://h/", "https://", "https://user@h/", "https://h:0/", "https://h:99999/", "https://h/a b",
            "https://h/\r\nX: y", "https://[::1/", "//h/", "https://h:-1/", "https://ä/",
        ]
    )
    func refused(text: String) { #expect(WireURL(text) == nil) }

    @Test(
        "a location is resolved against the address that was asked",
        arguments: [
            ("/b?c", "https://h:5000/b?c"), ("//other/x", "https://other/x"), ("http://o/x", "http://o/x"),
            ("sibling", "https://h:5000/v2/sibling"), ("?q=1", "https://h:5000/v2/a?q=1"),
        ]
    )
    func location(text: String, resolved: String) {
        #expect(WireURL("https://h:5000/v2/a?old")?.resolving(text).map { "\($0)" } == resolved)
    }

    @Test("a location of another scheme leads nowhere", arguments: ["ftp://h/", "javascript:alert", ""])
    func strange(text: String) { #expect(WireURL("https://h/a")?.resolving(text) == nil) }

    @Test(
        "this machine is known by its names and addresses",
        arguments: [
            ("localhost", true), ("127.0.0.1", true), ("127.8.9.1", true), ("::1", true), ("a.localhost", true),
            ("127.0.0.1.example.com", false), ("127.example", false), ("10.0.0.1", false), ("127.0.0.256", false),
        ]
    )
    func loopback(host: String, isLoopback: Bool) { #expect(WireURL.isLoopback(host) == isLoopback) }

    @Test("challenges are read, several in one header too")
    func challenges() {
        let text =
            #"Bearer realm="https://auth.docker.io/token",service="registry.docker.io", scope="a:b,c:pull", "#
            + #"Basic realm="x \"y\"", Negotiate"#
        #expect(
            Challenge.all(in: text) == [
                Challenge(
                    scheme: "bearer",
                    parameters: [
                        "realm": "https://auth.docker.io/token", "service": "registry.docker.io", "scope": "a:b,c:pull",
                    ]
                ), Challenge(scheme: "basic", parameters: ["realm": "x \"y\""]), Challenge(scheme: "negotiate"),
            ]
        )
        #expect(Challenge.all(in: "Basic") == [Challenge(scheme: "basic")])
        #expect(Challenge.all(in: #"Basic realm="open"#) == [Challenge(scheme: "basic")])
        #expect(Challenge.all(in: "=,,\"") == [])
    }

    @Test(
        "Retry-After is seconds or a date",
        arguments: [
            ("7", Duration.seconds(7)), (" 0 ", .zero), ("Sun, 06 Nov 1994 08:49:47 GMT", .seconds(10)),
            ("Sun, 06 Nov 1994 08:49:30 GMT", .zero), ("soon", nil), ("-1", nil),
            ("Sun, 31 Foo 1994 08:49:30 GMT", nil),
        ] as [(String, Duration?)]
    )
    func retryAfter(text: String, delay: Duration?) { #expect(retryDelay(text, now: 784_111_777) == delay) }

    @Test("pauses double, end somewhere, and no server stretches them beyond that")
    func pauses() {
        let patience = Patience()
        #expect(
            (1...9).map { patience.pause(afterFailures: $0, asked: nil) } == [
                .milliseconds(250), .milliseconds(500), .seconds(1), .seconds(2), .seconds(4), .seconds(8),
                .seconds(16),
                .seconds(30), .seconds(30),
            ]
        )
        #expect(patience.pause(afterFailures: 1, asked: .seconds(3)) == .seconds(3))
        #expect(patience.pause(afterFailures: 1, asked: .seconds(3600)) == .seconds(30))
    }

    @Test(
        "a proxy stands before hosts that are no exception",
        arguments: [
            ("https://example.com", "", "proxy:8080"), ("http://example.com", "", "plain:80"),
            ("https://example.com", "example.com", nil), ("https://a.example.com", ".example.com", nil),
            ("https://a.example.com", "*.example.com", nil), ("https://notexample.com", "example.com", "proxy:8080"),
            ("https://example.com:8443", "example.com:443", "proxy:8080"),
            ("https://example.com", "example.com:443", nil),
            ("https://10.1.2.3", "10.0.0.0/8", nil), ("https://11.1.2.3", "10.0.0.0/8", "proxy:8080"),
            ("https://localhost:5000", "", nil), ("https://127.0.0.1:5000", "", nil), ("https://x", "a, *", nil),
        ] as [(String, String, String?)]
    )
    func proxies(url: String, exceptions: String, proxy: String?) throws {
        let proxies = try Proxies([
            "https_proxy": "http://user:pa%3Ass@proxy:8080/", "HTTP_PROXY": "plain", "NO_PROXY": exceptions,
        ])
        let origin = try #require(WireURL(url)?.origin)
        let found = proxies.proxy(for: origin)
        #expect(found.map { "\($0.host):\($0.port)" } == proxy)
        if found?.host == "proxy" { #expect(found?.user == "user" && found?.password == "pa:ss") }
    }

    @Test(
        "a proxy that is none is a mistake, not a way around it",
        arguments: ["socks5://x:1", "http://x:y", "http://"]
    )
    func wrongProxy(text: String) {
        #expect(throws: RegistryError.self) { try Proxies(["HTTPS_PROXY": text]) }
    }

    @Test(
        "the best of an index is the nearest variant",
        arguments: [
            ("linux/amd64", 0), ("linux/arm/v7", 2), ("linux/arm/v6", 1), ("linux/arm/v8", 2), ("linux/arm64", 3),
            ("linux/arm64/v8", 3), ("linux/s390x", nil), ("windows/amd64", nil), ("linux/arm/v5", nil),
        ] as [(String, Int?)]
    )
    func platforms(wanted: String, number: Int?) throws {
        let there = ["linux/amd64", "linux/arm/v6", "linux/arm/v7", "linux/arm64", "unknown/unknown"]
        let entries = try there.enumerated().map { number, text in
            let digits = String(repeating: String(number), count: 64)
            return Descriptor(
                mediaType: MediaType.manifest,
                digest: try #require(ContentDigest(hexadecimal: digits)),
                size: 1,
                platform: Platform(text)
            )
        }
        let best = PlatformChoice.best(of: entries, for: try #require(Platform(wanted)))
        #expect(best?.digest == number.map { entries[$0].digest })
    }

    @Test(
        "escapes in an address are bytes, and broken ones make it none",
        arguments: [
            ("a%20b%C3%A9", "a b\u{E9}"), ("", ""), ("100%25", "100%"), ("%", nil), ("%4", nil), ("%+1", nil),
            ("%zz", nil),
        ] as [(String, String?)]
    )
    func escapes(text: String, decoded: String?) { #expect(text.percentDecoded == decoded) }
}
