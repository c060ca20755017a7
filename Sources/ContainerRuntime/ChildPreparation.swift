import Glibc
package import LinuxSystem

/// What the launching process does for a child in a user namespace, which has no right to it.
package struct ChildPreparation: Hashable, Sendable, CustomStringConvertible {
    /// The ids of the child's new user namespace; nil for one that it has joined.
    package var ids: NamespaceIDs?
    /// Limits whose hard values may be above the child's.
    package var limits: [ResourceLimit] = []
    /// How likely the kernel is to end the child when memory runs out.
    package var oomScore: Int?

    /// Nothing yet.
    package init(oomScore: Int? = nil) { self.oomScore = oomScore }

    /// One line for each part that there is.
    package var description: String {
        var lines = ids.map { ["map \($0)"] } ?? []
        lines += limits.map { "allow \($0)" }
        if let oomScore { lines.append("oom-score \(oomScore)") }
        return lines.joined(separator: "\n")
    }

    /// Does it; the child, of ours, waits meanwhile.
    func perform(on pid: Int32) throws(ContainerError) {
        do { try ids?.write(pid: pid) } catch {
            let isMissing = error.call.hasPrefix("new") && error.errno == .notFound
            let advice = isMissing ? "; install it (package uidmap)" : ""
            let refused = error.call.hasPrefix("new") && !isMissing ? "; see /etc/subuid and /etc/subgid" : ""
            throw ContainerError(
                code: .kernel,
                message: "linux.uidMappings, linux.gidMappings: \(error)\(advice)\(refused)",
                cause: error
            )
        }
        do {
            for limit in limits { try limit.allow(pid: pid) }
        } catch { throw .kernel("process.rlimits", error) }
        guard let oomScore else { return }
        do {
            let file = try OwnedDescriptor.procfs().openAt(
                path: Array("\(pid)/oom_score_adj".utf8CString),
                O_WRONLY,
                [.beneath, .noLinks, .sameMount]
            )
            try file.writeOnce("\(oomScore)", subject: "oom_score_adj")
        } catch {
            throw .kernel("process.oomScoreAdj", error)
        }
    }
}
