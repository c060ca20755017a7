import Glibc
import ImageStore
import LinuxSystem

/// An archive that ADD unpacks: what is in it goes to the destination, as if it had been copied from a directory.
struct AddedArchive {
    let store: ImageStore
    let place: WorkPlace

    /// Whether a file is one that ADD unpacks: by its first bytes, as its name says nothing.
    static func isArchive(_ file: borrowing OwnedDescriptor) -> Bool {
        var bytes = [UInt8](repeating: 0, count: 512)
        let count = pread(file.rawValue, &bytes, bytes.count, 0)
        guard count >= 6 else { return false }
        let magics: [[UInt8]] = [
            [0x1F, 0x8B], [0x28, 0xB5, 0x2F, 0xFD], [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00], Array("BZh".utf8),
        ]
        if magics.contains(where: { bytes.starts(with: $0) }) { return true }
        return count == 512 && bytes[257..<262].elementsEqual("ustar".utf8)
    }

    /// Unpacks a file into a directory of its own by a process that can do nothing else; the caller removes it.
    ///
    /// Nil for something compressed that is no archive and does not call itself one.
    func unpack(_ file: borrowing OwnedDescriptor, called name: String) throws -> String? {
        let step = try place.makeStep()
        let directory = "\(step.path)/archive"
        do throws(ImageError) {
            let unpack = try LayerUnpack.begin(
                into: directory,
                reading: file,
                subject: "the archive \(name)",
                limits: store.limits,
                isHashed: false,
                program: store.program
            )
            _ = try unpack.finish()
        } catch {
            WorkPlace.removeDirectory(step.path)
            let isCalledArchive = [".tar", ".tgz", ".tbz", ".txz"].contains { name.lowercased().contains($0) }
            if error.code == .invalidArchive && !isCalledArchive { return nil }
            throw BuildError(.wrongContent, "\(error)")
        }
        return step.path
    }
}
