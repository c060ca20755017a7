import ComposeModel
import Testing

@Suite("values that others take the place of")
struct ReplacedValueTests {
    /// The report about a project whose service extends one with `value`, and replaces it by `own`.
    private func report(_ value: String, own: String, further: String = "") -> String {
        load([
            "compose.yaml":
                "services:\n  web:\n    extends: {file: base.yaml, service: base}\n    image: a\n    \(own)\n",
            "base.yaml": "services:\n  base:\n    \(value)\n\(further)",
        ]).report
    }

    @Test(
        "a value of another file may be wrong where it is replaced",
        arguments: [
            ("hostname: 5", "hostname: h"), ("image: 5", "tty: true"), ("restart: 7", "restart: always"),
            ("mem_limit: abc", "mem_limit: 1m"), ("stop_grace_period: 5", "stop_grace_period: 5s"),
            ("healthcheck: {interval: 5}", "healthcheck: {interval: 5s}"),
        ]
    )
    func replaced(value: String, own: String) { #expect(report(value, own: own) == "") }

    @Test(
        "and otherwise not",
        arguments: [
            ("hostname: 5", "domainname: h"), ("hostname: [a]", "hostname: h"), ("nokey: 5", "nokey: 6"),
            ("cpu_shares: abc", "cpu_shares: 5"), ("ports: [bad]", "ports: [\"80\"]"), ("tty: 5", "hostname: h"),
        ]
    )
    func kept(value: String, own: String) { #expect(report(value, own: own).contains("base.yaml:3:")) }

    @Test("a service between the two replaces it as well") func between() {
        let further = "    extends: low\n  low: {hostname: 5}\n"
        #expect(report("hostname: h", own: "tty: true", further: further) == "")
        #expect(report("domainname: h", own: "tty: true", further: further).contains("base.yaml:5:"))
    }
}

@Suite("numbers that are larger than most")
struct LargeNumberTests {
    @Test("whole numbers up to eighteen quintillion stay what they are") func extensions() {
        let text = config("x-a: 9223372036854775808\nx-b: {c: 18446744073709551615}\nservices: {a: {image: x}}")
        #expect(text.contains("x-a: 9223372036854775808\n"), "\(text)")
        #expect(text.contains("c: 18446744073709551615\n"), "\(text)")
        let labels = config(
            "services: {a: {image: x, labels: {l: 9223372036854775808}, hostname: \"9223372036854775808\"}}"
        )
        #expect(labels.contains("l: \"9223372036854775808\"\n"), "\(labels)")
        #expect(labels.contains("hostname: \"9223372036854775808\"\n"), "\(labels)")
        #expect(
            config("services: {a: {image: x, hostname: 9223372036854775808}}").contains("must be text, not a number")
        )
    }
}
