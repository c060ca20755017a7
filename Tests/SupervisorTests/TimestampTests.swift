import OCISpec
import Orchestrator
import Supervisor
import Testing

@Suite("Moments as logs write them")
struct TimestampTests {
    @Test(
        "a moment has one text, and the text means the moment",
        arguments: [
            (0, "1970-01-01T00:00:00.000000000Z"), (-1, "1969-12-31T23:59:59.999999999Z"),
            (1_700_000_000_123_456_789, "2023-11-14T22:13:20.123456789Z"),
            (951_782_400_000_000_000, "2000-02-29T00:00:00.000000000Z"),
            (4_107_542_399_000_000_000, "2100-02-28T23:59:59.000000000Z"),
            (4_107_542_400_000_000_000, "2100-03-01T00:00:00.000000000Z"),
        ] as [(Int64, String)]
    )
    func roundTrip(nanoseconds: Int64, text: String) {
        let moment = WallTime(nanoseconds: nanoseconds)
        #expect(Timestamp.text(moment) == text)
        #expect(Timestamp.moment(text) == moment)
    }

    @Test("random moments survive the way through text")
    func random() {
        var seed: UInt64 = 20_261_121
        for _ in 0..<2000 {
            seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let moment = WallTime(nanoseconds: Int64(bitPattern: seed) / 2)
            #expect(Timestamp.moment(Timestamp.text(moment)) == moment)
        }
    }

    @Test(
        "other forms of RFC 3339 are read",
        arguments: [
            "2023-11-14T23:13:20+01:00", "2023-11-14T16:43:20.0-05:30", "2023-11-14t22:13:20z", "2023-11-14 22:13:20Z",
            "2023-11-14T22:13:20", "2023-11-14T22:13:20.0000000000009Z",
        ]
    )
    func forms(text: String) { #expect(Timestamp.moment(text)?.nanoseconds == 1_700_000_000_000_000_000) }

    @Test("a date alone is its midnight, and a minute needs no seconds")
    func short() {
        #expect(Timestamp.moment("1970-01-02")?.nanoseconds == 86_400_000_000_000)
        #expect(Timestamp.moment("1970-01-01T00:01Z")?.nanoseconds == 60_000_000_000)
    }

    @Test(
        "what is no moment, or too far away to be counted, is none",
        arguments: [
            "", "now", "2023", "2023-11", "2023x11x14", "2023-13-01", "2023-11-32", "2023-00-10", "2023-11-14T",
            "2023-11-14X22:13Z",
            "2023-11-14T24:00Z", "2023-11-14T22:60Z", "2023-11-14T22:13:61Z", "2023-11-14T22:13:20.Z",
            "2023-11-14T22:13:20Zjunk",
            "2023-11-14T22:13:20+1:00", "2023-11-14T22:13:20+", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z",
            "２０２３-11-14",
        ]
    )
    func none(text: String) { #expect(Timestamp.moment(text) == nil) }

    @Test("a zone is told from a date's hyphens")
    func zone() {
        #expect(Timestamp.namesZone("2023-11-14T22:13:20Z"))
        #expect(Timestamp.namesZone("2023-11-14T22:13:20-01:00"))
        #expect(!Timestamp.namesZone("2023-11-14T22:13:20"))
        #expect(!Timestamp.namesZone("2023-11-14"))
    }
}
