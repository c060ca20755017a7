/// A value of a YAML document that knows where it was written.
package struct YAMLNode: Sendable {
    /// What a node holds.
    package enum Content: Sendable {
        case null
        case bool(Bool)
        case int(Int)
        /// A whole number that is too large for `int`.
        case largeInt(UInt64)
        case float(Double)
        case string(String)
        /// A plain date, which YAML 1.1 readers turn into a time value.
        case timestamp(String)
        case sequence([YAMLNode])
        case mapping(YAMLMapping)
    }

    /// The tags that mean something to Compose.
    package enum Directive: Sendable {
        /// `!reset`: drop what earlier files say.
        case reset
        /// `!override`: replace what earlier files say instead of merging with it.
        case override
    }

    /// What the node holds.
    package var content: Content
    /// Where the node was written.
    package var mark: SourceMark
    /// The Compose tag on the node.
    package var directive: Directive?

    /// A node with `content`, written at `mark`.
    package init(_ content: Content, at mark: SourceMark, directive: Directive? = nil) {
        self.content = content
        self.mark = mark
        self.directive = directive
    }
}

extension YAMLNode {
    /// Whether the node is null.
    package var isNull: Bool { if case .null = content { true } else { false } }
    /// The text of a string node.
    package var string: String? { if case .string(let text) = content { text } else { nil } }
    /// The number of an integer node.
    package var int: Int? { if case .int(let number) = content { number } else { nil } }
    /// The truth value of a boolean node.
    package var bool: Bool? { if case .bool(let value) = content { value } else { nil } }
    /// The elements of a sequence.
    package var sequence: [YAMLNode]? { if case .sequence(let elements) = content { elements } else { nil } }
    /// The entries of a mapping.
    package var mapping: YAMLMapping? { if case .mapping(let mapping) = content { mapping } else { nil } }

    /// The value under `key` when the node is a mapping that has it.
    package subscript(key: String) -> YAMLNode? { mapping?[key] }

    /// The text of a scalar as Compose prints it where it wants text; nil for null and for collections.
    package var scalarText: String? {
        switch content {
        case .string(let text), .timestamp(let text): text
        case .bool(let value): value ? "true" : "false"
        case .int(let number): String(number)
        case .largeInt(let number): String(number)
        case .float(let number): Self.text(of: number)
        case .null, .sequence, .mapping: nil
        }
    }

    /// A floating point number with as few digits as tell it from others, and with an exponent as Compose has it: for
    /// a million and more, and for less than a ten-thousandth.
    package static func text(of number: Double) -> String {
        if number.isNaN { return "NaN" }
        if number.isInfinite { return number > 0 ? "+Inf" : "-Inf" }
        let sign = number.sign == .minus ? "-" : ""
        let parts = String(number.magnitude).split(separator: "e")
        let halves = parts[0].split(separator: ".")
        // The number is 0.digits times ten to the power of `point`.
        var digits = halves.joined()[...]
        var point = halves[0].count + (parts.count > 1 ? Int(parts[1]) ?? 0 : 0)
        while digits.first == "0" { (digits, point) = (digits.dropFirst(), point - 1) }
        while digits.last == "0" { digits.removeLast() }
        guard let first = digits.first else { return sign + "0" }
        if point < -3 || point > 6 {
            let power = String((point - 1).magnitude)
            let exponent = (point > 0 ? "e+" : "e-") + (power.count < 2 ? "0" : "") + power
            return sign + String(first) + (digits.count > 1 ? "." + digits.dropFirst() : "") + exponent
        }
        if point <= 0 { return sign + "0." + String(repeating: "0", count: -point) + digits }
        if digits.count <= point { return sign + digits + String(repeating: "0", count: point - digits.count) }
        return sign + digits.prefix(point) + "." + digits.dropFirst(point)
    }

    /// A copy of this node with other content at the same place.
    package func with(_ content: Content) -> YAMLNode { YAMLNode(content, at: mark, directive: directive) }

    /// A copy of this node to which `step` happened.
    package func after(_ step: SourceStep) -> YAMLNode {
        YAMLNode(content, at: mark.after(step), directive: directive)
    }

    /// A copy of this node and all below it to which `step` happened.
    package func deeplyAfter(_ step: SourceStep) -> YAMLNode {
        var files: [ObjectIdentifier: SourceFile] = [:]
        return moved { mark in
            let key = ObjectIdentifier(mark.file)
            let file = files[key] ?? mark.file.after(step)
            files[key] = file
            return mark.placed(in: file)
        }
    }

    private func moved(_ place: (SourceMark) -> SourceMark) -> YAMLNode {
        var copy = self
        copy.mark = place(mark)
        switch content {
        case .sequence(let elements): copy.content = .sequence(elements.map { $0.moved(place) })
        case .mapping(let mapping): copy.content = .mapping(mapping.movingMarks(place) { $0.moved(place) })
        case .null, .bool, .int, .largeInt, .float, .string, .timestamp: break
        }
        return copy
    }
}

extension [YAMLNode] {
    /// The nodes with those that `replace` gives new ones; nil when it gives none.
    package func replacingElements(_ replace: (YAMLNode) -> YAMLNode?) -> [YAMLNode]? {
        var result: [YAMLNode]?
        for position in indices {
            guard let element = replace(self[position]) else { continue }
            if result == nil { result = self }
            result?[position] = element
        }
        return result
    }
}
