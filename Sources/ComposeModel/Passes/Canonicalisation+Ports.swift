import YAMLComposer

extension Canonicalisation {
    /// The ports that `[[address:]published:]target[/protocol]` stands for, ranges included.
    func ports(_ node: YAMLNode, _ path: String) -> [YAMLNode] {
        let text = node.scalarText ?? ""
        if case .float = node.content {
            return refuse(node, "\(path) must be a port, not a number with a fraction or exponent")
        }
        let halves = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        let networkProtocol = halves.count > 1 && !halves[1].isEmpty ? halves[1].lowercased() : "tcp"
        guard ["tcp", "udp", "sctp"].contains(networkProtocol) else {
            return refuse(node, "\(path): \"\(text)\" has an unknown protocol; tcp, udp and sctp are known")
        }
        if halves.count > 2 {
            diagnostics.warning("\(path): of \"\(text)\" only the first protocol counts", at: node.mark)
        }
        let (address, published, target) = Self.parts(halves[0])
        guard let targets = Self.range(target), let address = Self.address(address) else {
            return refuse(node, "\(path) wants [[address:]published:]target[/protocol], not \"\(text)\"")
        }
        guard targets.lowerBound > 0 else { return refuse(node, "\(path): a container has no port 0") }
        var outside: ClosedRange<Int>?
        if !published.isEmpty {
            outside = Self.range(published)
            guard let outside else {
                return refuse(node, "\(path): \"\(published)\" of \"\(text)\" is no port; they go from 0 to 65535")
            }
            guard targets.count == 1 || targets.count == outside.count else {
                return refuse(node, "\(path): the port ranges of \"\(text)\" do not have the same length")
            }
        }
        expansion.ports += targets.count
        guard expansion.ports <= Expansion.limit else {
            return refuse(node, "the file publishes more than \(Expansion.limit) ports")
        }
        // Compose puts the ports of a range in the order of their texts.
        return targets.sorted { Self.textOrder($0) < Self.textOrder($1) }.map { target in
            let index = target - targets.lowerBound
            var entries: [(String, YAMLNode.Content)] = [
                ("mode", .string("ingress")), ("target", .int(target)), ("protocol", .string(networkProtocol)),
            ]
            if !address.isEmpty { entries.append(("host_ip", .string(address))) }
            if let outside {
                let whole = targets.count == 1 && outside.count > 1
                let first = outside.lowerBound + (whole ? 0 : index)
                entries.append(("published", .string(whole ? "\(first)-\(outside.upperBound)" : String(first))))
            }
            return mapping(node, entries)
        }
    }

    /// Numbers of up to five digits in the order of their texts: as if noughts followed, and the shorter one first.
    private static func textOrder(_ port: Int) -> Int {
        var (order, length) = (port, 1)
        for power in [10, 100, 1000, 10_000] where port >= power { length += 1 }
        for _ in length..<5 { order *= 10 }
        return order * 10 + length
    }

    private func refuse(_ node: YAMLNode, _ message: String) -> [YAMLNode] {
        diagnostics.error(message, at: node.mark)
        return []
    }

    /// Address, published port and target; an IPv6 address stands in brackets.
    private static func parts(_ text: String) -> (address: String, published: String, target: String) {
        var parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        let target = parts.popLast() ?? ""
        let published = parts.popLast() ?? ""
        return (parts.joined(separator: ":"), published, target)
    }

    /// The address without brackets; nil when it is none.
    private static func address(_ text: String) -> String? {
        if text.isEmpty { return text }
        if text.hasPrefix("[") && text.hasSuffix("]") {
            let inner = text.dropFirst().dropLast()
            return InternetAddress(text: String(inner)) == nil ? nil : String(inner)
        }
        return text.contains(":") || InternetAddress(text: text) == nil ? nil : text
    }

    private static func range(_ text: String) -> ClosedRange<Int>? {
        let ends = text.split(separator: "-", omittingEmptySubsequences: false).map { end in
            end.utf8.allSatisfy { (0x30...0x39).contains($0) } ? Int(end) : nil
        }
        guard let first = ends.first ?? nil, let last = ends.last ?? nil, ends.count <= 2 else { return nil }
        return (0...65535).contains(first) && first <= last && last <= 65535 ? first...last : nil
    }
}
