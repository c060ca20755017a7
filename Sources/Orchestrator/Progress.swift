/// What those who watch a command are told.
package struct Progress: Hashable, Codable, Sendable {
    /// What kind of thing it is about.
    package enum Kind: String, Codable, Sendable {
        case network = "Network"
        case volume = "Volume"
        case container = "Container"
        case image = "Image"
        case layer = "Layer"
    }

    /// A part of something that moves.
    package struct Bytes: Hashable, Codable, Sendable {
        /// How many have moved.
        package var done: Int64
        /// How many there are.
        package var total: Int64

        /// So many of so many.
        package init(done: Int64, total: Int64) {
            self.done = done
            self.total = total
        }
    }

    /// Where it stands.
    package enum Status: String, Codable, Sendable {
        case working, done, failed
    }

    /// What kind of thing it is about.
    package var kind: Kind
    /// Its name.
    package var name: String
    /// One word for people: `Creating`, `Started`.
    package var text: String
    /// Where it stands.
    package var status: Status
    /// Why it failed.
    package var message: String?
    /// How many of its bytes have moved; nil when that is no measure of it.
    package var bytes: Bytes?

    /// Some progress of `name`.
    package init(_ kind: Kind, _ name: String, _ text: String, _ status: Status, message: String? = nil) {
        self.kind = kind
        self.name = name
        self.text = text
        self.status = status
        self.message = message
    }

    /// An operation has begun; nil for those that nobody needs to hear of.
    init?(begun operation: Step.Operation) {
        guard let words = operation.words else { return nil }
        self.init(words.kind, words.name, words.begun, .working)
    }

    /// An operation has succeeded.
    init?(ended operation: Step.Operation) {
        guard let words = operation.words else { return nil }
        self.init(words.kind, words.name, words.ended, .done)
    }

    /// An operation has failed.
    init?(failed operation: Step.Operation, _ message: String) {
        guard let words = operation.words else { return nil }
        self.init(words.kind, words.name, "Error", .failed, message: message)
    }
}

extension Step.Operation {
    fileprivate struct Words {
        var kind: Progress.Kind
        var name: String
        var begun: String
        var ended: String
    }

    fileprivate var words: Words? {
        switch self {
        case .createNetwork(let name): Words(kind: .network, name: name, begun: "Creating", ended: "Created")
        case .removeNetwork(let name): Words(kind: .network, name: name, begun: "Removing", ended: "Removed")
        case .createVolume(let name): Words(kind: .volume, name: name, begun: "Creating", ended: "Created")
        case .removeVolume(let name): Words(kind: .volume, name: name, begun: "Removing", ended: "Removed")
        case .create(let name): Words(kind: .container, name: name, begun: "Creating", ended: "Created")
        case .recreate(let name): Words(kind: .container, name: name, begun: "Recreate", ended: "Recreated")
        case .start(let name): Words(kind: .container, name: name, begun: "Starting", ended: "Started")
        case .stop(let name): Words(kind: .container, name: name, begun: "Stopping", ended: "Stopped")
        case .remove(let name): Words(kind: .container, name: name, begun: "Removing", ended: "Removed")
        case .clean, .wait: nil
        }
    }
}
