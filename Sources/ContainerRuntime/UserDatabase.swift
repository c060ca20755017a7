import Glibc
package import LinuxSystem
package import OCISpec

/// Who a container's program runs as, and where that user is at home.
package struct ContainerUser: Hashable, Sendable {
    package var user: ProcessSpec.User
    /// The home directory; `/` for a user whom the image does not know.
    package var home: String
}

/// The users and groups of an image: passwd(5), group(5).
///
/// The files are the image's, so nothing of them is believed but what it takes to find names.
package struct UserDatabase: Hashable, Sendable {
    private struct User: Hashable { var name: String, uid: UInt32, gid: UInt32, home: String }
    private struct Group: Hashable { var name: String, gid: UInt32, members: [String] }

    /// The most bytes of one file that are read.
    private static let sizeLimit = 4 << 20
    /// The highest number that is taken for an id.
    private static let highestID: UInt32 = .max >> 1

    private let users: [User]
    private let groups: [Group]

    /// Reads the text of both files; lines that are not as they should be are passed over.
    package init(passwd: String, group: String) {
        users = passwd.utf8.split(separator: UInt8(ascii: "\n")).compactMap { line in
            let fields = UserDatabase.fields(line)
            guard fields.count >= 6, let uid = UserDatabase.id(fields[2]), let gid = UserDatabase.id(fields[3]) else {
                return nil
            }
            return User(name: fields[0], uid: uid, gid: gid, home: fields[5])
        }
        groups = group.utf8.split(separator: UInt8(ascii: "\n")).compactMap { line in
            let fields = UserDatabase.fields(line)
            guard fields.count >= 4, let gid = UserDatabase.id(fields[2]) else { return nil }
            return Group(name: fields[0], gid: gid, members: fields[3].split(separator: ",").map { String($0) })
        }
    }

    /// Reads `/etc/passwd` and `/etc/group` of a root that is mounted nowhere yet: openat2(2) `RESOLVE_IN_ROOT`.
    ///
    /// A file that is not there is an empty one. What is not a regular file, or longer than 4 MiB, is an error.
    package init(root: borrowing DetachedMount) throws(ContainerError) {
        let descriptor = root.descriptor.rawValue
        self.init(
            passwd: try UserDatabase.text("etc/passwd", beneath: descriptor),
            group: try UserDatabase.text("etc/group", beneath: descriptor)
        )
    }

    /// Reads the users beneath a directory of the host that is a root, and no groups.
    package init(usersOf path: String) throws(ContainerError) {
        let directory: OwnedDescriptor
        do { directory = try OwnedDescriptor.path(path) } catch { throw .kernel("user", error) }
        self.init(passwd: try UserDatabase.text("etc/passwd", beneath: directory.rawValue), group: "")
    }

    /// Where a user is at home; nil for one who is not known, or has no home.
    package func home(of uid: UInt32) -> String? {
        users.first { $0.uid == uid }.flatMap { $0.home.isEmpty ? nil : $0.home }
    }

    /// Finds `user[:group]`, each a name or a number, and the groups to add; an empty user is number 0.
    ///
    /// A user whose group is not given is in the groups that name it as a member.
    package func resolve(_ text: String, adding added: [String] = []) throws(ContainerError) -> ContainerUser {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map { String($0) }
        let wanted = parts[0].isEmpty ? "0" : parts[0]
        let number = try id(wanted, what: "user")
        let known = users.first { $0.name == wanted } ?? users.first { $0.uid == number }
        guard let uid = known?.uid ?? number else {
            throw .invalid("user", "user \"\(wanted)\" is not in the image's /etc/passwd")
        }
        var gids: [UInt32] = []
        var gid = known?.gid ?? 0
        if parts.count > 1, !parts[1].isEmpty {
            gid = try self.gid(parts[1])
        } else if let known {
            gids = groups.filter { $0.members.contains(known.name) }.map(\.gid)
        }
        for group in added { gids.append(try self.gid(group)) }
        var seen: Set<UInt32> = []
        let user = ProcessSpec.User(uid: uid, gid: gid, additionalGids: gids.filter { seen.insert($0).inserted })
        let home = known?.home ?? ""
        return ContainerUser(user: user, home: home.isEmpty ? "/" : home)
    }

    private func gid(_ wanted: String) throws(ContainerError) -> UInt32 {
        if let known = groups.first(where: { $0.name == wanted }) { return known.gid }
        guard let number = try id(wanted, what: "group") else {
            throw .invalid("user", "group \"\(wanted)\" is not in the image's /etc/group")
        }
        return number
    }

    /// The number that a text is; nil when it is a name.
    private func id(_ text: String, what: String) throws(ContainerError) -> UInt32? {
        if let number = UserDatabase.id(text) { return number }
        let digits = text.first == "-" || text.first == "+" ? text.dropFirst() : text[...]
        // A number that is no id must not be looked for as a name, and be found as somebody.
        guard digits.isEmpty || !digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            throw .invalid("user", "\(what) \"\(text)\" is not from 0 to \(UserDatabase.highestID)")
        }
        return nil
    }

    private static func id(_ text: String) -> UInt32? {
        guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = UInt32(text) else {
            return nil
        }
        return number <= highestID ? number : nil
    }

    private static func fields(_ line: Substring.UTF8View.SubSequence) -> [String] {
        line.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
    }

    private static func text(_ path: String, beneath root: Int32) throws(ContainerError) -> String {
        let file: OwnedDescriptor
        do { file = try OwnedDescriptor.regularFile(path, inRoot: root) } catch {
            if [ENOENT, ENOTDIR].contains(error.errno.rawValue) { return "" }
            throw .kernel("the image's /\(path)", error)
        }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = read(file.rawValue, &buffer, buffer.count)
            if count == 0 { return String(decoding: bytes, as: UTF8.self) }
            guard count > 0 else {
                throw .kernel("user", SyscallError(call: "read", subject: "the image's /\(path)", errno: .current))
            }
            bytes += buffer[..<count]
            guard bytes.count <= sizeLimit else {
                throw .invalid("user", "the image's /\(path) is longer than \(sizeLimit) bytes")
            }
        }
    }
}
