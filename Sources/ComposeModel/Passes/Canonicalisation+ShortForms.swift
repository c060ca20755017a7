import YAMLComposer

extension Canonicalisation {
    /// The long way of writing `node`; nil when it has none.
    func longForm(_ node: YAMLNode, _ shorthand: Shorthand, _ path: String) -> YAMLNode? {
        switch shorthand {
        case .single: return node.sequence == nil && !node.isNull ? node.with(.sequence([node])) : node
        case .pairs: return pairs(node, path)
        case .assignments, .sshKeys: return assignments(node, path, allowsDefault: shorthand.isSSHKeys)
        case .hosts: return hosts(node, path)
        case .names(let defaults): return names(node, defaults)
        case .command: return command(node, path)
        case .healthTest:
            guard let text = node.string else { return node }
            return node.with(.sequence([node.with(.string("CMD-SHELL")), node.with(.string(text))]))
        case .attribute(let key): return node.string == nil ? node : mapping(node, [(key, node.content)])
        case .port: return node
        case .external: return node
        case .mount: return node.string == nil ? node : mount(node, path)
        case .device: return node.string == nil ? node : device(node, path)
        case .environmentFiles: return environmentFiles(node)
        case .gpus:
            return node.string == nil
                ? node : node.with(.sequence([mapping(node, [("count", isRaw ? .string("all") : .int(-1))])]))
        case .limit(let takesText): return limit(node, path, takesText)
        case .lateSingle: return node
        }
    }

    /// A mapping whose keys and values all stand where `node` does.
    func mapping(_ node: YAMLNode, _ entries: [(String, YAMLNode.Content)]) -> YAMLNode {
        node.with(
            .mapping(
                YAMLMapping(
                    entries.map { key, content in
                        YAMLMapping.Entry(key: key, keyMark: node.mark, value: YAMLNode(content, at: node.mark))
                    }
                )
            )
        )
    }

    private func pairs(_ node: YAMLNode, _ path: String) -> YAMLNode {
        guard let elements = node.sequence else { return node }
        let entries = elements.compactMap { element -> YAMLMapping.Entry? in
            guard let (key, value) = Self.pair(element) else { return nil }
            if key.last?.isWhitespace ?? false {
                _ = wrong(element, "\(path) has a name that ends in a blank: \"\(key)\"")
                return nil
            }
            return .init(key: key, keyMark: element.mark, value: element.with(value.map { .string($0) } ?? .null))
        }
        return node.with(.mapping(YAMLMapping(entries)))
    }

    private static func pair(_ element: YAMLNode) -> (key: String, value: String?)? {
        guard let text = element.string else { return nil }
        guard let sign = text.utf8.firstIndex(of: UInt8(ascii: "=")) else { return (text, nil) }
        return (String(text[..<sign]), String(text[text.index(after: sign)...]))
    }

    /// Pairs that need a value each, but for the SSH key `default`.
    private func assignments(_ node: YAMLNode, _ path: String, allowsDefault: Bool) -> YAMLNode? {
        guard let elements = node.sequence else { return node }
        var entries: [YAMLMapping.Entry] = []
        for element in elements {
            guard var (key, value) = Self.pair(element) else { continue }
            // `config` shows a key of SSH in this way.
            if allowsDefault, let sign = key.firstRange(of: ": ") {
                let path = (element.string ?? "").dropFirst(key[..<sign.upperBound].count)
                (key, value) = (String(key[..<sign.lowerBound]), String(path))
            }
            if value == nil && !(allowsDefault && key == "default") {
                if isRaw { return node }
                _ = wrong(element, "\(path) wants name=value, not \"\(key)\"")
                continue
            }
            entries.append(
                .init(key: key, keyMark: element.mark, value: element.with(value.map { .string($0) } ?? .null))
            )
        }
        return node.with(.mapping(YAMLMapping(entries)))
    }

    private func hosts(_ node: YAMLNode, _ path: String) -> YAMLNode {
        var lines: [YAMLNode] = []
        var known: Set<String> = []
        func add(_ host: String, _ address: Substring, _ element: YAMLNode) {
            guard !host.isEmpty, !host.contains(":"), !host.contains("=") else {
                _ = wrong(element, "\(path): \"\(host)\" is no name of a host")
                return
            }
            let line = "\(host)=\(Self.bare(address))"
            let isNew = known.insert(line).inserted
            if isNew || node.mapping != nil { lines.append(element.with(.string(line))) }
        }
        if let mapping = node.mapping {
            for entry in mapping.entries {
                for element in entry.value.sequence ?? [entry.value] {
                    add(entry.key, Substring(element.scalarText ?? ""), element)
                }
            }
            return node.with(.sequence(lines))
        }
        guard let elements = node.sequence else { return node }
        for element in elements {
            let text = element.string ?? ""
            guard let sign = text.firstIndex(of: "=") ?? text.firstIndex(of: ":") else {
                _ = wrong(element, "\(path) wants host=address, not \"\(text)\"")
                continue
            }
            for address in text[text.index(after: sign)...].split(separator: ",", omittingEmptySubsequences: false) {
                add(String(text[..<sign]), address, element)
            }
        }
        return node.with(.sequence(lines))
    }

    /// An IPv6 address without its brackets.
    private static func bare(_ address: Substring) -> Substring {
        address.utf8.count > 2 && address.hasPrefix("[") && address.hasSuffix("]")
            ? address.dropFirst().dropLast() : address
    }

    private func names(_ node: YAMLNode, _ defaults: [String: String]) -> YAMLNode {
        guard let elements = node.sequence else { return node }
        let entries = elements.compactMap { element -> YAMLMapping.Entry? in
            guard let name = element.string else { return nil }
            let value =
                defaults.isEmpty
                ? element.with(.null) : mapping(element, defaults.map { ($0.key, .string($0.value)) })
            return .init(key: name, keyMark: element.mark, value: value)
        }
        return node.with(.mapping(YAMLMapping(entries)))
    }

    private func command(_ node: YAMLNode, _ path: String) -> YAMLNode? {
        guard let text = node.string else { return node }
        guard let words = ShellWords.split(text) else { return wrong(node, "\(path) has a quote that is not closed") }
        return node.with(.sequence(words.map { node.with(.string($0)) }))
    }

    private func device(_ node: YAMLNode, _ path: String) -> YAMLNode? {
        let parts = (node.string ?? "").split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard (1...3).contains(parts.count) else {
            return isRaw ? node : wrong(node, "\(path) wants source[:target[:permissions]]")
        }
        return mapping(
            node,
            [
                ("source", .string(parts[0])),
                ("target", .string(parts.count > 1 && !parts[1].isEmpty ? parts[1] : parts[0])),
                ("permissions", .string(parts.count > 2 ? parts[2] : "rwm")),
            ]
        )
    }

    private func environmentFiles(_ node: YAMLNode) -> YAMLNode {
        guard !node.isNull else { return node }
        let elements = node.sequence ?? [node]
        return node.with(
            .sequence(
                elements.map { element in
                    element.string == nil ? element : mapping(element, [("path", element.content)])
                }
            )
        )
    }

    private func limit(_ node: YAMLNode, _ path: String, _ takesText: Bool) -> YAMLNode? {
        guard let text = node.string else { return node }
        guard takesText else {
            return wrong(node, "\(path) must be a number without quotes and variables, not \"\(text)\"")
        }
        return Int(text).map { node.with(.int($0)) } ?? wrong(node, "\(path) must be a whole number, not \"\(text)\"")
    }

    private func mount(_ node: YAMLNode, _ path: String) -> YAMLNode? {
        let text = node.string ?? ""
        if (1...2).contains(text.utf8.count) {
            return mapping(node, [("type", .string("volume")), ("target", .string(FilePath.cleaned(text)))])
        }
        let parts = Self.mountParts(text)
        guard (1...3).contains(parts.count), parts.allSatisfy({ !$0.isEmpty }) else {
            return isRaw ? node : wrong(node, "\(path) wants [source:]target[:options], not \"\(text)\"")
        }
        guard parts.count > 1 else {
            return mapping(
                node,
                [
                    ("type", .string("volume")), ("target", .string(FilePath.cleaned(text))),
                    ("volume", .mapping(.init())),
                ]
            )
        }
        let source = parts[0]
        let isPath =
            [".", "/", "~", "\\\\"].contains { source.hasPrefix($0) }
            || source.first?.isLetter == true && source.dropFirst().hasPrefix(":")
        var result = YAMLMapping()
        result["type"] = YAMLNode(.string(isPath ? "bind" : "volume"), at: node.mark)
        result["source"] = YAMLNode(.string(source), at: node.mark)
        result["target"] = YAMLNode(.string(FilePath.cleaned(parts[1])), at: node.mark)
        var bind: [(String, YAMLNode.Content)] = isPath ? [("create_host_path", .bool(true))] : []
        var volume: [(String, YAMLNode.Content)] = []
        for option in parts.count > 2 ? parts[2].split(separator: ",").map(String.init) : [] {
            switch option {
            case "rw": result["read_only"] = nil
            case "ro": result["read_only"] = YAMLNode(.bool(true), at: node.mark)
            case "nocopy": volume = [("nocopy", .bool(true))]
            case "z", "Z": bind.append(("selinux", .string(option)))
            case "shared", "rshared", "slave", "rslave", "private", "rprivate":
                bind.append(("propagation", .string(option)))
            default: break
            }
        }
        if isPath || !bind.isEmpty { result["bind"] = mapping(node, bind) }
        if !isPath || !volume.isEmpty { result["volume"] = mapping(node, volume) }
        return node.with(.mapping(result))
    }

    /// The parts between colons; Compose takes one letter before a colon for a Windows drive on every system, and what
    /// stands between braces for one word.
    private static func mountParts(_ text: String) -> [String] {
        let scalars = text.unicodeScalars
        var parts: [String] = []
        var start = scalars.startIndex
        var depth = 0
        var previous: Unicode.Scalar = " "
        for index in scalars.indices {
            let scalar = scalars[index]
            if scalar == "{" && previous == "$" { depth += 1 }
            if scalar == "}" && depth > 0 { depth -= 1 }
            let isDrive =
                previous.properties.isAlphabetic && start < index && scalars.index(after: start) == index
            previous = scalar
            guard scalar == ":" && !isDrive && depth == 0 else { continue }
            parts.append(String(scalars[start..<index]))
            start = scalars.index(after: index)
        }
        return parts + [String(scalars[start...])]
    }
}
