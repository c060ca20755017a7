package import OCISpec
package import YAMLComposer

/// What has to be done to build an image: steps, each of which waits only for those it names.
///
/// The filesystems come from the steps and possibly from a cache. The configuration comes from the plan alone and
/// never from a cache, so nothing that a cache holds can change how an image runs.
package struct BuildPlan: Sendable {
    /// What one FROM ends in.
    package struct Stage: Sendable {
        /// Its number in the Dockerfile, from 0.
        package var index: Int
        package var name: String?
        /// What people see before its steps: the name, or `stage-0`.
        package var label: String
        package var platform: Platform
        /// The step whose result is the stage's filesystem; nil for an empty one.
        package var filesystem: StepID?
        /// The image's configuration without layers, history and time.
        package var configuration: ImageConfiguration
        /// What became of each instruction, without that of the base image.
        package var history: [HistoryEntry]
        /// The base image, whose layers and history come first; nil for an empty base.
        package var base: ResolvedImage?
        /// The steps that make layers of their own, lowest first; those of earlier stages it builds on come first.
        package var layers: [StepID]
    }

    /// One line of an image's history.
    package struct HistoryEntry: Hashable, Sendable {
        /// The instruction with its variables replaced, as `docker history` shows it.
        package var createdBy: String
        /// The step whose layer it describes; nil when the instruction made none.
        package var step: StepID?
    }

    /// In an order in which every step comes after those it waits for.
    package var steps: [BuildStep]
    /// The stages that are needed, in the order of the file; the target is the last one.
    package var stages: [Stage]
    /// Warnings, in the order of the file.
    package var warnings: [Diagnostic]

    /// The stage that was asked for.
    package var target: Stage { stages[stages.count - 1] }
    /// The step of an identifier.
    package subscript(id: StepID) -> BuildStep { steps[id.rawValue] }
}

/// The number of a step in its plan, from 0.
package struct StepID: RawRepresentable, Hashable, Sendable, Comparable, CustomStringConvertible {
    package let rawValue: Int

    /// A step by its number.
    package init(rawValue: Int) { self.rawValue = rawValue }

    /// In the order of the plan.
    package static func < (left: StepID, right: StepID) -> Bool { left.rawValue < right.rawValue }
    /// The form `#3`.
    package var description: String { "#\(rawValue)" }
}

/// An image that a Dockerfile refers to.
package struct ExternalImage: Hashable, Sendable {
    /// As the Dockerfile or a named context has it, variables replaced: `alpine:3`, `rootfs:/`.
    package var reference: String
    package var platform: Platform
}

/// What is known of an image before its layers are there.
package struct ResolvedImage: Hashable, Sendable {
    package var image: ExternalImage
    /// The digest of its manifest or configuration, whichever identifies it.
    package var digest: ContentDigest
    package var configuration: ImageConfiguration
    /// What its filesystem is known by in the cache: equal for equal content.
    package var filesystemKey: ContentDigest

    /// An image with its configuration; without `filesystemKey`, its filesystem is known by its layers' digests.
    package init(
        image: ExternalImage,
        digest: ContentDigest,
        configuration: ImageConfiguration,
        filesystemKey: ContentDigest? = nil
    ) {
        self.image = image
        self.digest = digest
        self.configuration = configuration
        self.filesystemKey = filesystemKey ?? digest
    }
}
