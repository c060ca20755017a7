import YAMLComposer

/// The way from the top of a tree to one of its values.
struct ValuePath: CustomStringConvertible {
    /// One step down.
    enum Step {
        case key(String)
        case index(Int)
    }

    private(set) var steps: [Step] = []

    /// The form that people write: `services.web.ports[0]`.
    var description: String {
        var text = ""
        for step in steps {
            switch step {
            case .key(let key): text += text.isEmpty ? key : ".\(key)"
            case .index(let index): text += "[\(index)]"
            }
        }
        return text
    }

    /// The way one step further.
    func appending(_ step: Step) -> ValuePath {
        var result = self
        result.steps.append(step)
        return result
    }

    /// The nodes on the way down from `top`, which is the first; nil when the way ends before.
    func nodes(from top: YAMLNode, skipping count: Int = 0) -> [YAMLNode]? {
        var result = [top]
        for step in steps.dropFirst(count) {
            guard let next = result[result.count - 1].child(step) else { return nil }
            result.append(next)
        }
        return result
    }

    /// Reads `text` along a tree, since keys may hold dots.
    static func read(_ text: String, in tree: YAMLNode) throws(UnknownPath) -> ValuePath {
        var (path, node, rest) = (ValuePath(), tree, text[...])
        while !rest.isEmpty {
            guard let (step, next, left) = node.step(along: rest) else {
                throw UnknownPath(asked: text, known: path, at: node, rest: rest)
            }
            (path, node, rest) = (path.appending(step), next, left)
        }
        return path
    }
}

/// A path to nothing, and the nearest one that leads somewhere.
package struct UnknownPath: Error, CustomStringConvertible {
    /// What is wrong, and what there is.
    package let description: String

    init(asked: String, known: ValuePath, at node: YAMLNode, rest: Substring) {
        let key = String(rest.prefix { $0 != "." && $0 != "[" })
        let keys = node.mapping?.keys ?? []
        var nearest = "\(known)"
        if let match = NearestKey.match(key, among: keys) {
            let corrected = known.appending(.key(match))
            let left = rest.dropFirst(key.count)
            let whole = "\(corrected)\(left)"
            // The rest of what was asked for may be right.
            let top = node[match].flatMap { try? ValuePath.read(String(left.drop { $0 == "." }), in: $0) }
            nearest = top == nil ? "\(corrected)" : whole
            description = "there is no \(asked); did you mean \(nearest)?"
            return
        }
        let place = nearest.isEmpty ? "the project" : nearest
        let has =
            if let elements = node.sequence {
                "has \(elements.count) elements"
            } else if keys.isEmpty {
                "holds a single value"
            } else {
                "has " + keys.sorted().prefix(20).joined(separator: ", ") + (keys.count > 20 ? ", …" : "")
            }
        description = "there is no \(asked); the nearest is \(place), which \(has)"
    }
}

extension YAMLNode {
    /// The value one step down.
    fileprivate func child(_ step: ValuePath.Step) -> YAMLNode? {
        switch step {
        case .key(let key): mapping?[key]
        case .index(let index): sequence.flatMap { $0.indices.contains(index) ? $0[index] : nil }
        }
    }

    /// The longest key that `text` starts with, its value, and what is left of the text.
    fileprivate func step(along text: Substring) -> (ValuePath.Step, YAMLNode, Substring)? {
        if let elements = sequence {
            let isBracket = text.first == "["
            let digits = text.dropFirst(isBracket ? 1 : 0).prefix { $0.isNumber }
            guard let index = Int(digits), elements.indices.contains(index) else { return nil }
            let rest = text[digits.endIndex...]
            if isBracket && rest.first != "]" { return nil }
            return (.index(index), elements[index], rest.dropFirst(isBracket ? 1 : 0).droppingDot)
        }
        let matching = (mapping?.entries ?? []).filter { entry in
            guard text.hasPrefix(entry.key) else { return false }
            let next = text.dropFirst(entry.key.count).first
            return next == nil || next == "." || next == "["
        }
        guard let entry = matching.max(by: { $0.key.count < $1.key.count }) else { return nil }
        return (.key(entry.key), entry.value, text.dropFirst(entry.key.count).droppingDot)
    }
}

extension Substring {
    fileprivate var droppingDot: Substring { first == "." ? dropFirst() : self }
}
