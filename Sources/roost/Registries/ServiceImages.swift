import ComposeModel
import ImageStore
import OCISpec
import Orchestrator
import YAMLComposer

/// The images of a project's services that registries have, and when each is fetched.
struct ServiceImages {
    /// An image, and the services that want it.
    struct Wish: Hashable {
        var name: ImageName
        /// As the file has it.
        var text: String
        var platform: Platform?
        var policy: PullPolicy
        /// Whether one of the services can build it.
        var isBuilt: Bool
        var services: [String]
    }

    /// In the order of the services.
    private(set) var wishes: [Wish] = []
    /// What the services themselves say.
    private var said: [String: PullPolicy] = [:]
    /// Services without an image that a registry could have.
    private(set) var withoutName: [String] = []

    /// Finds the images of `services`; what names no registry's image is left out.
    init(_ services: [Service], directory: String, choice: PullChoice) throws {
        for service in services where service.provider == nil {
            guard let text = service.image, !text.isEmpty else {
                withoutName.append(service.name)
                continue
            }
            said[service.name] = service.pullPolicy
            guard case .name(let name) = try ImageReference(text, projectDirectory: directory) else { continue }
            let wish = Wish(
                name: name,
                text: text,
                platform: service.platform.flatMap { Platform($0) },
                policy: choice.policy(of: service.pullPolicy),
                isBuilt: service.isBuilt,
                services: [service.name]
            )
            add(wish)
        }
    }

    /// Decides anew when each is fetched; nil stands for a service that does not say.
    mutating func adapt(_ decide: (PullPolicy?) -> PullPolicy) {
        for position in wishes.indices { wishes[position].policy = decide(said[wishes[position].services[0]]) }
    }

    private mutating func add(_ wish: Wish) {
        let same = wishes.firstIndex { $0.name == wish.name && $0.platform == wish.platform }
        guard let same else { return wishes.append(wish) }
        wishes[same].services += wish.services
        wishes[same].isBuilt = wishes[same].isBuilt || wish.isBuilt
        // Whoever wants it more often gets it.
        if wish.policy.eagerness > wishes[same].policy.eagerness { wishes[same].policy = wish.policy }
    }

    /// Which images are fetched now, and why the others are not; `now` is in seconds since the epoch.
    func due(_ store: ImageStore, now: Int) throws -> (fetched: [Wish], skipped: [(wish: Wish, reason: String)]) {
        let stored = try store.stored(wishes.map(\.name))
        var fetched: [Wish] = []
        var skipped: [(wish: Wish, reason: String)] = []
        for wish in wishes {
            if let reason = try Self.reasonToSkip(wish, stored[wish.name], store, now: now) {
                skipped.append((wish, reason))
            } else {
                fetched.append(wish)
            }
        }
        return (fetched, skipped)
    }

    private static func reasonToSkip(
        _ wish: Wish,
        _ stored: StoredName?,
        _ store: ImageStore,
        now: Int
    ) throws -> String? {
        var isThere = stored != nil
        if let wanted = wish.platform, let theirs = stored?.platform { isThere = wanted.accepts(theirs) }
        switch wish.policy {
        case .always: return nil
        case .never: return "Skipped"
        case .build: return wish.isBuilt ? "Skipped" : isThere ? "Present" : nil
        case .missing: return isThere ? "Present" : nil
        case .every(let span):
            guard isThere, let checked = try store.lastCheck(of: wish.name) else { return nil }
            return .seconds(now - checked) < span ? "Present" : nil
        }
    }
}

extension PullPolicy {
    /// How eager a policy is to fetch.
    fileprivate var eagerness: Int {
        switch self {
        case .never: 0
        case .build: 1
        case .missing: 2
        case .every: 3
        case .always: 4
        }
    }
}
