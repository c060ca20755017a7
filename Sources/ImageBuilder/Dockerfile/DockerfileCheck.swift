import ComposeModel

/// What a Dockerfile is checked for beyond mistakes, by the names that BuildKit's `check` directive knows.
package enum DockerfileCheck: String, Hashable, Sendable, CaseIterable {
    case stageNameCasing = "StageNameCasing"
    case fromAsCasing = "FromAsCasing"
    case noEmptyContinuation = "NoEmptyContinuation"
    case consistentInstructionCasing = "ConsistentInstructionCasing"
    case duplicateStageName = "DuplicateStageName"
    case reservedStageName = "ReservedStageName"
    case jsonArgsRecommended = "JSONArgsRecommended"
    case maintainerDeprecated = "MaintainerDeprecated"
    case undefinedArgInFrom = "UndefinedArgInFrom"
    case workdirRelativePath = "WorkdirRelativePath"
    case undefinedVar = "UndefinedVar"
    case multipleInstructionsDisallowed = "MultipleInstructionsDisallowed"
    case legacyKeyValueFormat = "LegacyKeyValueFormat"
    case invalidBaseImagePlatform = "InvalidBaseImagePlatform"
    case redundantTargetPlatform = "RedundantTargetPlatform"
    case secretsUsedInArgOrEnv = "SecretsUsedInArgOrEnv"
    case invalidDefaultArgInFrom = "InvalidDefaultArgInFrom"
    case fromPlatformFlagConstDisallowed = "FromPlatformFlagConstDisallowed"
    case copyIgnoredFile = "CopyIgnoredFile"
    case invalidDefinitionDescription = "InvalidDefinitionDescription"
    case exposeProtoCasing = "ExposeProtoCasing"
    case exposeInvalidFormat = "ExposeInvalidFormat"
}

/// Which checks count for an instruction.
package struct CheckOptions: Hashable, Sendable {
    /// Whether none does.
    package var skipsAll = false
    package var skipped: Set<DockerfileCheck> = []
    /// Whether what a check finds is a mistake: only for the whole file.
    package var failsBuild = false

    /// All of them.
    package init() {}

    /// Whether a check counts.
    package func wants(_ check: DockerfileCheck) -> Bool { !skipsAll && !skipped.contains(check) }

    /// Takes the value of a `check` directive in, `skip=A,B;error=true`; the sentences say what in it means nothing.
    mutating func apply(_ text: String) -> [String] {
        var mistakes: [String] = []
        for option in text.split(separator: ";") {
            let parts = option.split(separator: "=", maxSplits: 1).map { $0.trimmingBlanks() }
            switch (parts[0], parts.count > 1 ? parts[1] : nil) {
            case ("skip", "all"): skipsAll = true
            case ("skip", let names?):
                for name in names.split(separator: ",").map({ $0.trimmingBlanks() }) {
                    if let check = DockerfileCheck(rawValue: name) {
                        skipped.insert(check)
                    } else {
                        mistakes.append("there is no check \"\(name)\"\(Self.suggestion(name))")
                    }
                }
            case ("error", "true"), ("error", "1"): failsBuild = true
            case ("error", "false"), ("error", "0"): failsBuild = false
            // Rules that are on trial elsewhere; none here is.
            case ("experimental", .some): break
            default: mistakes.append("\"\(option)\" is none of skip=…, error=true and error=false")
            }
        }
        return mistakes
    }

    private static func suggestion(_ name: String) -> String {
        let known = Dictionary(DockerfileCheck.allCases.map { ($0.rawValue.lowercased(), $0.rawValue) }) { $1 }
        return NearestKey.match(name, among: known.keys).flatMap { known[$0] }.map { ", did you mean \($0)?" } ?? ""
    }
}
