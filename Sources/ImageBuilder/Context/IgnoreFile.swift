package import YAMLComposer

/// Reads a `.dockerignore`.
package enum IgnoreFile {
    /// No list that somebody wrote is longer.
    package static let byteLimit = 1 << 20
    /// How many patterns are taken; each file of a context is compared with all of them.
    package static let patternLimit = 10_000

    /// Where the patterns of a Dockerfile are looked for: the first of these that is there counts.
    ///
    /// The first is relative to where `dockerfile` is relative to, the second to the context.
    package static func names(forDockerfile dockerfile: String) -> (own: String, shared: String) {
        ("\(dockerfile).dockerignore", ".dockerignore")
    }

    /// The patterns of a file, and what is wrong with it.
    package static func rules(of source: SourceFile) -> (rules: IgnoreRules, mistakes: [Diagnostic]) {
        var (rules, mistakes) = (IgnoreRules(), [Diagnostic]())
        guard source.bytes.count <= byteLimit else {
            let start = SourceMark(file: source, line: 1, column: 1)
            return (
                rules,
                [Diagnostic("the file has more than \(byteLimit) bytes, which is no list of patterns", at: start)]
            )
        }
        var bytes = source.bytes[...]
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes = bytes.dropFirst(3) }
        var count = 0
        for (index, line) in bytes.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated() {
            guard line.first != UInt8(ascii: "#") else { continue }
            let text = String(decoding: line, as: UTF8.self)
            let column = text.unicodeScalars.prefix { $0.properties.isWhitespace }.count + 1
            let mark = SourceMark(file: source, line: index + 1, column: column)
            do throws(PathPattern.Malformed) {
                try rules.add(text)
                count += 1
            } catch {
                mistakes.append(Diagnostic("no pattern: \(error.message)", at: mark))
            }
            if count > patternLimit || mistakes.count > 100 {
                mistakes.append(Diagnostic("there are more than \(patternLimit) patterns", at: mark))
                break
            }
        }
        return (rules, mistakes)
    }
}
