import OCISpec
package import Orchestrator

/// The ports of a container, for people and for programs.
package struct PortList: Sendable {
    /// One port at one address.
    private struct Entry: Comparable {
        var target: UInt16
        var address: String
        var published: UInt16
        var transport: String
        /// How many ports follow that belong to the same range.
        var following: UInt16 = 0

        /// Published under another number.
        var isMoved: Bool { published != 0 && published != target }

        static func < (left: Entry, right: Entry) -> Bool {
            (left.target, left.address, left.published, left.transport)
                < (right.target, right.address, right.published, right.transport)
        }

        var text: String {
            let inner = Self.range(target, following)
            guard published != 0 else { return "\(inner)/\(transport)" }
            let host = address.contains(":") ? "[\(address)]" : address
            return "\(host):\(Self.range(published, following))->\(inner)/\(transport)"
        }

        private static func range(_ first: UInt16, _ following: UInt16) -> String {
            following == 0 ? "\(first)" : "\(first)-\(Int(first) + Int(following))"
        }
    }

    private let entries: [Entry]

    /// The ports of a record; one without an address is at every address of both families.
    package init(_ ports: [ContainerRecord.Port]) {
        entries =
            ports.flatMap { port in
                let everywhere = port.hostAddress.isEmpty && port.published != 0
                return (everywhere ? ["0.0.0.0", "::"] : [port.hostAddress]).map { address in
                    Entry(target: port.target, address: address, published: port.published, transport: port.transport)
                }
            }
            .sorted()
    }

    /// `0.0.0.0:8080->80/tcp, [::]:8080->80/tcp`; ranges are joined, and ports with another number outside come last.
    package var text: String {
        var ranges: [Entry] = []
        for entry in entries {
            let before = ranges.lastIndex {
                $0.address == entry.address && $0.transport == entry.transport && $0.isMoved == entry.isMoved
                    && ($0.published == 0) == (entry.published == 0)
            }
            if let before {
                let (last, length) = (ranges[before], Int(ranges[before].following) + 1)
                if Int(last.target) + length == Int(entry.target)
                    && (last.published == 0 || Int(last.published) + length == Int(entry.published))
                {
                    ranges[before].following += 1
                    continue
                }
            }
            ranges.append(entry)
        }
        return (ranges.filter { !$0.isMoved } + ranges.filter(\.isMoved)).map(\.text).joined(separator: ", ")
    }

    /// The ports as `Publishers` of the JSON form.
    package var publishers: String {
        JSONText.array(
            entries.map { entry in
                var object = JSONText()
                object.add("URL", entry.address)
                object.add("TargetPort", entry.target)
                object.add("PublishedPort", entry.published)
                object.add("Protocol", entry.transport)
                return object
            }
        )
    }
}
