import ComposeModel

/// A flag before the arguments of an instruction: `--name=value`, without its quotes.
struct InstructionFlag {
    var name: String
    var value: String?
    /// Where the flag stands, and where each character of the value does.
    var position: Dockerfile.Position
    var valuePositions: [Dockerfile.Position]

    /// The value as a word.
    var word: Dockerfile.Word { Dockerfile.Word(value ?? "", at: valuePositions.first ?? position) }
}

extension LogicalLine {
    /// The flags at the start of a range, and what follows them; "--" ends them.
    func flags(_ range: Range<Int>, escape: Unicode.Scalar) -> (flags: [InstructionFlag], rest: Range<Int>) {
        var flags: [InstructionFlag] = []
        var index = range.lowerBound
        while true {
            while index < range.upperBound, scalars[index].properties.isWhitespace { index += 1 }
            guard index + 1 < range.upperBound, scalars[index] == "-", scalars[index + 1] == "-" else { break }
            let start = index
            var text: [(scalar: Unicode.Scalar, offset: Int)] = []
            var quote: Unicode.Scalar?
            while index < range.upperBound, quote != nil || !scalars[index].properties.isWhitespace {
                let scalar = scalars[index]
                if scalar == escape {
                    index += 1
                    if index < range.upperBound { text.append((scalars[index], index)) }
                } else if let open = quote {
                    if scalar == open { quote = nil } else { text.append((scalar, index)) }
                } else if scalar == "'" || scalar == "\"" {
                    quote = scalar
                } else {
                    text.append((scalar, index))
                }
                index += 1
            }
            index = min(index, range.upperBound)
            if text.count == 2 { break }
            flags.append(flag(text.dropFirst(2), at: start))
        }
        return (flags, trimmed(index..<range.upperBound))
    }

    private func flag(_ text: ArraySlice<(scalar: Unicode.Scalar, offset: Int)>, at start: Int) -> InstructionFlag {
        func string(_ part: ArraySlice<(scalar: Unicode.Scalar, offset: Int)>) -> String {
            String(String.UnicodeScalarView(part.map(\.scalar)))
        }
        guard let equals = text.firstIndex(where: { $0.scalar == "=" }) else {
            return InstructionFlag(name: string(text), value: nil, position: position(start), valuePositions: [])
        }
        let value = text[(equals + 1)...]
        return InstructionFlag(
            name: string(text[..<equals]),
            value: string(value),
            position: position(start),
            valuePositions: value.map { position($0.offset) }
        )
    }
}

/// The flags of one instruction, as those that it knows.
struct KnownFlags {
    enum Kind { case text, texts, truth }

    private var values: [String: [InstructionFlag]] = [:]

    /// Sorts flags; what is wrong with one is told, and it does not count.
    init(
        _ flags: [InstructionFlag],
        of keyword: String,
        known: [String: Kind],
        report: inout DockerfileReport
    ) {
        for flag in flags {
            guard let kind = known[flag.name] else {
                let nearest = NearestKey.match(flag.name, among: known.keys)
                let hint =
                    nearest.map { "did you mean --\($0)?" }
                    ?? (known.isEmpty
                        ? "\(keyword) takes no flags; write -- before an argument that starts with --"
                        : "\(keyword) knows \(known.keys.sorted().map { "--\($0)" }.joined(separator: ", "))")
                report.error("\(keyword) has no flag --\(flag.name)", at: flag.position, hint: hint)
                continue
            }
            if values[flag.name] != nil && kind != .texts {
                report.error("the flag --\(flag.name) is there twice", at: flag.position)
                continue
            }
            switch kind {
            case .truth where !["true", "false", nil].contains(flag.value?.lowercased()):
                report.error(
                    "the flag --\(flag.name) is true or false, not \"\(flag.value ?? "")\"",
                    at: flag.word.position
                )
            case .text where flag.value == nil, .texts where flag.value == nil:
                report.error("the flag --\(flag.name) needs a value: --\(flag.name)=…", at: flag.position)
            case .text, .texts, .truth: values[flag.name, default: []].append(flag)
            }
        }
    }

    /// The value of a flag that may be there once; nil when it is not there.
    func word(_ name: String) -> Dockerfile.Word? { values[name]?.first?.word }

    /// The same, where a value without text is none.
    func filledWord(_ name: String) -> Dockerfile.Word? { word(name).flatMap { $0.text.isEmpty ? nil : $0 } }

    /// All values of a flag.
    func flags(_ name: String) -> [InstructionFlag] { values[name] ?? [] }

    /// What a flag that is true or false says; nil when it is not there.
    func truth(_ name: String) -> Bool? { values[name]?.first.map { $0.value?.lowercased() != "false" } }
}
