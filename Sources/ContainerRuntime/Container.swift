package import LinuxSystem

/// Starts what a `ContainerPlan` describes.
package enum Container {
    /// What the launching process gives to a container beside its plan.
    package struct Surroundings: ~Copyable {
        /// The mount that becomes the root.
        package var root: DetachedMount
        /// Standard input, output and error; lent.
        package var stdio: (Int32, Int32, Int32)

        /// A root and the three descriptors.
        package init(root: consuming DetachedMount, stdio: (Int32, Int32, Int32) = (0, 1, 2)) {
            self.root = root
            self.stdio = stdio
        }
    }

    /// Starts the container and returns when its program is executed.
    package static func start(
        _ plan: ContainerPlan,
        in surroundings: borrowing Surroundings,
        options: LaunchedProcess.Options = LaunchedProcess.Options()
    ) throws(ContainerError) -> LaunchedProcess {
        var descriptors = OpenedSources()
        for (slot, source) in plan.sources.sorted(by: { $0.key.index < $1.key.index }) {
            try descriptors.open(source, as: slot, surroundings)
        }
        do {
            let process = try LaunchedProcess.start(plan.launch, descriptors: descriptors.numbers, options: options)
            do { try process.awaitExecution() } catch {
                // It has ended by itself and waits to be reaped; a sibling is our parent's to reap.
                if !options.isSibling { _ = try process.waitForExit() }
                throw error
            }
            return process
        } catch {
            throw ContainerError(code: .kernel, message: "\(error)", cause: error)
        }
    }
}

/// Descriptors opened for a launch, closed when it is done.
private struct OpenedSources: ~Copyable {
    private(set) var numbers: [LaunchSlot: Int32] = [:]
    private var owned: [Int32] = []

    mutating func open(
        _ source: DescriptorSource,
        as slot: LaunchSlot,
        _ surroundings: borrowing Container.Surroundings
    ) throws(ContainerError) {
        do {
            switch source {
            case .root: numbers[slot] = surroundings.root.descriptor.rawValue
            case .stdio(let number):
                numbers[slot] = [surroundings.stdio.0, surroundings.stdio.1, surroundings.stdio.2][Int(number)]
            case .namespace(let path, let kind, let own):
                let namespace = try OwnedDescriptor.reading(path)
                let isOurs = try namespace.isSameFile(as: .reading("/proc/self/ns/\(kind)"))
                if own && isOurs {
                    throw ContainerError.invalid(
                        "linux.namespaces",
                        "\(path) is the host's namespace, which may not be changed"
                    )
                }
                keep(namespace, as: slot)
            case .bind(let path, let recursive, let attributes):
                let mount = try DetachedMount.copy(of: path, recursive: recursive, attributes: attributes)
                keep(mount.takeDescriptor(), as: slot)
            }
        } catch let error as SyscallError {
            throw .kernel(slot.name, error)
        } catch let error as ContainerError {
            throw error
        } catch {
            throw ContainerError(code: .kernel, message: "\(slot.name): \(error)", cause: error)
        }
    }

    private mutating func keep(_ descriptor: consuming OwnedDescriptor, as slot: LaunchSlot) {
        let number = descriptor.release()
        owned.append(number)
        numbers[slot] = number
    }

    deinit { for number in owned { _ = OwnedDescriptor(adopting: number) } }
}
