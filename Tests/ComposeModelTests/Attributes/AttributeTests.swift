import ComposeModel
import Testing
import YAMLComposer

/// What one attribute takes, and what it does not.
struct AttributeCase: Sendable, CustomTestStringConvertible {
    /// YAML that is accepted.
    let accepted: String
    /// Lines that `config` shows for it, in this order, without their indentation and with `|` between them.
    let shown: String
    /// YAML that is refused.
    let refused: String
    /// What is said about it.
    let reason: String
    /// What the service has beside it.
    let service: String

    init(_ accepted: String, shows shown: String, refuses refused: String, because reason: String, service: String = "")
    {
        self.accepted = accepted
        self.shown = shown
        self.refused = refused
        self.reason = reason
        self.service = service
    }

    var testDescription: String { accepted }
}

/// Every family of attributes: one value that is accepted and shown, one that is refused with its reason.
struct AttributeTests {
    private static let files = [
        "one.env": "ONE=1\n", "inc.yaml": "services: {inc: {image: \"$TAG\"}}\n", "inc.env": "TAG=t\n",
    ]

    private func check(_ one: AttributeCase, _ text: (String) -> String) {
        func config(_ yaml: String) -> (shown: String, report: String) {
            let files = Self.files.merging(["compose.yaml": text(yaml)]) { $1 }
            let (tree, report) = load(files, environment: ["HOME": "/root", "COMPOSE_PROFILES": "p"])
            let shown = tree.map { YAMLPrinter.print(ConfigTree(form: .yaml, escapesDollars: true).tree(of: $0)) }
            return (shown ?? "", report)
        }
        let good = config(one.accepted)
        #expect(good.report == "")
        var lines = good.shown.split(separator: "\n").map { $0.drop { $0 == " " } }[...]
        for wanted in one.shown.split(separator: "|") {
            let place = lines.firstIndex(of: wanted)
            #expect(place != nil, "\(wanted) is not shown in:\n\(good.shown)")
            lines = lines[(place ?? lines.startIndex)...].dropFirst()
        }
        let bad = config(one.refused)
        #expect(bad.shown == "")
        let told = bad.report.split(separator: "\n").first { $0.hasPrefix("compose.yaml:") } ?? ""
        #expect(told.split(separator: " ").dropFirst().joined(separator: " ") == one.reason)
    }

    @Test("attributes of a service", arguments: serviceCases + moreServiceCases)
    func service(_ one: AttributeCase) { check(one) { "services:\n  web:\n    image: app\n    \($0)\n" } }

    @Test("attributes that refer to something", arguments: referenceCases)
    func reference(_ one: AttributeCase) {
        check(one) {
            """
            services:
              web:
                image: app
                \($0)
              db: {image: db, hostname: h}
            secrets: {s: {environment: S}}
            """
        }
    }

    @Test("sections of a project", arguments: projectCases)
    func section(_ one: AttributeCase) {
        check(one) { "services:\n  web:\n    image: app\n    \(one.service)\n\($0)\n" }
    }
}
