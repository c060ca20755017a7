/// A value of a YAML document that knows where it was written.
package struct YAMLNode: Sendable {
    /// What a node holds.
    package enum Content: Sendable {
        case null
        case bool(Bool)
        case int(Int)
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
        case .float(let number): Self.text(of: number)
        case .null, .sequence, .mapping: nil
        }
    }

    /// A floating point number in its shortest form, without a fraction when it is whole.
    package static func text(of number: Double) -> String {
        if let whole = Int(exactly: number), abs(whole) < 1 << 53 { return String(whole) }
        if number.isNaN { return "NaN" }
        if number.isInfinite { return number > 0 ? "+Inf" : "-Inf" }
        return String(number)
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
        case .null, .bool, .int, .float, .string, .timestamp: break
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
