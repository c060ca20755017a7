package import ComposeModel
package import YAMLComposer

/// Everything that a container is made from: one service of a project, with what it uses, and its image.
///
/// It is stored as text under its digest, so a container can be started again whatever became of the project's files.
package struct ServiceDefinition: Sendable {
    /// Distinguishes definitions; also the name of the file.
    package let digest: String
    /// The canonical form that the digest is of, to tell later what changed.
    package let form: String
    /// The project, with this service alone.
    package let project: Project
    /// The service.
    package let service: Service
    /// The image that its name meant when the definition was made.
    package let imageID: String
    /// What is stored.
    package let text: String

    /// The definition of the service `name` in a canonical tree; nil when the tree has no such service.
    ///
    /// `contents` holds digests of what secrets and configs hold, by `secrets.key` and `configs.key`.
    package init?(
        of name: String,
        in tree: YAMLNode,
        directory: String,
        imageID: String,
        contents: [String: String] = [:]
    ) {
        guard let service = tree["services"]?.mapping?.entry(name) else { return nil }
        var own = tree
        own.set("services", .mapping(YAMLMapping([service])))
        guard let digest = ServiceDigest(of: name, in: own, contents: contents.merging(["image": imageID]) { $1 })
        else { return nil }
        var record = tree.with(.mapping(YAMLMapping()))
        record.set("form", .string(digest.form))
        record.set("image", .string(imageID))
        record.set("directory", .string(directory))
        record.set("project", own.content)
        // The image is no part of the form, but makes another container all the same.
        self.init(record, digest: "\(digest)".prefix(32) + imageID.stableHash)
    }

    /// Reads a definition that was stored under `digest`; nil when it is not one.
    package init?(text: String, digest: String) {
        let source = SourceFile(name: "definition \(digest.prefix(12))", bytes: Array(text.utf8))
        guard let record = try? JSONReader.read(source) else { return nil }
        self.init(record, digest: digest)
    }

    private init?(_ record: YAMLNode, digest: some StringProtocol) {
        guard let form = record["form"]?.string, let image = record["image"]?.string,
            let directory = record["directory"]?.string, let tree = record["project"],
            let project = Project(tree: tree, directory: directory, diagnostics: DiagnosticCollector()),
            let service = project.services.first
        else { return nil }
        self.digest = String(digest)
        self.form = form
        self.project = project
        self.service = service
        imageID = image
        text = JSONPrinter.print(record)
    }
}

extension String {
    /// FNV-1a of the text in hexadecimal: the same in every process, for names that are not chosen by an enemy.
    var stableHash: String {
        let hash = utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        return String(hash, radix: 16)
    }
}
