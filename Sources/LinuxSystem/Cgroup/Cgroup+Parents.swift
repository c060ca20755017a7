import Glibc

/// Groups above a group that nobody but we have made, and that go with the last group below them.
///
/// They carry a mark, an extended attribute of the kernel's own filesystem, so those of others stay: cgroups(7).
extension Cgroup {
    private static let mark = "trusted.roost"

    /// The directories above the group that are not there yet, in every hierarchy.
    package var missingParents: [String] {
        roots.flatMap { root in parents.map { root + $0 } }.filter { access($0, F_OK) != 0 }
    }

    /// Marks those of some directories that are there now.
    package static func markOwn(_ directories: [String]) throws(SyscallError) {
        for directory in directories {
            let opened: OwnedDescriptor
            do { opened = try OwnedDescriptor.directory(directory) } catch {
                guard error.errno.rawValue == ENOENT else { throw error }
                continue
            }
            do throws(SyscallError) { try ExtendedAttributes.set(mark, "1", of: opened.rawValue) } catch {
                // Without privilege there is no such mark, and the group stays.
                guard error.errno.rawValue == EPERM else { throw error }
            }
        }
    }

    /// Removes the groups above this one that are ours and empty.
    package func removeOwnParents() {
        for root in roots {
            for parent in parents.reversed() {
                // Another container's group in it keeps it.
                guard Self.isMarked(root + parent), rmdir(root + parent) == 0 else { break }
            }
        }
    }

    private static func isMarked(_ directory: String) -> Bool {
        // One that is gone, or can't be looked at, is not.
        guard let opened = try? OwnedDescriptor.directory(directory) else { return false }
        return (try? ExtendedAttributes.value(mark, of: opened.rawValue)) != nil
    }

    private var roots: [String] { Set([hierarchies.unified].compactMap { $0 } + hierarchies.legacy.values).sorted() }

    /// The paths of the groups above this one, the outermost first.
    private var parents: [String] {
        var path = ""
        return self.path.split(separator: "/").dropLast().map { component in
            path += "/\(component)"
            return path
        }
    }
}
