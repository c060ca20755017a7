package import YAMLComposer

/// How far a plan has come: the configuration of a base image decides what stands on it.
package enum PlanOutcome: Sendable {
    /// These images are to be resolved first, all at once; then plan again with them and those given before.
    case needs([NeededImage])
    case planned(BuildPlan)
    /// Mistakes, and warnings, in the order of the file.
    case failed([Diagnostic])
}

/// An image that a plan needs.
package struct NeededImage: Sendable {
    package var image: ExternalImage
    /// Where the file names it first.
    package var mark: SourceMark
}
