package import LinuxSystem

/// The options of one mount, told apart: attributes of the mount, propagation, and parameters of the filesystem.
package struct MountOptions: Hashable, Sendable {
    package var attributes: MountAttributes = []
    package var propagation: MountPropagation?
    /// `bind` or `rbind` is among them.
    package var isBind = false
    /// `rbind` is among them.
    package var isRecursive = false
    /// Options that are known but can't be had.
    package var unsupported: [String] = []
    /// What the filesystem itself is told.
    package var parameters: [FilesystemRecipe.Parameter] = []

    /// Reads options in mount(8)'s words; the last of two that contradict each other wins.
    package init(_ words: [String]) {
        for word in words {
            if let set = MountOptions.setting[word] {
                attributes.subtract(MountOptions.replaced[word] ?? [])
                attributes.insert(set)
            } else if let cleared = MountOptions.clearing[word] {
                attributes.remove(cleared)
            } else if let propagation = MountOptions.propagations[word] {
                self.propagation = propagation
            } else {
                switch word {
                case "bind": isBind = true
                case "rbind": (isBind, isRecursive) = (true, true)
                case "defaults", "async", "silent": break  // what a mount is without being told
                case "sync", "dirsync", "norelatime", "loud":
                    unsupported.append(word)
                default: parameters.append(MountOptions.parameter(word))
                }
            }
        }
    }

    private static func parameter(_ word: String) -> FilesystemRecipe.Parameter {
        guard let separator = word.firstIndex(of: "=") else { return .init(word) }
        return .init(String(word[..<separator]), String(word[word.index(after: separator)...]))
    }

    private static let setting: [String: MountAttributes] = [
        "ro": .readOnly, "nosuid": .noSetuid, "nodev": .noDevices, "noexec": .noExecute,
        "noatime": .noAccessTimes, "strictatime": .strictAccessTimes, "nodiratime": .noDirectoryAccessTimes,
        "nosymfollow": .noSymlinks,
    ]
    /// When access times are written is one choice of three.
    private static let replaced: [String: MountAttributes] = [
        "noatime": .strictAccessTimes, "strictatime": .noAccessTimes,
    ]
    private static let clearing: [String: MountAttributes] = [
        "rw": .readOnly, "suid": .noSetuid, "dev": .noDevices, "exec": .noExecute,
        "relatime": [.noAccessTimes, .strictAccessTimes], "atime": .noAccessTimes, "nostrictatime": .strictAccessTimes,
        "diratime": .noDirectoryAccessTimes, "symfollow": .noSymlinks,
    ]
    private static let propagations: [String: MountPropagation] = [
        "private": .private, "rprivate": .private, "slave": .slave, "rslave": .slave, "shared": .shared,
        "rshared": .shared, "unbindable": .unbindable, "runbindable": .unbindable,
    ]
}
