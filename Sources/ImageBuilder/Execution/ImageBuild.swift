import FoundationEssentials
import Glibc
package import ImageStore
import LinuxSystem
package import OCISpec
package import YAMLComposer

/// Where the images come from that a build stands on.
package protocol BaseImageSource: Sendable {
    /// The image, with its layers unpacked; a reference in the form of `image:`.
    func image(_ reference: String, _ platform: Platform) throws -> Image
}

/// One image to be built.
package struct ImageBuild: Sendable {
    /// Plans with the images that are known so far.
    package typealias Planning = @Sendable ([ExternalImage: ResolvedImage]) -> PlanOutcome

    package var planning: Planning
    package var settings: BuildSettings
    /// The directory that is built; nil for none.
    package var contextDirectory: String?
    /// What `.dockerignore` leaves out of it.
    package var ignored: IgnoreRules
    /// The full names of the image.
    package var names: [String]

    /// A build of a directory.
    package init(
        contextDirectory: String?,
        ignored: IgnoreRules,
        settings: BuildSettings,
        names: [String],
        planning: @escaping Planning
    ) {
        self.contextDirectory = contextDirectory
        self.ignored = ignored
        self.settings = settings
        self.names = names
        self.planning = planning
    }

    /// What a build ends in.
    package struct Outcome: Sendable {
        /// The digest of the configuration.
        package var id: ContentDigest
        /// How many of its own layers the image has.
        package var layers: Int
        /// What is worth a look in the Dockerfile.
        package var warnings: [Diagnostic]
    }

    /// Mistakes in a Dockerfile.
    package struct Mistakes: Error, Sendable {
        package var diagnostics: [Diagnostic]

        /// At least one.
        package init(diagnostics: [Diagnostic]) { self.diagnostics = diagnostics }
    }

    /// Builds the image, and puts it into the store under its names.
    ///
    /// Blocks. Throws `BuildError`, and `Mistakes` of the Dockerfile.
    package func run(
        _ shared: BuilderResources,
        images source: any BaseImageSource,
        _ reporter: any BuildReporter
    ) throws -> Outcome {
        let (plan, images) = try self.plan(source)
        let context = (contextDirectory, ignored)
        let settings = settings
        let execution = try BuildExecution(
            .init(plan: plan, settings: settings, images: images) { wanted in
                if case .named(let name, let source) = wanted,
                    let path = try shared.fetch(source, as: settings)
                {
                    return SourceTree(try Self.directory(path), isContext: true, subject: "the context \(name)")
                }
                return try Self.open(wanted, main: context.0, ignoring: context.1)
            },
            shared,
            reporter
        )
        let layers = try execution.perform()
        let parts = layers.filter { !$0.layer.isEmpty }
        let built = BuiltImage(
            base: base(of: plan, images),
            layers: try parts.compactMap { part in
                try part.layer.part(blob: part.blob) { try shared.unpack($0) }
            },
            configuration: try configuration(of: plan, execution),
            names: names
        )
        for part in parts { try part.layer.recordLayer() }
        let id: ContentDigest
        do { id = try shared.store.commit(built) } catch { throw BuildError(.system, "\(error)") }
        if parts.contains(where: { $0.blob != nil }) {
            for layer in execution.allLayers { try layer.recordDurability() }
        }
        try execution.exportCache()
        return Outcome(id: id, layers: parts.count, warnings: plan.warnings)
    }

    /// Plans the build, and says what is worth a look in the Dockerfile.
    package func check(images source: any BaseImageSource) throws -> [Diagnostic] { try plan(source).0.warnings }

    // MARK: planning

    private func plan(_ source: any BaseImageSource) throws -> (BuildPlan, [ExternalImage: BaseFilesystem]) {
        var resolved: [ExternalImage: ResolvedImage] = [:]
        var images: [ExternalImage: BaseFilesystem] = [:]
        // Every turn resolves images, of which a Dockerfile names no endless number.
        for _ in 0..<100 {
            switch planning(resolved) {
            case .planned(let plan): return (plan, images)
            case .failed(let diagnostics): throw Mistakes(diagnostics: diagnostics)
            case .needs(let wanted):
                for needed in wanted {
                    let external = needed.image
                    let image: Image
                    do { image = try source.image(external.reference, external.platform) } catch {
                        throw BuildError(.notFound, "\(error)", at: needed.mark)
                    }
                    let known = Self.resolved(external, image)
                    resolved[external] = known
                    images[external] = BaseFilesystem(image, key: String(known.filesystemKey.hexadecimal))
                }
            }
        }
        throw BuildError(.tooLarge, "the Dockerfile needs more and more images")
    }

    private static func resolved(_ external: ExternalImage, _ image: Image) -> ResolvedImage {
        var text = CanonicalText()
        for diffID in image.diffIDs { text.add("layer", diffID.rawValue) }
        // A directory is known by its place alone: what it holds can change at any time.
        if let directory = image.directory { text.add("directory", directory) }
        guard let key = ContentDigest(hexadecimal: text.digest) else { preconditionFailure("64 digits") }
        return ResolvedImage(
            image: external,
            digest: image.manifestDigest ?? key,
            configuration: image.configuration,
            filesystemKey: key
        )
    }

    private static func open(
        _ context: BuildContext,
        main: String?,
        ignoring ignored: IgnoreRules
    ) throws -> SourceTree {
        switch context {
        case .main:
            guard let main else { throw BuildError(.notFound, "the build has no context to copy files from") }
            return SourceTree(try directory(main), ignoring: ignored, isContext: true, subject: "the context \(main)")
        case .named(let name, .directory(let path)):
            return SourceTree(try directory(path), isContext: true, subject: "the context \(name)")
        case .named(let name, let other):
            throw BuildError(.unsupported, "the context \(name) is \(other), which roost can't build from yet")
        }
    }

    private static func directory(_ path: String) throws -> OwnedDescriptor {
        do throws(SyscallError) { return try OwnedDescriptor.directory(path) } catch {
            throw BuildError(.notFound, "the context \(path): \(error)")
        }
    }

    // MARK: the image

    private func base(of plan: BuildPlan, _ images: [ExternalImage: BaseFilesystem]) -> BuiltImage.Base {
        guard let base = plan.target.base, let image = images[base.image]?.image else { return .scratch }
        if let digest = image.manifestDigest { return .image(digest) }
        return image.directory.map { .directory($0) } ?? .scratch
    }

    private func configuration(of plan: BuildPlan, _ execution: BuildExecution) throws -> ImageConfiguration {
        let target = plan.target
        var configuration = target.configuration
        var history = target.base?.configuration.history ?? []
        var latest = target.base?.configuration.created ?? Timestamp.text(nanoseconds: 0)
        for entry in target.history {
            var isEmpty = true
            if let step = entry.step, let layer = execution.result(step)?.layers.last {
                isEmpty = layer.isEmpty
                latest = max(latest, Timestamp.text(nanoseconds: layer.snapshot.created))
            }
            let created = settings.latestTime.map { Timestamp.text(nanoseconds: $0 * 1_000_000_000) } ?? latest
            history.append(.init(createdBy: entry.createdBy, created: created, isEmptyLayer: isEmpty, comment: "roost"))
        }
        configuration.history = history
        configuration.created = settings.latestTime.map { Timestamp.text(nanoseconds: $0 * 1_000_000_000) } ?? latest
        return configuration
    }
}
