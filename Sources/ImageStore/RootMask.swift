import Glibc
import LinuxSystem

/// What of the host's root a container must not see: a layer above "/" that hides secrets and other people's data.
///
/// It lives in memory, because overlayfs refuses a lower directory that lies within another one; nothing of it has to be
/// cleared away or brought up to date.
package struct RootMask: Hashable, Sendable {
    /// Directories that containers see empty, when they are there.
    static let emptied = [
        "/boot", "/etc/letsencrypt", "/etc/ssl/private", "/home", "/media", "/mnt", "/root", "/run", "/tmp",
        "/var/backups", "/var/lib/containerd", "/var/lib/containers", "/var/lib/docker", "/var/lib/kubelet",
        "/var/lib/systemd/coredump", "/var/log/journal", "/var/mail", "/var/spool/cron", "/var/tmp",
    ]
    /// Names that containers don't see, whether they are there or come later.
    static let hidden = [
        "/etc/NetworkManager/system-connections", "/etc/gshadow", "/etc/gshadow-", "/etc/krb5.keytab",
        "/etc/machine-id", "/etc/netplan", "/etc/shadow", "/etc/shadow-", "/etc/ssh/ssh_host_dsa_key",
        "/etc/ssh/ssh_host_ecdsa_key", "/etc/ssh/ssh_host_ed25519_key", "/etc/ssh/ssh_host_rsa_key", "/etc/sudoers",
        "/etc/sudoers.d", "/etc/wireguard", "/swap.img", "/swapfile", "/var/lib/dbus/machine-id",
        "/var/lib/systemd/credential.secret", "/var/lib/systemd/random-seed", "/var/log/auth.log", "/var/log/btmp",
        "/var/log/lastlog", "/var/log/syslog", "/var/log/wtmp",
    ]
    /// Where names come up that only a pattern tells.
    static let keyDirectory = "/etc/ssh"

    /// Roost's own directories, which are hidden too.
    let ownDirectories: [String]

    /// A mask that also hides a store and a runtime directory.
    package init(store: String, runtimeDirectory: String) { ownDirectories = [store, runtimeDirectory] }

    /// The plan for the host at hand.
    func plan() throws(ImageError) -> MaskPlan {
        var hidden = Self.hidden
        if let directory = try? OwnedDescriptor.directory(Self.keyDirectory) {
            hidden += try attempt("hide \(Self.keyDirectory)") { () throws(SyscallError) in
                try DirectoryEntries().next(directory).map { "\(Self.keyDirectory)/\($0.text)" }
                    .filter { $0.hasPrefix("/etc/ssh/ssh_host_") && $0.hasSuffix("_key") }
            }
        }
        return try MaskPlan(emptied: Self.emptied + ownDirectories, hidden: hidden, host: HostTree())
    }
}

/// Tells what is at paths of the host.
protocol FileLookup {
    /// What a path without links is; nil for nothing.
    func metadata(_ path: String) throws(ImageError) -> FileMetadata?
    /// The path without links; nil when it leads nowhere.
    func realPath(_ path: String) -> String?
}

/// The host itself.
struct HostTree: FileLookup {
    func metadata(_ path: String) throws(ImageError) -> FileMetadata? {
        try attempt("hide \(path)") { () throws(SyscallError) in try FileMetadata.of(path) }
    }

    func realPath(_ path: String) -> String? {
        guard let real = realpath(path, nil) else { return nil }
        defer { free(real) }
        return String(cString: real)
    }
}

/// The entries of a mask, parents before what is in them.
struct MaskPlan: Hashable, Sendable, CustomStringConvertible {
    /// What an entry does.
    enum Kind: String, Hashable, Sendable {
        /// A directory that is there because something in it is masked.
        case parent
        /// A directory that hides what the host has in it.
        case empty
        /// A name that hides what the host has there.
        case hidden
    }

    struct Entry: Hashable, Sendable {
        /// Absolute, without links.
        var path: String
        var kind: Kind
        var permissions: UInt32 = 0
        var owner: UInt32 = 0
        var group: UInt32 = 0
        var modified = FileMetadata.Timestamp(seconds: 0, nanoseconds: 0)
    }

    private(set) var entries: [Entry]
    /// The metadata of "/" itself.
    private(set) var root: Entry

    /// Plans for a host: emptied directories are those that are there, hidden names all whose directory is there.
    ///
    /// Links are followed: what a masked path leads to is masked, and the link stays.
    init(emptied: [String], hidden: [String], host: some FileLookup) throws(ImageError) {
        var found: [String: Entry] = [:]
        for path in emptied {
            guard let real = host.realPath(path), real != "/", let metadata = try host.metadata(real) else { continue }
            guard metadata.kind == .directory else { continue }
            found[real] = Entry(real, .empty, metadata)
        }
        for path in hidden {
            guard let slash = path.lastIndex(of: "/"),
                let parent = slash == path.startIndex ? "/" : host.realPath(String(path[..<slash]))
            else { continue }
            let direct = (parent == "/" ? "" : parent) + path[slash...]
            let real = host.realPath(direct) ?? direct
            if real != "/", found[real] == nil { found[real] = Entry(path: real, kind: .hidden) }
        }
        let masked = Set(found.keys)
        // Beneath what is masked there is nothing left to mask.
        found = found.filter { !Self.parents(of: $0.key).contains(where: masked.contains) }
        for parent in Set(found.keys.flatMap(Self.parents)) {
            guard let metadata = try host.metadata(parent), metadata.kind == .directory else { continue }
            found[parent] = Entry(parent, .parent, metadata)
        }
        entries = found.values.sorted { $0.path < $1.path }
        root = Entry(path: "/", kind: .parent, permissions: 0o755)
        if let metadata = try host.metadata("/") { root = Entry("/", .parent, metadata) }
    }

    /// The directories above a path, without "/", highest first.
    static func parents(of path: String) -> [String] {
        let parts = path.split(separator: "/").dropLast()
        return parts.indices.map { "/" + parts[...$0].joined(separator: "/") }
    }

    /// One line an entry.
    var description: String {
        entries.map { entry in
            entry.kind == .hidden
                ? "hidden \(entry.path)"
                : "\(entry.kind.rawValue) \(entry.path) \(String(entry.permissions, radix: 8)) \(entry.owner):\(entry.group)"
        }.joined(separator: "\n")
    }

    /// Makes the entries in a directory; what is already there stays as it is.
    func make(in directory: borrowing OwnedDescriptor) throws(SyscallError) {
        for entry in entries {
            let path = String(entry.path.dropFirst())
            let (parent, name) = Self.split(path)
            let holder: OwnedDescriptor
            do throws(SyscallError) {
                holder = try directory.openAt(path: parent, O_RDONLY | O_DIRECTORY, [.beneath, .noLinks])
            } catch {
                // A container has made something else of the directory, and hides what was in it thereby.
                if [ENOENT, ENOTDIR, ELOOP].contains(error.errno.rawValue) { continue }
                throw error
            }
            try entry.make(name, in: holder)
        }
        // After all children: making them changes the times.
        for entry in entries.reversed() where entry.kind != .hidden {
            let path = String(entry.path.dropFirst())
            // Only what could be opened above has times to set.
            guard let made = try? directory.openAt(path: path, O_RDONLY | O_DIRECTORY, [.beneath, .noLinks]) else {
                continue
            }
            let time = entry.modified.specification
            futimens(made.rawValue, [time, time])
        }
    }

    private static func split(_ path: String) -> (parent: String, name: String) {
        guard let slash = path.lastIndex(of: "/") else { return (".", path) }
        return (String(path[..<slash]), String(path[path.index(after: slash)...]))
    }
}

extension MaskPlan.Entry {
    init(_ path: String, _ kind: MaskPlan.Kind, _ metadata: FileMetadata) {
        self.init(
            path: path,
            kind: kind,
            permissions: metadata.permissions,
            owner: metadata.owner,
            group: metadata.group,
            modified: metadata.modified
        )
    }

    fileprivate func make(_ name: String, in directory: borrowing OwnedDescriptor) throws(SyscallError) {
        if kind == .hidden {
            guard mknodat(directory.rawValue, name, S_IFCHR, 0) != 0 && errno != EEXIST else { return }
            throw SyscallError(call: "mknodat", subject: path, errno: .current)
        }
        guard mkdirat(directory.rawValue, name, 0o700) == 0 else {
            if errno == EEXIST { return }
            throw SyscallError(call: "mkdirat", subject: path, errno: .current)
        }
        let made = try directory.openAt(path: name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, [.beneath, .noLinks])
        _ = try SyscallError.checkErrno(fchown(made.rawValue, owner, group), "fchown", path)
        _ = try SyscallError.checkErrno(fchmod(made.rawValue, permissions), "fchmod", path)
        if kind == .empty { try ExtendedAttributes.set(opaqueAttribute, "y", of: made.rawValue) }
    }
}
