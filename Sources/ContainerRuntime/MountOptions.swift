package import LinuxSystem
import OCISpec

/// The options of one mount, told apart: attributes of the mount, propagation, and parameters of the filesystem.
package struct MountOptions: Hashable, Sendable {
    /// How files get other owners in a mount: mount_setattr(2) `MOUNT_ATTR_IDMAP`.
    package struct IDs: Hashable, Sendable {
        /// `ridmap`: the mounts below, too.
        package var isRecursive = false
        /// What follows `idmap=`; nil for the ids of the mount's own mappings, or the container's.
        package var text: String?
    }

    /// Of the mount itself.
    package var attributes: MountAttributes = []
    /// Of the mount and of those below it.
    package var recursive = MountAlteration(isRecursive: true)
    package var propagation: MountPropagation?
    /// `bind` or `rbind` is among them.
    package var isBind = false
    /// `rbind` is among them.
    package var isRecursive = false
    /// `idmap` or `ridmap` is among them.
    package var ids: IDs?
    /// `tmpcopyup`: the filesystem begins with what the directory holds that it covers.
    package var copiesUp = false
    /// What the filesystem itself is told.
    package var parameters: [FilesystemRecipe.Parameter] = []

    /// Reads options in mount(8)'s words; the last of two that contradict each other wins.
    package init(_ words: [String]) {
        for word in words {
            if !read(word), !readRecursive(word) { readOther(word) }
        }
    }

    private mutating func read(_ word: String) -> Bool {
        if let set = MountOptions.setting[word] {
            attributes.subtract(MountOptions.replaced[word] ?? [])
            attributes.insert(set)
        } else if let cleared = MountOptions.clearing[word] {
            attributes.remove(cleared)
        } else if let propagation = MountOptions.propagations[word] {
            self.propagation = propagation
        } else {
            return false
        }
        return true
    }

    /// Words with an `r` before them are for the mounts below, too, and clear what they have.
    private mutating func readRecursive(_ word: String) -> Bool {
        guard word.hasPrefix("r") else { return false }
        let plain = String(word.dropFirst())
        if let set = MountOptions.setting[plain] {
            recursive.cleared.subtract(set.union(MountOptions.replaced[plain] ?? []))
            recursive.set.subtract(MountOptions.replaced[plain] ?? [])
            recursive.set.insert(set)
        } else if let cleared = MountOptions.clearing[plain] {
            recursive.set.subtract(cleared)
            recursive.cleared.insert(cleared)
        } else {
            return plain == "norelatime"  // as the kernel does without being told
        }
        return true
    }

    private mutating func readOther(_ word: String) {
        switch word {
        case "bind": isBind = true
        case "rbind": (isBind, isRecursive) = (true, true)
        case "idmap": ids = IDs()
        case "ridmap": ids = IDs(isRecursive: true)
        case "tmpcopyup": copiesUp = true
        // What a mount is without being told.
        case "defaults", "async", "silent", "loud", "norelatime", "nomand", "noiversion", "nolazytime": break
        default:
            let parameter = MountOptions.parameter(word)
            if let text = parameter.value, ["idmap", "ridmap"].contains(parameter.key) {
                ids = IDs(isRecursive: parameter.key == "ridmap", text: text)
            } else {
                parameters.append(parameter)
            }
        }
    }

    /// Whether nobody is to write to the mount.
    package var isReadOnly: Bool { attributes.union(recursive.set).contains(.readOnly) }

    /// What becomes of a copy of a mount that there is.
    ///
    /// A copy is private where nobody says otherwise: that of a shared mount would stay the twin of what it was copied
    /// from. Propagation is for all that is copied, so that no mount below is a twin either.
    package var change: MountChange {
        var change = MountChange()
        change.top.set = attributes
        change.all = recursive
        if isRecursive {
            change.all.propagation = propagation ?? .private
        } else {
            change.top.propagation = propagation ?? .private
        }
        return change
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

    /// Every word that means something to us, and is not a filesystem's own.
    package static var words: [String] {
        let plain = Array(setting.keys) + clearing.keys
        let others = [
            "async", "bind", "defaults", "idmap", "loud", "nomand", "norelatime", "rbind", "ridmap", "rnorelatime",
            "silent",
            "tmpcopyup",
        ]
        return (plain + plain.map { "r" + $0 } + propagations.keys + others).sorted()
    }
}

extension MountSpec {
    /// Whether it shows what is at its source, as its type or its options say.
    var isBind: Bool { type == "bind" || options?.contains { $0 == "bind" || $0 == "rbind" } == true }
}
