/// One thing to do, or to wait for, on the way from what is there to what is wanted.
package struct Step: Hashable, Sendable {
    /// What is done, to what.
    package enum Operation: Hashable, Sendable {
        case createNetwork(String)
        case removeNetwork(String)
        case createVolume(String)
        case removeVolume(String)
        case create(container: String)
        case recreate(container: String)
        case start(container: String)
        case stop(container: String)
        /// Clears away what an ended process leaves.
        case clean(container: String)
        case remove(container: String)
        /// Something that only time or the containers themselves bring about.
        case wait(Awaited)
    }

    /// What a plan may have to wait for.
    package enum Awaited: Hashable, Sendable {
        /// A service's containers fulfil a condition.
        case condition(service: String, ContainerDefinition.Dependency.Condition)
        /// A container's rest before its restart is over.
        case rest(container: String, until: WallTime)
    }

    /// Its place in the plan, from 1.
    package let number: Int
    /// What is done.
    package let operation: Operation
    /// The steps that have to be done before, by number, ascending.
    package let after: [Int]
    /// Why it is done, when that is not plain from the operation.
    package let reason: String?
}

/// What two steps may not touch at the same time.
package enum Subject: Hashable, Sendable {
    case network(String)
    case volume(String)
    case container(String)
}

extension Step.Operation {
    /// What the operation touches; nil when it only waits.
    package var subject: Subject? {
        switch self {
        case .createNetwork(let name), .removeNetwork(let name): .network(name)
        case .createVolume(let name), .removeVolume(let name): .volume(name)
        case .create(let name), .recreate(let name), .start(let name), .stop(let name), .clean(let name),
            .remove(let name):
            .container(name)
        case .wait: nil
        }
    }
}

extension Step.Operation {
    /// The name of what the operation touches; empty when it only waits.
    var name: String {
        switch subject {
        case .network(let name), .volume(let name), .container(let name): name
        case nil: ""
        }
    }
}

extension Step.Operation: CustomStringConvertible {
    /// The operation in words: `start voting-web-1`.
    package var description: String {
        switch self {
        case .createNetwork(let name): "create network \(name)"
        case .removeNetwork(let name): "remove network \(name)"
        case .createVolume(let name): "create volume \(name)"
        case .removeVolume(let name): "remove volume \(name)"
        case .create(let name): "create \(name)"
        case .recreate(let name): "recreate \(name)"
        case .start(let name): "start \(name)"
        case .stop(let name): "stop \(name)"
        case .clean(let name): "clean up after \(name)"
        case .remove(let name): "remove \(name)"
        case .wait(.condition(let service, let condition)):
            switch condition {
            case .started: "wait for \(service) to be started"
            case .healthy: "wait for \(service) to be healthy"
            case .completed: "wait for \(service) to complete"
            }
        case .wait(.rest(let container, _)): "let \(container) rest"
        }
    }
}

extension Step: CustomStringConvertible {
    /// One line: number, operation, what it comes after, why.
    package var description: String {
        var text = "#\(number) \(operation)"
        if !after.isEmpty { text += " after \(after)" }
        if let reason { text += " (\(reason))" }
        return text
    }
}
