import FoundationEssentials
package import OCISpec

/// An instruction of a Dockerfile that changes how an image's program runs: `--change` of `roost image import`.
package struct ConfigurationChange: Hashable, Sendable {
    private let word: String
    private let rest: String

    /// Reads an instruction; throws `invalidReference` for one that changes nothing of a configuration.
    package init(_ text: String) throws(ImageError) {
        let parts = text.split(maxSplits: 1, whereSeparator: \.isWhitespace)
        word = parts.first?.uppercased() ?? ""
        rest = parts.count == 2 ? parts[1].trimmed : ""
        let known = [
            "CMD", "ENTRYPOINT", "ENV", "EXPOSE", "LABEL", "ONBUILD", "SHELL", "STOPSIGNAL", "USER", "VOLUME",
            "WORKDIR",
        ]
        guard known.contains(word) else {
            throw ImageError(
                .invalidReference,
                "--change \"\(printable(text))\": write one of \(known.joined(separator: ", ")) and its value"
            )
        }
        guard !rest.isEmpty else {
            throw ImageError(.invalidReference, "--change \"\(printable(text))\": \(word) needs a value")
        }
        if word == "SHELL" && array == nil {
            throw ImageError(.invalidReference, "--change \"\(printable(text))\": SHELL takes a JSON array of texts")
        }
    }

    /// Makes the change.
    package func apply(to configuration: inout ProcessDefaults) {
        switch word {
        case "CMD": configuration.command = program(configuration)
        case "ENTRYPOINT": configuration.entrypoint = program(configuration)
        case "ENV":
            for (name, value) in assignments {
                configuration.environment = (configuration.environment ?? []).filter { !$0.hasPrefix("\(name)=") }
                configuration.environment?.append("\(name)=\(value)")
            }
        case "EXPOSE":
            let ports = words.map { $0.contains("/") ? $0 : "\($0)/tcp" }
            configuration.exposedPorts = (configuration.exposedPorts + ports).uniqued()
        case "LABEL":
            for (name, value) in assignments {
                configuration.labels = (configuration.labels ?? [:]).merging([name: value]) { $1 }
            }
        case "ONBUILD": configuration.onBuild = (configuration.onBuild ?? []) + [rest]
        case "SHELL": configuration.shell = array
        case "STOPSIGNAL": configuration.stopSignal = rest
        case "USER": configuration.user = rest
        case "VOLUME": configuration.volumes = (configuration.volumes + (array ?? words)).uniqued()
        default:
            let former = configuration.workingDirectory ?? "/"
            let isAbsolute = rest.hasPrefix("/")
            configuration.workingDirectory = isAbsolute ? rest : "\(former == "/" ? "" : former)/\(rest)"
        }
    }

    /// The value as a JSON array of texts; nil when it is none.
    private var array: [String]? {
        guard rest.hasPrefix("[") else { return nil }
        // What is no array is a command for the shell.
        return try? JSONDecoder().decode([String].self, from: Data(rest.utf8))
    }

    private func program(_ configuration: ProcessDefaults) -> [String] {
        array ?? (configuration.shell ?? ["/bin/sh", "-c"]) + [rest]
    }

    /// `NAME=value` and more of them, with quotes and backslashes; or one `NAME value`.
    private var assignments: [(String, String)] {
        let words = words
        guard words.first?.contains("=") == true else {
            let parts = rest.split(maxSplits: 1, whereSeparator: \.isWhitespace)
            return [(String(parts[0]), parts.count == 2 ? parts[1].trimmed : "")]
        }
        return words.map { word in
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (String(parts[0]), parts.count == 2 ? String(parts[1]) : "")
        }
    }

    /// The value in words; quotes and backslashes are taken off.
    private var words: [String] {
        var words: [String] = []
        var word: String?
        var quote: Character?
        var isEscaped = false
        for character in rest {
            if isEscaped {
                word = (word ?? "") + String(character)
                isEscaped = false
            } else if character == "\\" && quote != "'" {
                isEscaped = true
            } else if let open = quote {
                if character == open { quote = nil } else { word = (word ?? "") + String(character) }
            } else if character == "\"" || character == "'" {
                quote = character
                word = word ?? ""
            } else if character.isWhitespace {
                if let done = word { words.append(done) }
                word = nil
            } else {
                word = (word ?? "") + String(character)
            }
        }
        if let done = word { words.append(done) }
        return words
    }
}

extension StringProtocol {
    /// Without blanks at both ends.
    fileprivate var trimmed: String {
        let start = drop(while: \.isWhitespace)
        return String(start.reversed().drop(while: \.isWhitespace).reversed())
    }
}
