import Supervisor
import Testing

@Suite("Records of logs")
struct LogRecordTests {
    private func encoded(_ text: some Collection<UInt8>) -> String {
        var buffer: [UInt8] = []
        LogRecord.encode(text, stream: .stdout, time: Array("T".utf8), into: &buffer)
        return String(decoding: buffer, as: UTF8.self)
    }

    @Test("a record is one line of JSON in Docker's form")
    func form() {
        #expect(encoded("hello\n".utf8) == #"{"log":"hello\n","stream":"stdout","time":"T"}"# + "\n")
    }

    @Test("what JSON does not allow is escaped")
    func escaping() {
        #expect(
            encoded("\"a\\b\"\t\r\u{1B}[0m\u{0}\u{1F} é 🚀".utf8)
                == #"{"log":"\"a\\b\"\t\r\u001b[0m\u0000\u001f é 🚀","stream":"stdout","time":"T"}"# + "\n"
        )
    }

    @Test("what is no UTF-8 becomes the replacement character")
    func invalid() {
        #expect(
            encoded([0x61, 0xFF, 0x22, 0xC3, 0x0A] as [UInt8])
                == #"{"log":"a�\"�\n","stream":"stdout","time":"T"}"# + "\n"
        )
    }

    @Test("every byte and every plane of Unicode comes back as it was")
    func roundTrip() throws {
        let text =
            String(String.UnicodeScalarView((0..<0x80).compactMap { Unicode.Scalar($0) })) + "é漢🚀\u{FFFF}\u{10FFFF}\n"
        var buffer: [UInt8] = []
        LogRecord.encode(Array(text.utf8), stream: .stderr, time: Array("2026".utf8), into: &buffer)
        #expect(buffer.count { $0 == 0x0A } == 1)
        let record = try #require(LogRecord(line: buffer.dropLast()))
        #expect(record == LogRecord(text: Array(text.utf8), stream: .stderr, time: "2026"))
    }

    @Test("escapes of other writers are read, pairs of UTF-16 too")
    func foreignEscapes() throws {
        let line = #"{"time":"T","attrs":"x","stream":"stdout","log":"\u003ca\/\b\f\ud83d\ude80\ud83d!\ude80"}"#
        let record = try #require(LogRecord(line: Array(line.utf8)))
        #expect(String(decoding: record.text, as: UTF8.self) == "<a/\u{8}\u{C}🚀�!�")
    }

    @Test(
        "a line that is cut short or of another form is no record",
        arguments: [
            "", "{", "{}", "plain text", #"{"log":"a"#, #"{"log":"a","stream":"stdout"}"#,
            #"{"log":"a","stream":"stdin","time":"T"}"#,
            #"{"log":"\u12","stream":"stdout","time":"T"}"#, #"{"log":"\u+123","stream":"stdout","time":"T"}"#,
            #"{"log":"a\"#, #"{"log":1,"stream":"stdout","time":"T"}"#, #"{"log":"a","stream":"stdout","time":"T""#,
        ]
    )
    func malformed(line: String) { #expect(LogRecord(line: Array(line.utf8)) == nil) }
}
