import ArgumentParser
import ComposeModel
import ImageStore
import OCISpec
import Orchestrator
import Supervisor
import TerminalOutput

/// What commands about images share.
enum ImageSelection {
    /// The store, with limits that make sense.
    static func store() throws -> ImageStore {
        let roots = ProjectReading.roots
        _ = try ImportLimits(changes: roots.imageLimits)
        return roots.images
    }

    /// What uses each image, by the image's ID: containers of projects, whether or not they run, and any others.
    static func users(_ store: ImageStore) throws -> [String: String] {
        var users = Dictionary(
            uniqueKeysWithValues: try store.imagesInUse().map { ($0.key.rawValue, "container \($0.value.prefix(12))") }
        )
        for directory in ProjectDirectory.all(below: ProjectReading.roots) {
            let images = ProjectImages(directory)
            for container in try directory.state().containers {
                guard let definition = try images.definition(of: container) else { continue }
                users[definition.imageID] = "container \(container.name)"
                for mount in definition.service.mounts {
                    guard case .image(let source, _) = mount.kind,
                        let reference = try? ImageReference(source, projectDirectory: definition.project.directory),
                        case .name = reference, let image = try? store.image(meant: source)
                    else { continue }
                    users[image.id.rawValue] = "container \(container.name)"
                }
            }
        }
        return users
    }

    /// A name in two parts, as docker shows them.
    static func parts(_ name: String) -> (repository: String, tag: String) {
        let short = ImageArchiveWriter.familiar(name)
        guard let colon = short.lastIndex(of: ":"), !short[colon...].contains("/") else { return (short, "<none>") }
        return (String(short[..<colon]), String(short[short.index(after: colon)...]))
    }

    /// How long ago an image was made, in words.
    static func age(_ image: StoredImage) -> String {
        guard let created = image.created else { return "N/A" }
        return "\((WallTime.now - created).inWords) ago"
    }

    /// What a row has as `ID`.
    static func id(_ row: OutputRow) -> String {
        if case .text(let id)? = row["ID"] { return id }
        return ""
    }

    /// The first digits of a digest.
    static func short(_ digest: ContentDigest) -> String { String(digest.hexadecimal.prefix(12)) }
}

extension StoredImage {
    /// When it was made; nil when it does not say.
    var created: WallTime? { configuration.created.flatMap { Timestamp.moment($0) } }
}

/// The conditions of `--filter` about images.
struct ImageFilter {
    private var conditions: [(key: String, value: String)] = []

    /// Reads `KEY=VALUE` texts; throws what the keys are.
    init(_ texts: [String], allowing keys: [String]) throws {
        for text in texts {
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2, keys.contains(parts[0]) else {
                throw UserError("--filter takes KEY=VALUE with one of the keys \(keys.joined(separator: ", "))")
            }
            conditions.append((parts[0], parts[1]))
        }
        if let until = self["until"], TimeArgument.moment(until, now: WallTime.now) == nil {
            throw UserError("--filter until takes a moment or a span as in 24h, not \"\(until)\"")
        }
    }

    /// The value of a key that may be given once.
    subscript(key: String) -> String? { conditions.last { $0.key == key }?.value }

    /// The images that meet all conditions but `dangling` and `reference`.
    func apply(to images: [StoredImage]) throws -> [StoredImage] {
        var bounds: [String: WallTime] = [:]
        for key in ["before", "since"] {
            guard let text = self[key] else { continue }
            bounds[key] = try ImageStore.choose(text, of: images).created
        }
        bounds["until"] = self["until"].flatMap { TimeArgument.moment($0, now: WallTime.now) }
        return images.filter { image in
            let created = image.created ?? WallTime(nanoseconds: 0)
            for key in ["before", "until"] { if let bound = bounds[key], created >= bound { return false } }
            if let bound = bounds["since"], created <= bound { return false }
            let labels = image.configuration.config?.labels ?? [:]
            return conditions.allSatisfy { key, value in
                switch key {
                case "label": Self.has(labels, value)
                case "label!": !Self.has(labels, value)
                default: true
                }
            }
        }
    }

    private static func has(_ labels: [String: String], _ text: String) -> Bool {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard let value = labels[parts[0]] else { return false }
        return parts.count == 1 || parts[1] == value
    }

    /// Whether a name meets all conditions on names: `reference` with `*` and `?` as in a shell.
    func accepts(name: String) -> Bool {
        conditions.allSatisfy { key, value in
            guard key == "reference" else { return true }
            let short = ImageArchiveWriter.familiar(name)
            let repository = ImageSelection.parts(name).repository
            return [name, short, repository].contains { Glob.matches(value[...], $0[...]) }
        }
    }
}

/// Patterns with `*` and `?`, neither of which stands for a slash.
enum Glob {
    static func matches(_ pattern: Substring, _ text: Substring) -> Bool {
        guard let first = pattern.first else { return text.isEmpty }
        if first == "*" {
            var rest = text
            while true {
                if matches(pattern.dropFirst(), rest) { return true }
                guard let next = rest.popFirst(), next != "/" else { return false }
            }
        }
        guard let next = text.first, first == next || (first == "?" && next != "/") else { return false }
        return matches(pattern.dropFirst(), text.dropFirst())
    }
}

/// A question before something is removed.
enum Confirmation {
    /// Ends the command when the answer is no.
    static func ask(_ warning: String) throws {
        ProcessContext.writeError(warning + "\nAre you sure you want to continue? [y/N] ")
        guard ["y", "yes"].contains(readLine()?.lowercased()) else { throw ExitCode.failure }
    }

    /// Asks unless that is forced, removes what nobody uses, and shows what went and how much room that makes.
    static func prune(
        isForced: Bool,
        _ warning: String,
        _ removal: () throws -> (text: String, bytes: Int64)
    ) throws {
        try ProjectReading.reporting {
            if !isForced { try ask(warning) }
            let removed = try removal()
            ProcessContext.writeOutput(removed.text)
            showReclaimed(removed.bytes)
        }
    }

    /// Shows how much room there is now that was not there before.
    static func showReclaimed(_ bytes: Int64) {
        ProcessContext.writeOutput("Total reclaimed space: \(Amount.decimal(UInt64(bytes)))\n")
    }
}
