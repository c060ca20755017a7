import Glibc

/// How many directories below each other are held open at most.
private let deepest = 128

extension OwnedDescriptor {
    /// Removes an entry of this directory and all that is beneath it; nothing there is no error.
    ///
    /// Follows no link, and stops with EXDEV at a mount. What lies deeper than the descriptors of one process reach is
    /// moved up first, so no nesting is too deep to be removed.
    package borrowing func removeTree(_ name: String) throws(SyscallError) {
        let bytes = Array(name.utf8CString)
        try removeTree(bytes)
    }

    /// Removes an entry of this directory and all that is beneath it; `name` ends with a zero byte.
    package borrowing func removeTree(_ name: [CChar]) throws(SyscallError) {
        if try removeEntry(name, isDirectory: nil) { return }
        let removal = TreeRemoval()
        var moved = 0
        while true {
            let before = moved
            do {
                let top = try openDirectory(name)
                try removal.empty(top, depth: 0, top: top, moved: &moved)
            } catch {
                if error.errno.rawValue == ENOENT { return }
                throw error
            }
            if moved == before { break }
        }
        guard unlinkat(rawValue, name, AT_REMOVEDIR) == 0 || Glibc.errno == ENOENT else {
            throw SyscallError(call: "unlinkat", subject: describe(name), errno: .current)
        }
    }

    /// Removes what is no directory; says false when it is one.
    fileprivate borrowing func removeEntry(_ name: [CChar], isDirectory: Bool?) throws(SyscallError) -> Bool {
        if isDirectory == true { return false }
        guard unlinkat(rawValue, name, 0) != 0 else { return true }
        let reason = Errno.current
        switch reason.rawValue {
        case ENOENT: return true
        case EISDIR: return false
        default: throw SyscallError(call: "unlinkat", subject: describe(name), errno: reason)
        }
    }

    fileprivate borrowing func openDirectory(_ name: [CChar]) throws(SyscallError) -> OwnedDescriptor {
        try openAt(path: name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, [.beneath, .noLinks, .sameMount])
    }
}

private struct TreeRemoval: ~Copyable {
    private let entries = DirectoryEntries()

    borrowing func empty(
        _ directory: borrowing OwnedDescriptor,
        depth: Int,
        top: borrowing OwnedDescriptor,
        moved: inout Int
    ) throws(SyscallError) {
        while true {
            let batch = try entries.next(directory)
            if batch.isEmpty { return }
            for entry in batch {
                if try directory.removeEntry(entry.name, isDirectory: entry.isDirectory) { continue }
                if depth == deepest {
                    try raise(entry.name, in: directory, to: top, moved: &moved)
                    continue
                }
                let child = try directory.openDirectory(entry.name)
                try empty(child, depth: depth + 1, top: top, moved: &moved)
                guard unlinkat(directory.rawValue, entry.name, AT_REMOVEDIR) == 0 else {
                    throw SyscallError(call: "unlinkat", subject: describe(entry.name), errno: .current)
                }
            }
        }
    }

    private borrowing func raise(
        _ name: [CChar],
        in directory: borrowing OwnedDescriptor,
        to top: borrowing OwnedDescriptor,
        moved: inout Int
    ) throws(SyscallError) {
        while true {
            moved += 1
            if renameat(directory.rawValue, name, top.rawValue, ".roost-removing-\(moved)") == 0 { return }
            let reason = Errno.current
            // Whoever filled the tree may have used our name; there are more numbers.
            guard [EEXIST, ENOTEMPTY, ENOTDIR].contains(reason.rawValue) else {
                throw SyscallError(call: "renameat", subject: describe(name), errno: reason)
            }
        }
    }
}

private func describe(_ name: [CChar]) -> String {
    String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
