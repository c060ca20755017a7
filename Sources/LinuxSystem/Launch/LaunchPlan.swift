/// A descriptor that steps of a launch plan name: given by the launching process, or opened by an earlier step.
package struct LaunchSlot: Hashable, Sendable, CustomStringConvertible {
    /// Its place in the plan's table of descriptors.
    package let index: Int
    /// What it stands for, for people: `$root`.
    package let name: String

    /// The form steps print: `$name`.
    package var description: String { "$\(name)" }
}

/// What a child does between clone3(2) and execve(2): a list of primitive steps over named descriptors.
///
/// The plan is a value. It is made without privilege, printed, compared, and carried out by `LaunchedProcess`.
package struct LaunchPlan: Hashable, Sendable, CustomStringConvertible {
    /// A step, and the reason for it in the user's words.
    package struct Entry: Hashable, Sendable {
        /// The operation.
        package var step: LaunchStep
        /// What in the configuration asked for it: `mounts[2]`, `services.web.volumes[0]`; empty when nothing did.
        package var origin: String
    }

    /// The namespaces the child is born into; the others it joins or shares.
    package var namespaces: Namespaces
    /// Whether the child uses our memory until it executes, instead of a copy: `CLONE_VM` and `CLONE_VFORK`.
    ///
    /// A copy costs more than all else in a launch: the page tables, and then a fault for each page that either side
    /// writes to. The calling thread waits meanwhile, so no step may wait for it in turn. Nobody else may see the child,
    /// and the kernel must have no reason to end it for want of memory, as it would end us with it.
    package var sharesMemory = false
    /// Whether the child stays as dumpable as we are until a step changes that: a process without privilege can then write
    /// to the child's files below `/proc`, as can every other process of its user.
    package var staysVisible = false
    /// How many descriptors from 3 on the program inherits from the launching process; `closeDescriptors` comes after them.
    package var keptDescriptors = 0
    /// The steps in order.
    ///
    /// The last one executes a program.
    package private(set) var entries: [Entry] = []
    /// The descriptors steps refer to.
    package private(set) var slots: [LaunchSlot] = []

    /// The namespaces of its own that the program is born into, by the launch or by `fork`.
    package var allCreated: Namespaces {
        entries.reduce(namespaces) { kinds, entry in
            if case .fork(let others) = entry.step { kinds.union(others) } else { kinds }
        }
    }

    /// Whether one of the steps is a `fork`.
    var forks: Bool { entries.contains { if case .fork = $0.step { true } else { false } } }

    /// Whether the program is not the process that the plan was carried out in, but one that comes last of all.
    package var endsInSuccessor: Bool {
        if case .executeThrough(_, .successor, _, _, _)? = entries.last?.step { true } else { false }
    }

    /// An empty plan for a child with the given new namespaces.
    package init(namespaces: Namespaces) { self.namespaces = namespaces }

    /// Adds a descriptor under a name for people.
    package mutating func makeSlot(_ name: String) -> LaunchSlot {
        let slot = LaunchSlot(index: slots.count, name: name)
        slots.append(slot)
        return slot
    }

    /// Appends a step; `origin` says what asked for it.
    package mutating func append(_ step: LaunchStep, origin: String = "") {
        entries.append(Entry(step: step, origin: origin))
    }

    /// One line a step, in the order they run.
    package var description: String {
        var lines = ["clone \(namespaces)"]
        for entry in entries {
            lines.append(entry.origin.isEmpty ? "\(entry.step)" : "\(entry.step)  # \(entry.origin)")
        }
        return lines.joined(separator: "\n") + "\n"
    }
}
