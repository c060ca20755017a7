import Crypto
import FoundationEssentials
package import OCISpec

/// What a step takes beside its base; what it is has to be known before the step's key is.
package enum BuildInput: Hashable, Sendable {
    /// Files of another step's result.
    case files(FileSelection)
    /// What an address has; a known checksum is part of the step already.
    case download(url: String)
    /// A commit of a repository.
    case repository(url: String)

    /// What is known of an input.
    package enum Identity: Hashable, Sendable {
        /// A digest over paths, modes, owners and content of the files taken, of a download, or a commit; no times.
        case content(String)
        /// The result of the source step as a whole: known without looking at files, but changes more often.
        case result(String)
    }
}

/// What a step's layer is known by in the cache: two steps with one key make the same layer.
///
/// Everything that a step sees is in it but the values of secrets and what predefined arguments such as `HTTP_PROXY` say.
/// Comments, places in files and times are not.
package enum CacheKey {
    /// Changes when steps with the same key would make other layers than before.
    private static let version = "1"

    /// The key as 64 hexadecimal digits.
    ///
    /// `base` is the identity of the filesystem that the step starts from, nil for an empty one; `inputs` are those of
    /// `step.inputs`, in their order. The layer of `COPY --link` does not depend on its base, and so its key does not;
    /// whoever starts from the step's result needs both.
    package static func of(_ step: BuildStep, base: String?, inputs: [BuildInput.Identity]) -> String {
        var text = CanonicalText()
        text.add("roost", version)
        if !step.isIndependentOfBase { text.add("base", base ?? "") }
        step.operation.describe(&text)
        for input in inputs {
            switch input {
            case .content(let digest): text.add("content", digest)
            case .result(let identity): text.add("result", identity)
            }
        }
        return text.digest
    }

    /// The identity of an image as a whole: its layers in order, and its configuration with all that it says.
    ///
    /// Whoever keeps images by the steps that made them uses this, never a step's key.
    package static func ofImage(
        layers: [String],
        configuration: ImageConfiguration,
        history: [String]
    ) throws -> String {
        var text = CanonicalText()
        text.add("roost image", version)
        for layer in layers { text.add("layer", layer) }
        for line in history { text.add("history", line) }
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        text.add("configuration", String(decoding: try encoder.encode(configuration), as: UTF8.self))
        return text.digest
    }
}

/// Names and values in a form in which different lists never look the same.
struct CanonicalText {
    private var hash = SHA256()

    mutating func add(_ name: String, _ value: String) {
        hash.update(data: Array("\(name.utf8.count):\(name)\(value.utf8.count):\(value)".utf8))
    }

    mutating func add(_ name: String, _ values: [String]) {
        add(name, "\(values.count)")
        for value in values { add(name, value) }
    }

    mutating func add(_ name: String, _ value: String?) {
        if let value { add(name, [value]) } else { add(name, [String]()) }
    }

    mutating func add(_ name: String, _ value: Bool) { add(name, value ? "yes" : "no") }

    /// 64 hexadecimal digits.
    var digest: String {
        let digits = Array("0123456789abcdef".utf8)
        return String(
            decoding: hash.finalize().flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] },
            as: UTF8.self
        )
    }
}

extension BuildStep {
    /// What the key needs to know of, in the order in which the instruction has it.
    package var inputs: [BuildInput] {
        switch operation {
        case .image, .context, .directory: []
        case .run(let run):
            run.mounts.compactMap { mount in
                switch mount.kind {
                case .bind(let bind): .files(bind.selection)
                case .cache(let cache): cache.seedSelection.map { .files($0) }
                case .tmpfs, .secret, .ssh: nil
                }
            }
        case .copy(let copy):
            copy.sources.compactMap { source in
                switch source {
                case .files(let selection): .files(selection)
                case .text: nil
                case .download(let url, let checksum): checksum == nil ? .download(url: url) : nil
                case .git(let url, _, _, _): .repository(url: url)
                }
            }
        }
    }

    /// Whether the layer is the same whatever it is put on: `COPY --link` without names of users.
    package var isIndependentOfBase: Bool {
        guard case .copy(let copy) = operation, copy.isLinked else { return false }
        return copy.owner?.utf8.allSatisfy { (0x30...0x3A).contains($0) } ?? true
    }
}

extension RunOperation.Bind {
    /// The files as a selection.
    package var selection: FileSelection {
        FileSelection(
            source: source,
            base: "",
            pattern: path,
            wildcards: .none,
            excludes: [],
            honoursIgnoreFile: honoursIgnoreFile
        )
    }
}

extension RunOperation.Cache {
    /// The files that a new cache starts with; nil for none.
    package var seedSelection: FileSelection? {
        seed.map {
            FileSelection(
                source: $0,
                base: "",
                pattern: seedPath,
                wildcards: .none,
                excludes: [],
                honoursIgnoreFile: false
            )
        }
    }
}

extension BuildStep.Operation {
    fileprivate func describe(_ text: inout CanonicalText) {
        switch self {
        case .image(let image): text.add("image", image.filesystemKey.rawValue)
        case .context(.main): text.add("context", "")
        case .context(.named(let name, _)): text.add("context", name)
        case .run(let run): run.describe(&text)
        case .copy(let copy): copy.describe(&text)
        case .directory(let directory):
            text.add("directory", directory.path)
            text.add("owner", directory.owner)
        }
    }
}

extension RunOperation {
    fileprivate func describe(_ text: inout CanonicalText) {
        text.add("run", arguments)
        text.add("environment", environment)
        text.add("directory", workingDirectory)
        text.add("user", user)
        text.add("network", network.rawValue)
        text.add("security", security.rawValue)
        text.add("script", script.map { [$0.path, $0.content] } ?? [])
        if let hostname { text.add("hostname", hostname) }
        for mount in mounts {
            text.add("mount", mount.target)
            mount.kind.describe(&text)
        }
    }
}

extension RunOperation.Mount.Kind {
    fileprivate func describe(_ text: inout CanonicalText) {
        switch self {
        case .bind(let bind):
            text.add("bind", bind.path)
            text.add("writable", bind.isWritable)
        case .cache(let cache):
            text.add("cache", [cache.id, cache.sharing.rawValue, cache.seedPath])
            text.add("seeded", cache.seed != nil)
            text.add("read-only", cache.isReadOnly)
            text.add("owner", ["\(cache.mode)", "\(cache.uid)", "\(cache.gid)"])
        case .tmpfs(let size): text.add("tmpfs", size.map { "\($0)" })
        case .secret(let secret):
            text.add("secret", secret.id)
            text.add("required", secret.isRequired)
            text.add("variable", secret.variable)
            text.add("owner", ["\(secret.mode)", "\(secret.uid)", "\(secret.gid)"])
        case .ssh(let agent):
            text.add("ssh", agent.id)
            text.add("required", agent.isRequired)
            text.add("owner", ["\(agent.mode)", "\(agent.uid)", "\(agent.gid)"])
        }
    }
}

extension CopyOperation {
    fileprivate func describe(_ text: inout CanonicalText) {
        text.add("copy", destination)
        text.add("into", isIntoDirectory)
        text.add("owner", owner)
        text.add("mode", mode?.description)
        text.add("parents", keepsParents)
        text.add("link", isLinked)
        text.add("unpacking", "\(unpacking)")
        for source in sources {
            switch source {
            case .files(let files):
                // Which files these are decides where they go, even when their content is the same.
                text.add("files", [files.base, files.pattern, "\(files.wildcards)"])
                text.add("excludes", files.excludes)
            case .text(let name, let content): text.add("text", [name, content])
            case .download(let url, let checksum):
                text.add("download", url)
                text.add("checksum", checksum?.rawValue)
            case .git(let url, let commit, let keepsGitDirectory, let excludes):
                text.add("git", url)
                text.add("commit", commit)
                text.add("keeps", keepsGitDirectory)
                if !excludes.isEmpty { text.add("excludes", excludes) }
            }
        }
    }
}
