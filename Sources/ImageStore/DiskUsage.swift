import Glibc
package import LinuxSystem
import OCISpec

/// How much of the disk something takes.
package enum DiskUsage {
    /// The bytes of the blocks of a file, or of all that is in a directory: lstat(2).
    ///
    /// Files with several names count once, what isn't there takes nothing, and no link is followed.
    package static func of(_ path: String) throws(SyscallError) -> Int64 {
        var status = stat()
        guard lstat(path, &status) == 0 else { return 0 }
        var bytes = Int64(status.st_blocks) * 512
        guard status.st_mode & S_IFMT == S_IFDIR else { return bytes }
        var seen: Set<UInt64> = []
        do throws(SyscallError) {
            let directory = try OwnedDescriptor.directory(path)
            try add(directory, &bytes, &seen, depth: 0)
        } catch {
            guard error.errno.rawValue == ENOENT else { throw error }
        }
        return bytes
    }

    private static func add(
        _ directory: borrowing OwnedDescriptor,
        _ bytes: inout Int64,
        _ seen: inout Set<UInt64>,
        depth: Int
    ) throws(SyscallError) {
        let entries = DirectoryEntries()
        while true {
            let batch = try entries.next(directory)
            if batch.isEmpty { return }
            for entry in batch {
                var status = stat()
                guard fstatat(directory.rawValue, entry.name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { continue }
                if status.st_nlink > 1, status.st_mode & S_IFMT != S_IFDIR, !seen.insert(UInt64(status.st_ino)).inserted
                {
                    continue
                }
                bytes += Int64(status.st_blocks) * 512
                // As deep as descriptors reach; what lies deeper is not worth a failure.
                guard status.st_mode & S_IFMT == S_IFDIR, depth < 200 else { continue }
                let child: OwnedDescriptor
                do throws(SyscallError) {
                    child = try directory.openAt(
                        path: entry.name,
                        O_RDONLY | O_DIRECTORY | O_NOFOLLOW,
                        [.beneath, .noLinks, .sameMount]
                    )
                } catch {
                    guard [ENOENT, EXDEV, ENOTDIR].contains(error.errno.rawValue) else { throw error }
                    continue
                }
                try add(child, &bytes, &seen, depth: depth + 1)
            }
        }
    }
}

/// What the images of a store take on the disk.
package struct ImageUsage: Sendable {
    /// Bytes that nobody but one image needs, by image, and bytes that it shares with others.
    package var images: [(image: StoredImage, unique: Int64, shared: Int64)] = []
    /// Bytes of everything: blobs and unpacked layers.
    package var total: Int64 = 0
}

extension ImageStore {
    /// What the images take on the disk, unpacked layers and blobs together.
    package func usage() throws(ImageError) -> ImageUsage {
        let images = try images()
        var owners: [String: Int] = [:]
        var parts: [[String]] = []
        for image in images {
            let blobs = (image.manifest.layers + [image.manifest.config, image.manifestDescriptor]).map(\.digest)
            let layers = image.configuration.rootfs?.diffIDs ?? []
            let paths = (blobs.map(files.blob) + layers.map(files.layer)).uniqued()
            for path in paths { owners[path, default: 0] += 1 }
            parts.append(paths)
        }
        var sizes: [String: Int64] = [:]
        for path in owners.keys {
            sizes[path] = try attempt("measure \(path)") { () throws(SyscallError) in try DiskUsage.of(path) }
        }
        var usage = ImageUsage()
        usage.total = sizes.values.reduce(0, +)
        for (image, paths) in zip(images, parts) {
            let own = paths.filter { owners[$0] == 1 }.reduce(0) { $0 + (sizes[$1] ?? 0) }
            let all = paths.reduce(0) { $0 + (sizes[$1] ?? 0) }
            usage.images.append((image, own, all - own))
        }
        return usage
    }
}
