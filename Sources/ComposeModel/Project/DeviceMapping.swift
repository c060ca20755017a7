/// What may be done with a device.
package struct DevicePermissions: OptionSet, Hashable, Sendable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// `r`.
    package static let read = DevicePermissions(rawValue: 1)
    /// `w`.
    package static let write = DevicePermissions(rawValue: 2)
    /// `m`: make a node for it.
    package static let makeNode = DevicePermissions(rawValue: 4)

    /// Reads letters of `rwm`, at least one and each at most once.
    init?(text: String) {
        self = []
        for letter in text {
            guard let one = ["r": Self.read, "w": .write, "m": .makeNode][letter], insert(one).inserted else {
                return nil
            }
        }
        if isEmpty { return nil }
    }
}

/// A device node of the host that a service sees.
package struct DeviceMapping: Hashable, Sendable {
    /// The node, or a directory of nodes, of the host.
    package var source: String
    /// Where it is inside.
    package var target: String
    /// What may be done with it.
    package var permissions: DevicePermissions

    /// A device node.
    package init(source: String, target: String, permissions: DevicePermissions = [.read, .write, .makeNode]) {
        self.source = source
        self.target = target
        self.permissions = permissions
    }
}

/// Devices that a service may open: one line of `device_cgroup_rules`.
package struct DeviceRule: Hashable, Sendable {
    /// The kind of device.
    package enum Kind: String, Hashable, Sendable { case any = "a", block = "b", character = "c" }

    /// The kind of device.
    package var kind: Kind
    /// The major number; nil for all.
    package var major: UInt32?
    /// The minor number; nil for all.
    package var minor: UInt32?
    /// What may be done with them.
    package var permissions: DevicePermissions

    /// Reads `c 13:* rwm`.
    init?(text: String) {
        let words = text.split(separator: " ").map(String.init)
        guard words.count == 3, let kind = Kind(rawValue: words[0]) else { return nil }
        let numbers = words[1].split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard numbers.count == 2, let permissions = DevicePermissions(text: words[2]) else { return nil }
        let (major, minor) = (UInt32(numbers[0]), UInt32(numbers[1]))
        guard major != nil || numbers[0] == "*", minor != nil || numbers[1] == "*" else { return nil }
        (self.kind, self.major, self.minor, self.permissions) = (kind, major, minor, permissions)
    }
}
