/// An order in which everything comes after what it needs.
package enum DependencyOrder {
    /// `nodes`, each after those that `edges` lists under it, and otherwise in their own order.
    ///
    /// Edges to nodes that are not there are passed over; a cycle, which the loader refuses, is cut somewhere.
    package static func sorted(_ nodes: [String], edges: [String: Set<String>]) -> [String] {
        let known = Set(nodes)
        var done: Set<String> = []
        var order: [String] = []
        order.reserveCapacity(nodes.count)
        for root in nodes where !done.contains(root) {
            // An explicit stack: the depth of a hostile file's chain is not that of ours.
            var stack: [(node: String, isLeaving: Bool)] = [(root, false)]
            while let (node, isLeaving) = stack.popLast() {
                if isLeaving {
                    order.append(node)
                } else if done.insert(node).inserted {
                    stack.append((node, true))
                    let needs = (edges[node] ?? []).filter { known.contains($0) && !done.contains($0) }
                    for need in needs.sorted().reversed() { stack.append((need, false)) }
                }
            }
        }
        return order
    }
}
