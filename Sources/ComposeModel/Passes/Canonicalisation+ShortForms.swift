import YAMLComposer

extension Canonicalisation {
    /// The long way of writing `node`.
    func longForm(_ node: YAMLNode, _ shorthand: Shorthand, _ path: String) -> YAMLNode {
        switch shorthand {
        case .single: return node.sequence == nil && !node.isNull ? node.with(.sequence([node])) : node
        case .pairs: return pairs(node)
        case .hosts: return hosts(node, path)
        case .names(let defaults): return names(node, defaults)
        case .command: return command(node, path)
        case .healthTest:
            guard let text = node.string else { return node }
            return node.with(.sequence([node.with(.string("CMD-SHELL")), node.with(.string(text))]))
        case .attribute(let key): return node.string == nil ? node : mapping(node, [(key, node.content)])
        case .port, .external: return node
        case .mount: return node.string == nil ? node : mount(node, path)
        case .device: return node.string == nil ? node : device(node, path)
        case .environmentFiles: return environmentFiles(node)
        case .gpus: return node.string == nil ? node : node.with(.sequence([mapping(node, [("count", .int(-1))])]))
        case .limit: return limit(node, path)
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

    private func pairs(_ node: YAMLNode) -> YAMLNode {
        guard let elements = node.sequence else { return node }
        let entries = elements.compactMap { element -> YAMLMapping.Entry? in
            guard let text = element.string else { return nil }
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let value: YAMLNode.Content = parts.count == 2 ? .string(String(parts[1])) : .null
            return .init(key: String(parts[0]), keyMark: element.mark, value: element.with(value))
        }
        return node.with(.mapping(YAMLMapping(entries)))
    }

    private func hosts(_ node: YAMLNode, _ path: String) -> YAMLNode {
        if let mapping = node.mapping {
            let lines = mapping.entries.flatMap { entry in
                (entry.value.sequence ?? [entry.value]).map {
                    $0.with(.string("\(entry.key)=\(Self.bare(Substring($0.scalarText ?? "")))"))
                }
            }
            return node.with(.sequence(lines))
        }
        guard let elements = node.sequence else { return node }
        let lines = elements.map { element -> YAMLNode in
            let text = element.string ?? ""
            guard let sign = text.firstIndex(where: { $0 == "=" }) ?? text.firstIndex(of: ":") else {
                return wrong(element, "\(path) wants host=address, not \"\(text)\"")
            }
            return element.with(.string("\(text[..<sign])=\(Self.bare(text[text.index(after: sign)...]))"))
        }
        return node.with(.sequence(lines))
    }

    /// An IPv6 address without its brackets.
    private static func bare(_ address: Substring) -> Substring {
        address.hasPrefix("[") && address.hasSuffix("]") ? address.dropFirst().dropLast() : address
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

    private func command(_ node: YAMLNode, _ path: String) -> YAMLNode {
        guard let text = node.string else { return node }
        guard let words = ShellWords.split(text) else { return wrong(node, "\(path) has a quote that is not closed") }
        return node.with(.sequence(words.map { node.with(.string($0)) }))
    }

    private func device(_ node: YAMLNode, _ path: String) -> YAMLNode {
        let parts = (node.string ?? "").split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard (1...3).contains(parts.count) else { return wrong(node, "\(path) wants source[:target[:permissions]]") }
        return mapping(
            node,
            [
                ("source", .string(parts[0])), ("target", .string(parts.count > 1 ? parts[1] : parts[0])),
                ("permissions", .string(parts.count > 2 ? parts[2] : "rwm")),
            ]
        )
    }

    private func environmentFiles(_ node: YAMLNode) -> YAMLNode {
        let elements = node.sequence ?? [node]
        return node.with(
            .sequence(
                elements.map { element in
                    element.string == nil ? element : mapping(element, [("path", element.content)])
                }
            )
        )
    }

    private func limit(_ node: YAMLNode, _ path: String) -> YAMLNode {
        guard let text = node.string else { return node }
        return Int(text).map { node.with(.int($0)) } ?? wrong(node, "\(path) must be a whole number, not \"\(text)\"")
    }

    private func mount(_ node: YAMLNode, _ path: String) -> YAMLNode {
        let text = node.string ?? ""
        if (1...2).contains(text.utf8.count) {
            return mapping(node, [("type", .string("volume")), ("target", .string(text))])
        }
        let parts = Self.mountParts(text)
        guard (1...3).contains(parts.count), parts.allSatisfy({ !$0.isEmpty }) else {
            return wrong(node, "\(path) wants [source:]target[:options], not \"\(text)\"")
        }
        guard parts.count > 1 else {
            return mapping(
                node,
                [("type", .string("volume")), ("target", .string(text)), ("volume", .mapping(.init()))]
            )
        }
        let source = parts[0]
        let isPath = [".", "/", "~"].contains { source.hasPrefix($0) } || source.dropFirst().hasPrefix(":")
        var result = YAMLMapping()
        result["type"] = YAMLNode(.string(isPath ? "bind" : "volume"), at: node.mark)
        result["source"] = YAMLNode(.string(source), at: node.mark)
        result["target"] = YAMLNode(.string(parts[1]), at: node.mark)
        var options = YAMLMapping()
        if isPath { options["create_host_path"] = YAMLNode(.bool(true), at: node.mark) }
        for option in parts.count > 2 ? parts[2].split(separator: ",").map(String.init) : [] {
            switch option {
            case "rw": result["read_only"] = nil
            case "ro": result["read_only"] = YAMLNode(.bool(true), at: node.mark)
            case "nocopy": if !isPath { options["nocopy"] = YAMLNode(.bool(true), at: node.mark) }
            case "z", "Z": if isPath { options["selinux"] = YAMLNode(.string(option), at: node.mark) }
            case "shared", "rshared", "slave", "rslave", "private", "rprivate":
                if isPath { options["propagation"] = YAMLNode(.string(option), at: node.mark) }
            default: break
            }
        }
        result[isPath ? "bind" : "volume"] = YAMLNode(.mapping(options), at: node.mark)
        return node.with(.mapping(result))
    }

    /// The parts between colons; Compose takes one letter before a colon for a Windows drive on every system.
    private static func mountParts(_ text: String) -> [String] {
        var parts = [""]
        for character in text {
            let part = parts[parts.count - 1]
            let isDrive = part.count == 1 && part.first?.isLetter == true
            if character == ":" && !isDrive { parts.append("") } else { parts[parts.count - 1].append(character) }
        }
        return parts
    }
}
