import ArgumentParser
import FoundationEssentials
import ImageStore
import OCISpec
import Supervisor
import TerminalOutput

extension ImageCommands {
    /// `roost image inspect`.
    struct Inspect: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show everything about images, as JSON.")

        @Option(name: .shortAndLong, help: "The form of the output: json, or a template: {{.Config.Cmd}}.")
        var format = ""
        @Option(help: "The platform that the image has to be for.") var platform: String?
        @Argument(help: "The images.") var images: [String]

        func run() throws { ProcessContext.writeOutput(try ProjectReading.reporting(text)) }

        private func text() throws -> String {
            let all = try ImageSelection.store().images()
            let chosen = try images.map { try ImageStore.choose($0, of: all) }
            if let platform {
                guard let wanted = Platform(platform) else {
                    throw UserError("--platform takes OS/ARCHITECTURE, not \"\(platform)\"")
                }
                for (image, text) in zip(chosen, images) {
                    guard let own = image.configuration.platform, !wanted.accepts(own) else { continue }
                    throw UserError("image \(text) is for \(own), not for \(wanted)")
                }
            }
            let objects = try chosen.map { try ImageDescription($0) }
            if format.isEmpty || format == "json" {
                let encoder = JSONEncoder()
                encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
                return String(decoding: try encoder.encode(objects.map(\.value)), as: UTF8.self) + "\n"
            }
            return try OutputRow.text(objects.map(\.row), format: format, headings: [:])
        }
    }
}

/// An image as `docker image inspect` describes it.
private struct ImageDescription {
    struct Root: Encodable {
        var type = "layers"
        var layers: [String]

        enum CodingKeys: String, CodingKey {
            case type = "Type"
            case layers = "Layers"
        }
    }

    struct Value: Encodable {
        var id: String
        var repoTags: [String]
        var repoDigests: [String]
        var comment: String
        var created: String?
        var author: String
        var config: ProcessDefaults
        var architecture: String
        var variant: String?
        var os: String
        var size: Int64
        var rootFS: Root
        var descriptor: Descriptor

        enum CodingKeys: String, CodingKey, CaseIterable {
            case id = "Id"
            case repoTags = "RepoTags"
            case repoDigests = "RepoDigests"
            case comment = "Comment"
            case created = "Created"
            case author = "Author"
            case config = "Config"
            case architecture = "Architecture"
            case variant = "Variant"
            case os = "Os"
            case size = "Size"
            case rootFS = "RootFS"
            case descriptor = "Descriptor"
        }
    }

    let value: Value
    /// All parts by name, those of `Config` and `RootFS` too: `Config.Cmd`.
    private(set) var row = OutputRow()

    init(_ image: StoredImage) throws {
        let configuration = image.configuration
        var descriptor = image.manifestDescriptor
        descriptor.annotations = nil
        value = Value(
            id: image.id.rawValue,
            repoTags: image.names.map(ImageArchiveWriter.familiar),
            repoDigests: image.repositoryDigests.map(ImageArchiveWriter.familiar),
            comment: configuration.history?.last?.comment ?? "",
            created: configuration.created,
            author: configuration.author ?? "",
            config: configuration.config ?? ProcessDefaults(),
            architecture: configuration.architecture ?? "",
            variant: configuration.variant,
            os: configuration.os ?? "",
            size: image.size,
            rootFS: Root(layers: (configuration.rootfs?.diffIDs ?? []).map(\.rawValue)),
            descriptor: descriptor
        )
        for key in Value.CodingKeys.allCases { row[key.rawValue] = .text("") }
        for name in [
            "User", "Env", "Entrypoint", "Cmd", "WorkingDir", "Labels", "StopSignal", "ExposedPorts", "Volumes",
        ] {
            row["Config.\(name)"] = .text("")
        }
        row.labels = value.config.labels ?? [:]
        let tree = try JSONDecoder().decode(JSONTree.self, from: JSONEncoder().encode(value))
        add(tree, "")
    }

    private mutating func add(_ tree: JSONTree, _ path: String) {
        guard case .object(let members) = tree else { return }
        for (name, member) in members {
            let path = path.isEmpty ? name : "\(path).\(name)"
            row[path] = member.value
            if path != "Config.Labels" { add(member, path) }
        }
    }
}

/// JSON of any shape.
private enum JSONTree: Decodable {
    case object([String: JSONTree]), array([JSONTree]), text(String), number(Int64), bool(Bool), null

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Int64.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .text(value)
        } else if let value = try? container.decode([JSONTree].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: JSONTree].self))
        }
    }

    var value: OutputRow.Value {
        switch self {
        case .text(let text): .text(text)
        case .number(let number): .number(Int(number))
        case .bool(let bool): .bool(bool)
        case .null: .text("")
        case .object, .array: .literal(json)
        }
    }

    var json: String {
        switch self {
        case .text(let text): JSONText.quoted(text)
        case .number(let number): "\(number)"
        case .bool(let bool): "\(bool)"
        case .null: "null"
        case .array(let members): "[" + members.map(\.json).joined(separator: ",") + "]"
        case .object(let members):
            "{"
                + members.sorted { $0.key < $1.key }.map { JSONText.quoted($0.key) + ":" + $0.value.json }
                .joined(separator: ",") + "}"
        }
    }
}
