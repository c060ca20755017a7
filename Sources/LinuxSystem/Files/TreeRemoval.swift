import Glibc

/// How many directories below each other are held open at most.
private let deepest = 128

/// How often, a millisecond apart, directories of one tree are emptied again that somebody fills: a process that was killed
/// a moment ago may still be ending.
private let patience = 2000

/// What happened so far in one removal.
private struct RemovalCourse {
    /// Directories that were moved up, because they lay too deep.
    var moved = 0
    /// Directories in which there was something again.
    var refilled = 0
}

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
        var course = RemovalCourse()
        repeat {
            var moved: Int
            repeat {
                moved = course.moved
                do {
                    let top = try openDirectory(name)
                    try removal.empty(top, depth: 0, top: top, &course)
                } catch {
                    if error.errno.rawValue == ENOENT { return }
                    throw error
                }
            } while course.moved > moved
        } while try !removeEmptied(name, &course)
    }

    /// Removes a directory that was emptied; says false when there is something in it again, and patience left.
    fileprivate borrowing func removeEmptied(
        _ name: [CChar],
        _ course: inout RemovalCourse
    ) throws(SyscallError) -> Bool {
        if unlinkat(rawValue, name, AT_REMOVEDIR) == 0 { return true }
        let reason = Errno.current
        if reason.rawValue == ENOENT { return true }
        course.refilled += 1
        guard reason.rawValue == ENOTEMPTY, course.refilled <= patience else {
            throw SyscallError(call: "unlinkat", subject: describe(name), errno: reason)
        }
        usleep(1000)
        return false
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
        _ course: inout RemovalCourse
    ) throws(SyscallError) {
        while true {
            let batch = try entries.next(directory)
            if batch.isEmpty { return }
            for entry in batch {
                if try directory.removeEntry(entry.name, isDirectory: entry.isDirectory) { continue }
                if depth == deepest {
                    try raise(entry.name, in: directory, to: top, &course)
                    continue
                }
                repeat {
                    let child = try directory.openDirectory(entry.name)
                    try empty(child, depth: depth + 1, top: top, &course)
                } while try !directory.removeEmptied(entry.name, &course)
            }
        }
    }

    private borrowing func raise(
        _ name: [CChar],
        in directory: borrowing OwnedDescriptor,
        to top: borrowing OwnedDescriptor,
        _ course: inout RemovalCourse
    ) throws(SyscallError) {
        while true {
            course.moved += 1
            if renameat(directory.rawValue, name, top.rawValue, ".roost-removing-\(course.moved)") == 0 { return }
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
