import YAMLComposer

@testable import ComposeModel

/// What becomes of an attribute.
enum Support: String {
    case honoured, warned, refused, planned
}

/// `docs/compose-support.md`, made from the schema, the rules of `UnsupportedAttributes` and what decoding reads.
enum SupportPage {
    /// An attribute and what is said of it.
    struct Row {
        var attribute: SchemaAttribute
        var support: Support
        var remark: String
        /// Whether leaving the attribute out changes the typed project.
        var isRead: Bool
    }

    /// What no rule speaks of although nothing reads it, each with the reason.
    static let unread: [String: (support: Support, remark: String)] = [
        "version": (.warned, "means nothing any more"),
        "models": (.refused, "a service that uses one is refused"),
        "services.*.develop": (.planned, "there is no watch command yet"),
    ]

    private static let rules: [(section: String, rules: [UnsupportedAttributes.Rule])] = [
        ("services", UnsupportedAttributes.Rule.services), ("networks", UnsupportedAttributes.Rule.networks),
        ("volumes", UnsupportedAttributes.Rule.volumes), ("secrets", UnsupportedAttributes.Rule.secrets),
        ("configs", UnsupportedAttributes.Rule.configs),
    ]

    private static let whole = WholeProject.load()

    static let rows: [Row] = SchemaAttribute.all.map { attribute in
        // One that is demanded says nothing by its absence; what it is part of has a row of its own.
        guard let project = WholeProject.load(without: attribute.keys).project else {
            return row(attribute, isRead: reason(attribute) == nil)
        }
        return row(attribute, isRead: project != whole.project)
    }

    static func reason(_ attribute: SchemaAttribute) -> (support: Support, remark: String)? {
        unread.first { path, _ in attribute.path == path || attribute.path.hasPrefix(path + ".") }?.value
    }

    private static func row(_ attribute: SchemaAttribute, isRead: Bool) -> Row {
        func row(_ support: Support, _ remark: String) -> Row {
            let words = remark.split(separator: " ")
            let short = words.count > 12 ? words.prefix(12).joined(separator: " ") + " …" : remark
            return Row(attribute: attribute, support: support, remark: short, isRead: isRead)
        }
        let rules = rules(for: attribute)
        if let planned = rules.first(where: { $0.reason.contains("yet") }) { return row(.planned, planned.reason) }
        func isOwn(_ rule: UnsupportedAttributes.Rule) -> Bool {
            path(of: rule, on: attribute).count == attribute.keys.count - 2
        }
        let decisive = rules.first { !$0.isConditional || covers($0, attribute) || !isRead && isOwn($0) }
        if let rule = decisive {
            return row(rule.severity == .error ? .refused : .warned, rule.reason)
        }
        if let (support, remark) = reason(attribute) { return row(support, remark) }
        guard let partial = rules.first(where: isOwn) else { return row(.honoured, attribute.forms) }
        let verb = partial.severity == .error ? "refused" : "without effect"
        return row(.honoured, "some values \(verb): \(partial.reason)")
    }

    /// The rules about an attribute or about one that it is part of, the nearest first.
    private static func rules(for attribute: SchemaAttribute) -> [UnsupportedAttributes.Rule] {
        guard attribute.keys.count > 2, let own = rules.first(where: { $0.section == attribute.keys[0] }) else {
            return []
        }
        let inner = attribute.keys.dropFirst(2)
        return own.rules.filter { inner.starts(with: path(of: $0, on: attribute)) }
            .sorted { $0.path.count > $1.path.count }
    }

    /// A rule about each element of a list is about the list.
    private static func path(of rule: UnsupportedAttributes.Rule, on attribute: SchemaAttribute) -> ArraySlice<String> {
        rule.path.last == "*" && rule.path.count == attribute.keys.count - 1 ? rule.path.dropLast() : rule.path[...]
    }

    /// Whether a rule about some values of something speaks of all values that have the attribute in them.
    private static func covers(_ rule: UnsupportedAttributes.Rule, _ attribute: SchemaAttribute) -> Bool {
        let inner = attribute.keys.dropFirst(2 + rule.path.count)
        guard !inner.isEmpty, let tree = whole.tree else { return false }
        let owners = WholeProject.values(at: attribute.keys.prefix(2), in: tree)
        let verdicts = owners.flatMap { owner in
            WholeProject.values(at: rule.path[...], in: owner)
                .filter { !WholeProject.values(at: inner, in: $0).isEmpty }
                .map { rule.applies($0, owner) }
        }
        return !verdicts.isEmpty && verdicts.allSatisfy { $0 }
    }

    static var text: String {
        var text = """
            # Compose support

            What Roost does with each attribute of the Compose Specification, 353 of them with those that stand within
            others. This page is made from the loader's schema and the table of what has no effect; a test compares it
            with them, and `make docs` writes it again.

            - **honoured**: the attribute has its effect when the project runs. The remark says how it may be written.
            - **warned**: it has no effect, which a program in a container does not notice; `up` says so.
            - **refused**: it has no effect that a program could do without; `up` stops before anything is made.
            - **planned**: it is to be honoured, and until then warned about or refused.

            `config` shows all of them. Where honoured attributes differ from docker compose on purpose is told in
            [Deviations](#deviations).

            | | attributes |
            |---|--:|

            """
        for support in [Support.honoured, .warned, .refused, .planned] {
            text += "| \(support.rawValue) | \(rows.count { $0.support == support }) |\n"
        }
        for section in sections {
            text += "\n## \(section.title)\n\n| attribute | | remark |\n|---|---|---|\n"
            for row in rows where self.section(of: row.attribute) == section.title {
                text += "| `\(row.attribute.path)` | \(row.support.rawValue) | \(row.remark) |\n"
            }
        }
        return text
    }

    private static let sections: [(prefix: String, title: String)] = [
        ("services.*.build", "Build"), ("services.*.deploy", "Deploy"), ("services.*.develop", "Develop"),
        ("services.", "Services"), ("networks.", "Networks"), ("volumes.", "Volumes"), ("secrets.", "Secrets"),
        ("configs.", "Configs"), ("models.", "Models"), ("include[", "Include"), ("", "Top level"),
    ]

    private static func section(of attribute: SchemaAttribute) -> String {
        sections.first { attribute.path.hasPrefix($0.prefix) }?.title ?? ""
    }
}
