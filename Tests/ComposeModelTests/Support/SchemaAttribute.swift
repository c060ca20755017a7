@testable import ComposeModel

/// An attribute that the loader's schema knows.
struct SchemaAttribute {
    /// The way to it, as the specification's list has it: `services.*.ports[].name`.
    var path: String
    /// The keys to it, `*` for any name or element, as rules have them: `services`, `*`, `ports`, `*`, `name`.
    var keys: [String]
    /// What it holds.
    var shape: Shape

    /// All attributes, those within others too, in the order of their paths.
    static let all: [SchemaAttribute] = attributes(of: .object(Schema.project), SchemaAttribute(path: "", keys: []))
        .sorted { $0.path < $1.path }

    private init(path: String, keys: [String], shape: Shape = .any) {
        self.path = path
        self.keys = keys
        self.shape = shape
    }

    /// The attributes below one; a mapping with free keys and single values has none.
    private static func attributes(of shape: Shape, _ outer: SchemaAttribute) -> [SchemaAttribute] {
        switch shape {
        case .object(let object):
            return object.attributes.flatMap { key, inner in
                let path = outer.path.isEmpty ? key : "\(outer.path).\(key)"
                let attribute = SchemaAttribute(path: path, keys: outer.keys + [key], shape: inner)
                return [attribute] + attributes(of: inner, attribute)
            }
        case .list(let inner, _):
            return attributes(of: inner, SchemaAttribute(path: outer.path + "[]", keys: outer.keys + ["*"]))
        case .map(let inner):
            return attributes(of: inner, SchemaAttribute(path: outer.path + ".*", keys: outer.keys + ["*"]))
        case .shorthand(_, let long): return attributes(of: long, outer)
        case .scalar, .any: return []
        }
    }

    /// What may be written beside the long form, in a few words.
    var forms: String {
        switch shape {
        case .scalar(let scalar) where !scalar.words.isEmpty: scalar.words.joined(separator: ", ")
        case .shorthand(let shorthand, _): Self.forms(shorthand)
        case .scalar, .list, .map, .object, .any: ""
        }
    }

    private static func forms(_ shorthand: Shorthand) -> String {
        switch shorthand {
        case .single, .lateSingle: "one text, or a list"
        case .pairs, .assignments: "mapping, or list of KEY=value"
        case .sshKeys: "mapping, or list of KEY=value or default"
        case .hosts: "list of host=address, or mapping"
        case .names: "list of names, or mapping"
        case .command: "list, or text split as by a shell"
        case .healthTest: "list, or text for the shell"
        case .attribute(let key): "mapping, or text for \(key)"
        case .port: "mapping, or [[address:]published:]target[/protocol]"
        case .mount: "mapping, or [source:]target[:options]"
        case .device: "mapping, or source[:target[:permissions]]"
        case .environmentFiles: "one path, or a list of paths or mappings"
        case .gpus: "list, or all"
        case .limit: "soft and hard, or one number"
        case .external: "true or false"
        }
    }
}
