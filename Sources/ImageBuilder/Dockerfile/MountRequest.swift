import ComposeModel

extension Instruction.MountOptions {
    /// The options of a `--mount`: fields between commas, each `key=value` or a key; a field may stand in quotes.
    init(_ flag: InstructionFlag) {
        let scalars = Array((flag.value ?? "").unicodeScalars)
        let positions = flag.valuePositions
        func place(_ index: Int) -> Dockerfile.Position {
            index < positions.count ? positions[index] : positions.last ?? flag.position
        }
        var options: [Option] = []
        var index = 0
        while index <= scalars.count {
            let start = index
            var text: [Unicode.Scalar] = []
            if index < scalars.count, scalars[index] == "\"" {
                index += 1
                // Within quotes a comma is one, and two quotes are one.
                while index < scalars.count {
                    if scalars[index] == "\"" {
                        index += 1
                        guard index < scalars.count, scalars[index] == "\"" else { break }
                    }
                    text.append(scalars[index])
                    index += 1
                }
            }
            while index < scalars.count, scalars[index] != "," {
                text.append(scalars[index])
                index += 1
            }
            index += 1
            let parts = String(String.UnicodeScalarView(text)).split(
                separator: "=",
                maxSplits: 1,
                omittingEmptySubsequences: false
            )
            options.append(
                Option(
                    key: parts[0].lowercased(),
                    value: parts.count > 1 ? String(parts[1]) : nil,
                    position: place(start)
                )
            )
        }
        self.init(options: options, position: flag.position)
    }
}

/// A `--mount` of RUN with its options read.
struct MountRequest: Hashable {
    enum Kind: String, CaseIterable { case bind, cache, tmpfs, secret, ssh }

    var kind = Kind.bind
    var from: Dockerfile.Word?
    var source: String?
    var target: String?
    var isReadOnly: Bool?
    /// In bytes.
    var size: Int64?
    var id: String?
    var sharing: RunOperation.Cache.Sharing?
    var isRequired = false
    var variable: String?
    var mode: UInt32?
    var uid: UInt32?
    var gid: UInt32?

    /// Replaces variables in a value; nil when that can't be done, which it tells.
    typealias Expander = (_ value: Dockerfile.Word) -> String?

    private static let keys = [
        "type", "from", "source", "target", "readonly", "id", "sharing", "required", "size", "mode", "uid", "gid",
        "src",
        "dst", "destination", "ro", "rw", "readwrite", "env",
    ]
    /// The other names of options.
    private static let synonyms = [
        "src": "source", "dst": "target", "destination": "target", "ro": "readonly", "rw": "readwrite",
    ]

    /// Reads options; nil when one means nothing, which is told.
    ///
    /// Without `expand`, variables are not known yet, and what has one is not looked at.
    static func read(
        _ options: Instruction.MountOptions,
        expand: Expander?,
        report: inout DockerfileReport
    ) -> MountRequest? {
        var request = MountRequest()
        var isWhole = true
        var isOpen = false
        for option in options.options {
            let value = option.value.map { Dockerfile.Word($0, at: option.position) }
            guard let value, DockerfileParser.mayExpand(value.text) else {
                isWhole = request.set(option, option.value, report: &report) && isWhole
                continue
            }
            if option.key == "from" {
                report.error(
                    "from takes no variables",
                    at: option.position,
                    hint: "name a stage in it: FROM \(value.text) AS source, and from=source"
                )
                isWhole = false
            } else if let expand {
                guard let text = expand(value) else { return nil }
                isWhole = request.set(option, text, report: &report) && isWhole
            } else {
                isOpen = true
                isWhole = keys.contains(option.key) || request.set(option, value.text, report: &report)
            }
        }
        guard isWhole, !isOpen else { return nil }
        return request.check(options, report: &report) ? request : nil
    }

    /// Takes one option in; false when it means nothing, which is told.
    private mutating func set(
        _ option: Instruction.MountOptions.Option,
        _ value: String?,
        report: inout DockerfileReport
    ) -> Bool {
        func fail(_ message: String, hint: String? = nil) -> Bool {
            report.error(message, at: option.position, hint: hint)
            return false
        }
        func nearest(_ word: String, _ known: [String]) -> String? {
            NearestKey.match(word, among: known).map { "did you mean \($0)?" }
        }
        guard Self.keys.contains(option.key) else {
            return fail("a mount has no option \"\(option.key)\"", hint: nearest(option.key, Self.keys))
        }
        let key = Self.synonyms[option.key] ?? option.key
        guard let value else {
            switch key {
            case "readonly": isReadOnly = true
            case "readwrite": isReadOnly = false
            case "required": isRequired = true
            default: return fail("the option \(option.key) needs a value: \(option.key)=…")
            }
            return true
        }
        switch key {
        case "type":
            guard let kind = Kind(rawValue: value.lowercased()) else {
                let known = Kind.allCases.map(\.rawValue)
                return fail("there is no mount of the type \"\(value)\"", hint: nearest(value, known))
            }
            self.kind = kind
        case "from": from = value.isEmpty ? nil : Dockerfile.Word(value, at: option.position)
        case "source": source = value
        case "target": target = value
        case "id": id = value
        case "env": variable = value
        case "readonly", "readwrite", "required":
            guard let truth = Self.truth(value) else {
                return fail("\(option.key) is true or false, not \"\(value)\"")
            }
            if key == "required" { isRequired = truth } else { isReadOnly = truth == (key == "readonly") }
        case "sharing":
            guard let sharing = RunOperation.Cache.Sharing(rawValue: value.lowercased()) else {
                let known = RunOperation.Cache.Sharing.allCases.map(\.rawValue)
                return fail(
                    "sharing is shared, private or locked, not \"\(value)\"",
                    hint: nearest(value, known)
                )
            }
            self.sharing = sharing
        case "size":
            guard let size = ByteCount(text: value), size.bytes >= 0 else {
                return fail("size is a number of bytes such as 64m, not \"\(value)\"")
            }
            self.size = Int64(size.bytes)
        case "mode":
            guard let mode = UInt32(value, radix: 8), mode <= 0o7777 else {
                return fail("mode is octal digits up to 7777, not \"\(value)\"")
            }
            self.mode = mode
        default:
            guard let number = UInt32(value) else { return fail("\(option.key) is a number, not \"\(value)\"") }
            if key == "uid" { uid = number } else { gid = number }
        }
        return true
    }

    private static func truth(_ text: String) -> Bool? {
        switch text.lowercased() {
        case "true", "1", "t": true
        case "false", "0", "f": false
        default: nil
        }
    }

    /// Whether the options go together; what does not is told.
    private func check(_ options: Instruction.MountOptions, report: inout DockerfileReport) -> Bool {
        var isWhole = true
        func place(_ keys: String...) -> Dockerfile.Position {
            options.options.first { keys.contains($0.key) }?.position ?? options.position
        }
        func refuse(_ message: String, _ position: Dockerfile.Position) {
            report.error(message, at: position)
            isWhole = false
        }
        if [.bind, .tmpfs].contains(kind), mode != nil || uid != nil || gid != nil {
            refuse("a mount of the type \(kind.rawValue) has no owner and no mode", place("mode", "uid", "gid"))
        }
        if size != nil && kind != .tmpfs { refuse("only a mount of the type tmpfs has a size", place("size")) }
        if sharing != nil && kind != .cache { refuse("only a mount of the type cache is shared", place("sharing")) }
        if isRequired && kind != .secret && kind != .ssh {
            refuse("only a mount of the type secret or ssh is required", place("required"))
        }
        if variable != nil && kind != .secret { refuse("only a secret has a variable", place("env")) }
        if from != nil && kind != .bind && kind != .cache {
            refuse("a mount of the type \(kind.rawValue) comes from nowhere else", place("from"))
        }
        switch kind {
        case .bind, .cache, .tmpfs:
            if target?.isEmpty ?? true {
                refuse("a mount of the type \(kind.rawValue) needs a target", options.position)
            }
        case .secret:
            if source != nil && id != nil { refuse("source and id are one thing, so only one is given", place("id")) }
            if [source, id, target].allSatisfy({ $0?.isEmpty ?? true }) {
                refuse("a secret needs an id or a target", options.position)
            }
        case .ssh: break
        }
        return isWhole
    }
}
