package import OCISpec
package import YAMLComposer

/// One thing to do, whose result is a filesystem that others start from or take files from.
package struct BuildStep: Sendable, Identifiable {
    /// What is done.
    package enum Operation: Hashable, Sendable {
        /// An image's layers are made available.
        case image(ResolvedImage)
        /// A directory or repository is made available to be copied from.
        case context(BuildContext)
        /// A command runs above `base`.
        case run(RunOperation)
        /// Files are put above `base`.
        case copy(CopyOperation)
        /// A directory is made above `base` unless it is there: WORKDIR.
        case directory(DirectoryOperation)
    }

    package var id: StepID
    /// The number of its stage in the Dockerfile; nil for images and contexts, which stages share.
    package var stage: Int?
    /// What stands before it in progress: `[build 3/7]`; `[context]` and `[image]` for those without a stage.
    package var label: String
    /// The instruction with its variables replaced, in one line.
    package var title: String
    /// Where the instruction stands; nil for what stands in no file.
    package var mark: SourceMark?
    /// The step whose filesystem it starts from; nil for an empty one.
    package var base: StepID?
    package var operation: Operation
    /// Whether a result in the cache is taken: no for `--no-cache`.
    package var mayUseCache: Bool
    /// The steps it waits for: its base and those it takes files from, in order, each once.
    package var dependencies: [StepID]
}

/// Where files come from that are no image and no stage.
package enum BuildContext: Hashable, Sendable {
    /// The directory or repository that is built.
    case main
    /// Another one under its name.
    case named(String, BuildOptions.NamedContext)
}

/// Files of a step's result, an image or a context; the digest over them is part of the key of who takes them.
package struct FileSelection: Hashable, Sendable {
    /// What characters like "*" mean.
    package enum Wildcards: Hashable, Sendable {
        /// Themselves: sources of mounts.
        case none
        /// Any text between two "/": `PathPattern` for each part of the path. Sources of COPY and ADD.
        case withinParts
        /// The same, and "**" any number of directories: sources of `COPY --parents`.
        case acrossParts
    }

    /// The step that holds them.
    package var source: StepID
    /// The directory in which `pattern` begins, relative to the source's root, cleaned; "" for the root.
    package var base: String
    /// A path relative to `base`, cleaned, without "/" before; "" is `base` itself.
    package var pattern: String
    package var wildcards: Wildcards
    /// Patterns as in `.dockerignore` of what is left out.
    ///
    /// They are relative to a directory that `pattern` names, with `--parents` to `base`; of a file, the name counts.
    package var excludes: [String]
    /// Whether `.dockerignore` counts: only for contexts.
    package var honoursIgnoreFile: Bool
}

/// A RUN with everything it needs, variables replaced.
package struct RunOperation: Hashable, Sendable {
    /// A text of the Dockerfile that runs as a program: a heredoc that begins with "#!".
    package struct Script: Hashable, Sendable {
        /// Where it lies for the time of the step, read-only and executable.
        package var path: String
        package var content: String
    }

    /// A file or directory that is there only while the command runs.
    package struct Mount: Hashable, Sendable {
        package enum Kind: Hashable, Sendable {
            case bind(Bind)
            case cache(Cache)
            /// In bytes; nil for no bound of its own.
            case tmpfs(size: Int64?)
            case secret(Secret)
            case ssh(Agent)
        }

        /// Absolute, cleaned; nil for a secret that is only a variable.
        package var target: String?
        package var kind: Kind
        package var position: Dockerfile.Position
    }

    /// Files of a context, a stage or an image.
    package struct Bind: Hashable, Sendable {
        package var source: StepID
        /// Relative to the source's root, cleaned; "" for all of it.
        package var path: String
        /// Whether it may be written to; what is written is thrown away.
        package var isWritable: Bool
        /// Whether `.dockerignore` counts.
        package var honoursIgnoreFile: Bool
    }

    /// A directory that lasts from build to build.
    package struct Cache: Hashable, Sendable {
        package enum Sharing: String, Hashable, Sendable, CaseIterable { case shared, `private`, locked }

        package var id: String
        package var sharing: Sharing
        package var isReadOnly: Bool
        /// What a new one starts with; nil for an empty directory.
        package var seed: StepID?
        /// The directory in the seed, relative to its root, cleaned.
        package var seedPath: String
        package var mode: UInt32
        package var uid: UInt32
        package var gid: UInt32
    }

    /// A secret of the caller's.
    package struct Secret: Hashable, Sendable {
        package var id: String
        /// Whether the step fails without it.
        package var isRequired: Bool
        /// The variable that holds it; nil for a file alone.
        package var variable: String?
        package var mode: UInt32
        package var uid: UInt32
        package var gid: UInt32
    }

    /// A socket of an SSH agent; `SSH_AUTH_SOCK` names it.
    package struct Agent: Hashable, Sendable {
        package var id: String
        package var isRequired: Bool
        package var mode: UInt32
        package var uid: UInt32
        package var gid: UInt32
    }

    package var arguments: [String]
    /// `NAME=value`: the stage's variables and arguments, each name once.
    package var environment: [String]
    /// `NAME=value`: predefined arguments such as `HTTP_PROXY`, which no key has.
    package var unkeyedEnvironment: [String]
    /// Absolute.
    package var workingDirectory: String
    /// As USER has it, to be looked up in the filesystem; nil for root.
    package var user: String?
    package var network: Instruction.RunNetwork
    package var security: Instruction.RunSecurity
    package var mounts: [Mount]
    package var script: Script?
    /// What the host is called; nil for the usual.
    package var hostname: String?
}

/// A COPY or ADD with everything it needs, variables replaced.
package struct CopyOperation: Hashable, Sendable {
    package enum Source: Hashable, Sendable {
        /// Files of a context, a stage or an image: one source as it was written.
        case files(FileSelection)
        /// A text of the Dockerfile under a name.
        case text(name: String, content: String)
        /// A file by HTTP, whose content the executor names by digest before the key is known.
        case download(url: String, checksum: ContentDigest?)
        /// A repository, whose commit the executor names before the key is known.
        ///
        /// `commit` is what it has to begin with; `excludes` are patterns of what is left out.
        case git(url: String, commit: String?, keepsGitDirectory: Bool, excludes: [String])
    }

    package enum Unpacking: Hashable, Sendable {
        /// COPY: archives are files.
        case never
        /// ADD: archives of contexts are unpacked, downloaded ones are not.
        case local
        /// ADD --unpack.
        case always
    }

    package var sources: [Source]
    /// Absolute, cleaned, without the "/" at the end.
    package var destination: String
    /// Whether the destination is a directory for certain: it ended with "/", or there are several sources.
    package var isIntoDirectory: Bool
    /// `USER[:GROUP]`, to be looked up in the filesystem of `base`; nil for 0:0.
    package var owner: String?
    package var mode: ModeChange?
    /// Whether directories of the sources are kept: `--parents`.
    package var keepsParents: Bool
    /// Whether the layer stands for itself: `--link`.
    package var isLinked: Bool
    package var unpacking: Unpacking
}

/// A directory that is made unless it is there.
package struct DirectoryOperation: Hashable, Sendable {
    /// Absolute, cleaned.
    package var path: String
    /// As USER has it, whom a new directory belongs to: nil for root.
    package var owner: String?
}
