import OCISpec
import Testing
import YAMLComposer

@testable import ImageBuilder

/// The plan of a text, with images that all have the same digest.
func plan(
    _ text: String,
    _ change: (inout BuildOptions) -> Void = { _ in },
    images: [String: ImageConfiguration] = [:],
    ignoring: [String] = []
) throws -> BuildPlan {
    switch try outcome(text, change, images: images, ignoring: ignoring) {
    case .planned(let plan): return plan
    case .needs(let images): throw PlanFailure(text: "needs \(images)")
    case .failed(let diagnostics): throw PlanFailure(text: DiagnosticRenderer().render(diagnostics))
    }
}

/// How a text fares, whose images are those given or say nothing.
func outcome(
    _ text: String,
    _ change: (inout BuildOptions) -> Void = { _ in },
    images: [String: ImageConfiguration] = [:],
    ignoring: [String] = []
) throws -> PlanOutcome {
    var options = BuildOptions()
    options.platform = Platform(os: "linux", architecture: "amd64")
    options.buildPlatform = options.platform
    change(&options)
    let planner = BuildPlanner(file(text), options: options, ignoreRules: try IgnoreRules(ignoring))
    var known: [ExternalImage: ResolvedImage] = [:]
    for _ in 0..<5 {
        guard case .needs(let needed) = planner.plan(known) else { return planner.plan(known) }
        for image in needed.map(\.image) { known[image] = resolved(image, images[image.reference]) }
    }
    return planner.plan(known)
}

/// The digest of every image here.
private let onlyDigest = ContentDigest(bytes: Array(repeating: 0x11, count: 32)) ?? unreachableDigest()

private func unreachableDigest() -> ContentDigest { preconditionFailure("32 bytes are a digest") }

/// What is known of an image that has a configuration, or says nothing.
func resolved(_ image: ExternalImage, _ configuration: ImageConfiguration? = nil) -> ResolvedImage {
    ResolvedImage(
        image: image,
        digest: onlyDigest,
        configuration: configuration ?? ImageConfiguration()
    )
}

/// What is wrong with a text when it is planned.
func planMistakes(
    _ text: String,
    _ change: (inout BuildOptions) -> Void = { _ in },
    images: [String: ImageConfiguration] = [:]
) throws -> String {
    switch try outcome(text, change, images: images) {
    case .failed(let diagnostics): DiagnosticRenderer().render(diagnostics)
    case .planned(let plan): "planned\n" + DiagnosticRenderer().render(plan.warnings)
    case .needs(let images): "needs \(images)"
    }
}

struct PlanFailure: Error { var text: String }
