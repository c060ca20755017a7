import YAMLComposer

/// Joins lists whose elements have an identity: a later element takes the place of the earlier one it stands for.
enum KeyedList {
    /// The elements of both lists, each identity once; `replacing` gives what takes the place of an earlier one.
    static func joined(
        _ first: [YAMLNode],
        _ second: [YAMLNode],
        by identity: Identity,
        replacing: (YAMLNode, YAMLNode) -> YAMLNode = { $1 }
    ) -> [YAMLNode] {
        var result: [YAMLNode] = []
        var places: [String: Int] = [:]
        for element in first + second {
            guard let key = key(of: element, by: identity) else {
                result.append(element)
                continue
            }
            if let place = places[key] {
                result[place] = replacing(result[place], element)
            } else {
                places[key] = result.count
                result.append(element)
            }
        }
        return result
    }

    private static func key(of node: YAMLNode, by identity: Identity) -> String? {
        func text(_ key: String) -> String { node[key]?.scalarText ?? "" }
        switch identity {
        case .none, .whole, .unique, .subnet: return nil
        case .value: return node.scalarText
        case .name: return node.scalarText.map { String($0.prefix { $0 != "=" }) }
        case .key(let key): return node[key]?.scalarText
        case .mountTarget: return node["target"]?.scalarText.map(FilePath.cleaned)
        case .port:
            if let short = node.scalarText { return short }
            let networkProtocol = node["protocol"]?.scalarText ?? "tcp"
            return
                "\(node["host_ip"]?.scalarText ?? "0.0.0.0"):\(text("published")):\(text("target"))/\(networkProtocol)"
        case .fileReference(let directory): return node["target"]?.scalarText ?? (directory + text("source"))
        }
    }
}
