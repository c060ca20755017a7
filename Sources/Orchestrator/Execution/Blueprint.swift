import ComposeModel
import OCISpec

/// What a container runs: the service's wishes over the image's defaults.
struct Blueprint: Hashable, Sendable {
    /// A health check with every value decided.
    struct Probe: Hashable, Sendable {
        /// The program and its arguments.
        var arguments: [String]
        var interval: Duration
        var timeout: Duration
        var startPeriod: Duration
        /// Between checks of the start period; nil when nobody chose one.
        var startInterval: Duration?
        var retries: Int
    }

    /// The program and its arguments; empty when neither the service nor the image has one.
    var arguments: [String]
    /// What the image and the service say, the service's last.
    var environment: [(name: String, value: String)] { variables.map { ($0.name, $0.value) } }
    /// As `user[:group]`.
    var user: String
    /// Groups to add, by name or number.
    var groups: [String]
    var workingDirectory: String
    /// The number of the signal that asks it to end.
    var stopSignal: Int32
    var stopGracePeriod: Duration
    var probe: Probe?
    /// Mount points that the image wants a volume at.
    var volumes: [String]

    private struct Variable: Hashable { var name: String, value: String }
    private var variables: [Variable]

    /// Puts the service's wishes over the image's configuration.
    init(_ service: Service, image: ProcessDefaults?) {
        // As docker does it: an entrypoint of the service's does away with the image's command.
        if let entrypoint = service.entrypoint, !entrypoint.isEmpty {
            arguments = entrypoint + (service.command ?? [])
        } else {
            let entrypoint = service.entrypoint ?? image?.entrypoint ?? []
            let given = service.command ?? []
            arguments = entrypoint + (given.isEmpty ? image?.command ?? [] : given)
        }
        variables = Self.merged(image?.environment ?? [], service.environment)
        user = service.user.map(\.text) ?? image?.user ?? ""
        groups = service.supplementaryGroups.map(\.text)
        let directory = service.workingDirectory ?? image?.workingDirectory ?? ""
        workingDirectory = directory.isEmpty ? "/" : directory
        stopSignal = (service.stopSignal ?? image?.stopSignal.flatMap(Signal.init(text:)) ?? .terminate).number
        stopGracePeriod = service.stopGracePeriod ?? .seconds(10)
        probe = Self.probe(service.healthCheck, image: image)
        volumes = image?.volumes ?? []
    }

    private static func merged(_ image: [String], _ service: [String: String]) -> [Variable] {
        var result: [Variable] = []
        for entry in image {
            guard let sign = entry.firstIndex(of: "="), sign != entry.startIndex else { continue }
            let name = String(entry[..<sign])
            guard service[name] == nil else { continue }
            result.append(Variable(name: name, value: String(entry[entry.index(after: sign)...])))
        }
        return result + service.sorted { $0.key < $1.key }.map { Variable(name: $0.key, value: $0.value) }
    }

    /// Every value that the service does not give is the image's, and docker's where the image has none.
    private static func probe(_ check: HealthCheck?, image: ProcessDefaults?) -> Probe? {
        let theirs = image?.healthcheck
        let shell = image?.shell ?? ["/bin/sh", "-c"]
        let arguments: [String]
        switch check?.test ?? .inherit {
        case .none: return nil
        case .exec(let words): arguments = words
        case .shell(let command): arguments = shell + [command]
        case .inherit:
            guard let test = theirs?.test, test.count > 1 else { return nil }
            switch test[0] {
            case "CMD": arguments = Array(test.dropFirst())
            case "CMD-SHELL": arguments = shell + [test[1]]
            default: return nil
            }
        }
        guard !arguments.isEmpty else { return nil }
        func duration(_ own: Duration?, _ image: Int64?, _ standard: Duration) -> Duration {
            let chosen = own ?? image.map { .nanoseconds($0) } ?? .zero
            return chosen > .zero ? chosen : standard
        }
        let startInterval = duration(check?.startInterval, theirs?.startInterval, .zero)
        return Probe(
            arguments: arguments,
            interval: duration(check?.interval, theirs?.interval, .seconds(30)),
            timeout: duration(check?.timeout, theirs?.timeout, .seconds(30)),
            startPeriod: duration(check?.startPeriod, theirs?.startPeriod, .zero),
            startInterval: startInterval > .zero ? startInterval : nil,
            retries: check?.retries.flatMap { $0 > 0 ? $0 : nil } ?? theirs?.retries.flatMap { $0 > 0 ? $0 : nil } ?? 3
        )
    }
}

extension UserReference {
    /// As `user[:group]`.
    var text: String { (user?.text ?? "") + (group.map { ":\($0.text)" } ?? "") }
}

extension UserReference.Account {
    /// A name, or a number in decimal.
    var text: String {
        switch self {
        case .id(let number): String(number)
        case .name(let name): name
        }
    }
}
