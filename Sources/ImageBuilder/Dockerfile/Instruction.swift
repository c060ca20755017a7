/// An instruction of a Dockerfile with its fields; variables still stand in the words that may have them.
package enum Instruction: Hashable, Sendable {
    case from(From)
    case run(Run)
    case copy(Copy)
    case add(Add)
    case env([Pair])
    case arg([Argument])
    case label([Pair])
    case workdir(Dockerfile.Word)
    case user(Dockerfile.Word)
    /// Each a port or a range, with a protocol or without: `80`, `8000-8010/udp`.
    case expose([Dockerfile.Word])
    case volume([Dockerfile.Word])
    case cmd(CommandLine)
    case entrypoint(CommandLine)
    case healthcheck(Healthcheck)
    case stopsignal(Dockerfile.Word)
    case shell([String])
    case onbuild(Trigger)
    case maintainer(String)

    /// FROM: what a stage starts from.
    package struct From: Hashable, Sendable {
        /// An image, `scratch`, or an earlier stage.
        package var base: Dockerfile.Word
        package var platform: Dockerfile.Word?
        package var name: Dockerfile.Word?
    }

    /// What runs: by a shell or as it is.
    package enum CommandLine: Hashable, Sendable {
        /// A text for the stage's shell, with the lines of its heredocs.
        case shell(String)
        /// A program and its arguments; empty for `[]`.
        case exec([String])
    }

    /// RUN.
    package struct Run: Hashable, Sendable {
        /// The command; without the lines of `heredocs`, which `text` of the plan's step has.
        package var command: CommandLine
        package var mounts: [MountOptions]
        package var network: RunNetwork
        package var security: RunSecurity
        package var heredocs: [Dockerfile.Heredoc]
    }

    /// One `--mount` of RUN as it is written: variables may stand in any value but that of `from`.
    package struct MountOptions: Hashable, Sendable {
        /// One `key=value`; the value is nil when there is only a key.
        package struct Option: Hashable, Sendable {
            /// In lower case.
            package var key: String
            package var value: String?
            package var position: Dockerfile.Position
        }

        package var options: [Option]
        package var position: Dockerfile.Position
    }

    /// `--network` of RUN.
    package enum RunNetwork: String, Hashable, Sendable, CaseIterable {
        /// What the build has.
        case `default`
        /// Loopback alone.
        case none
        /// The host's; needs the entitlement `network.host`.
        case host
    }

    /// `--security` of RUN.
    package enum RunSecurity: String, Hashable, Sendable, CaseIterable {
        /// As containers run.
        case sandbox
        /// With all capabilities; needs the entitlement `security.insecure`.
        case insecure
    }

    /// What COPY and ADD have in common.
    package struct Transfer: Hashable, Sendable {
        /// One source: a path or URL, or a text that stands in the Dockerfile.
        package enum Source: Hashable, Sendable {
            case path(Dockerfile.Word)
            case heredoc(Dockerfile.Heredoc)
        }

        package var sources: [Source]
        package var destination: Dockerfile.Word
        package var chown: Dockerfile.Word?
        package var chmod: Dockerfile.Word?
        /// `--link`: the layer does not depend on those below.
        package var isLink: Bool
        package var excludes: [Dockerfile.Word]
    }

    /// COPY.
    package struct Copy: Hashable, Sendable {
        package var transfer: Transfer
        /// A stage, an image or a named context; nil for the main context.
        package var from: Dockerfile.Word?
        /// `--parents`: directories of the sources stay.
        package var keepsParents: Bool
    }

    /// ADD.
    package struct Add: Hashable, Sendable {
        package var transfer: Transfer
        /// `sha256:…` of what a URL has, or a commit of a git repository.
        package var checksum: Dockerfile.Word?
        /// `--keep-git-dir`; nil when it is not said.
        package var keepsGitDirectory: Bool?
        /// `--unpack`; nil when it is not said: local archives are unpacked, downloaded ones are not.
        package var unpacks: Bool?
    }

    /// A name and a value of ENV or LABEL.
    package struct Pair: Hashable, Sendable {
        package var name: Dockerfile.Word
        package var value: Dockerfile.Word
        /// Written as `NAME value`, without "=".
        package var isLegacy: Bool
    }

    /// A name of ARG, with its default.
    package struct Argument: Hashable, Sendable {
        package var name: Dockerfile.Word
        package var value: Dockerfile.Word?
    }

    /// HEALTHCHECK.
    package struct Healthcheck: Hashable, Sendable {
        /// What checks; nil for NONE.
        package var test: CommandLine?
        /// In nanoseconds, 0 for what is not said.
        package var interval: Int64 = 0
        package var timeout: Int64 = 0
        package var startPeriod: Int64 = 0
        package var startInterval: Int64 = 0
        /// 0 when it is not said.
        package var retries: Int = 0
    }

    /// ONBUILD: an instruction for those who build on the image.
    package struct Trigger: Hashable, Sendable {
        /// The instruction as images keep it.
        package var expression: String
        /// Where the instruction stands.
        package var position: Dockerfile.Position
    }
}
