import Glibc
import LinuxSystem

/// Takes what a source has, directory by directory in the order of names.
protocol SourceSink: AnyObject {
    /// A directory begins; what comes until `leave` lies in it.
    func enter(_ name: [CChar], _ metadata: FileMetadata, _ directory: borrowing OwnedDescriptor) throws
    /// The directory that was entered last has ended.
    func leave() throws
    /// Anything but a directory, an entry of `directory`.
    func entry(_ name: [CChar], _ metadata: FileMetadata, in directory: borrowing OwnedDescriptor) throws
}

/// Files that a step takes: of a context's directory, or of the filesystem of another step.
///
/// Somebody may change a context meanwhile, and a filesystem holds whatever an image has: every path is resolved beneath
/// the root by descriptor, and no link in a tree is followed.
final class SourceTree: Sendable {
    /// The root; of a mount, alive as long as this.
    let root: OwnedDescriptor
    /// What is left out of all that is taken.
    let ignored: IgnoreRules
    /// Whether it is a context: owners of files do not count there.
    let isContext: Bool
    /// What it is, for people.
    let subject: String
    /// What the root's directories are names of.
    private let filesystem: StepFilesystem?

    init(
        _ root: consuming OwnedDescriptor,
        ignoring ignored: IgnoreRules = IgnoreRules(),
        isContext: Bool,
        subject: String,
        keeping filesystem: StepFilesystem? = nil
    ) {
        self.root = root
        self.ignored = ignored
        self.isContext = isContext
        self.subject = subject
        self.filesystem = filesystem
    }

    /// One thing that a source names.
    struct Match: Hashable, Sendable {
        /// Relative to the root, without links on the way.
        var path: [String]
        /// The name under which it is copied: that of the source, where a link leads elsewhere.
        var written: [String]
        var metadata: FileMetadata
    }

    /// Finds what the patterns of a selection name, in the order of their names.
    ///
    /// What has no wildcard has to be there. Throws `notFound`.
    func matches(_ selection: FileSelection) throws -> [Match] {
        let filter = try filter(of: selection)
        var result: [Match] = []
        for pattern in selection.patterns {
            guard selection.hasWildcards, PathPattern.hasWildcards(pattern) else {
                let plain = selection.hasWildcards ? PathPattern.unescaped(pattern) : pattern
                guard let match = try match(plain.split(separator: "/").map(String.init)),
                    !filter.excludes(match.path.joined(separator: "/"))
                else { throw missing(plain, filter) }
                result.append(match)
                continue
            }
            let glob: SourceGlob
            do { glob = try SourceGlob(pattern) } catch {
                throw BuildError(.notFound, "\(pattern): \(error.message)")
            }
            var found = try expand(glob.parts[...], from: [])
            found.removeAll { filter.excludes($0.path.joined(separator: "/")) }
            result += found
        }
        return result
    }

    private func missing(_ path: String, _ filter: Filter) -> BuildError {
        let name = path.isEmpty ? "/" : path
        let isIgnored = ignored.excludes(path)
        return BuildError(
            .notFound,
            isIgnored
                ? "\(name) is left out of \(subject) by .dockerignore; add \"!\(name)\" there to have it"
                : "there is no \(name) in \(subject)"
        )
    }

    private func match(_ written: [String]) throws -> Match? {
        let place: RootPath
        do throws(SyscallError) { place = try RootPath(written.joined(separator: "/"), in: root) } catch {
            if error.errno.rawValue == ENOTDIR { return nil }
            throw BuildError(.system, "read \(subject): \(error)")
        }
        guard place.isThere else { return nil }
        let file = try root.openAt(path: place.relative, O_PATH | O_NOFOLLOW, [.beneath, .noLinks])
        return Match(path: place.present, written: written, metadata: try file.metadata())
    }

    private func expand(_ parts: ArraySlice<SourceGlob.Part>, from written: [String]) throws -> [Match] {
        guard let part = parts.first else { return try match(written).map { [$0] } ?? [] }
        let rest = parts.dropFirst()
        switch part {
        case .name(let name): return try expand(rest, from: written + [name])
        case .pattern(let pattern):
            guard let above = try match(written), above.metadata.kind == .directory else { return [] }
            let path = above.path.isEmpty ? "." : above.path.joined(separator: "/")
            let directory = try root.openAt(path: path, O_RDONLY | O_DIRECTORY, [.beneath, .noLinks])
            let names = try Self.sortedNames(of: directory).map { Self.text($0) }.filter { pattern.matches($0) }
            return try names.flatMap { try expand(rest, from: written + [$0]) }
        }
    }

    // MARK: walking

    /// Hands what a match names to `sink`: a directory with all that is in it but for what is left out.
    func walk(_ match: Match, _ selection: FileSelection, to sink: some SourceSink) throws {
        let filter = try filter(of: selection)
        let above = match.path.dropLast().joined(separator: "/")
        let parent = try root.openAt(path: above.isEmpty ? "." : above, O_RDONLY | O_DIRECTORY, [.beneath, .noLinks])
        guard match.metadata.kind == .directory else {
            guard let name = match.path.last else { return }
            return try sink.entry(Array(name.utf8CString), match.metadata, in: parent)
        }
        let path = match.path.joined(separator: "/")
        let directory = try root.openAt(path: path.isEmpty ? "." : path, O_RDONLY | O_DIRECTORY, [.beneath, .noLinks])
        let walk = Walk(filter: filter, sink: sink)
        try walk.enter(Array((match.path.last ?? "").utf8CString), directory)
        try walk.entries(of: directory, path: path, filter.inherited(by: match.path), depth: 0)
        try walk.leave()
    }

    private func filter(of selection: FileSelection) throws -> Filter {
        var rules: [IgnoreRules] = []
        if selection.honoursIgnoreFile && !ignored.isEmpty { rules.append(ignored) }
        if !selection.excludes.isEmpty {
            do { rules.append(try IgnoreRules(selection.excludes)) } catch let error as PathPattern.Malformed {
                throw BuildError(.notFound, "--exclude: \(error.message)")
            }
        }
        return Filter(rules: rules)
    }

    static func sortedNames(of directory: borrowing OwnedDescriptor) throws(SyscallError) -> [[CChar]] {
        let entries = DirectoryEntries()
        var names: [[CChar]] = []
        while true {
            let batch = try entries.next(directory)
            if batch.isEmpty { break }
            for entry in batch { names.append(entry.name) }
        }
        return names.sorted { $0.lexicographicallyPrecedes($1) { UInt8(bitPattern: $0) < UInt8(bitPattern: $1) } }
    }

    static func text(_ name: [CChar]) -> String {
        String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

/// Several lists of what is left out; what one of them leaves out is left out.
private struct Filter {
    var rules: [IgnoreRules]

    func excludes(_ path: String) -> Bool { rules.contains { $0.excludes(path) } }

    func inherited(by path: [String]) -> [IgnoreRules.Inherited] {
        var result = rules.map { _ in IgnoreRules.Inherited() }
        for end in path.indices {
            let text = path[...end].joined(separator: "/")
            for (index, rules) in rules.enumerated() {
                result[index] = rules.excludes(text, in: result[index]).inherited
            }
        }
        return result
    }

    /// Whether a path is taken, and whether what lies below it may be.
    func verdict(
        _ path: String,
        _ parents: [IgnoreRules.Inherited]
    ) -> (isTaken: Bool, mayHold: Bool, inherited: [IgnoreRules.Inherited]) {
        var (isTaken, mayHold) = (true, true)
        var inherited: [IgnoreRules.Inherited] = []
        for (rules, parent) in zip(rules, parents) {
            let (isExcluded, own) = rules.excludes(path, in: parent)
            inherited.append(own)
            if isExcluded {
                isTaken = false
                if !rules.mayReinclude(below: path) { mayHold = false }
            }
        }
        return (isTaken, mayHold, inherited)
    }
}

/// One walk: directories that are left out themselves are entered when something in them is taken.
private final class Walk {
    private let filter: Filter
    private let sink: any SourceSink
    /// Directories on the way that the sink has not heard of yet.
    private var waiting: [(name: [CChar], directory: HeldDescriptor)] = []

    init(filter: Filter, sink: any SourceSink) {
        self.filter = filter
        self.sink = sink
    }

    func enter(_ name: [CChar], _ directory: borrowing OwnedDescriptor) throws {
        try sink.enter(name, directory.metadata(), directory)
    }

    func leave() throws { try sink.leave() }

    func entries(
        of directory: borrowing OwnedDescriptor,
        path: String,
        _ inherited: [IgnoreRules.Inherited],
        depth: Int
    ) throws {
        guard depth < TreeWalk.deepest else {
            throw BuildError(.tooLarge, "\(path): directories lie more than \(TreeWalk.deepest) deep in each other")
        }
        for name in try SourceTree.sortedNames(of: directory) {
            // It has gone since its name was read.
            guard let metadata = try directory.metadata(ofEntry: name) else { continue }
            let text = filter.rules.isEmpty ? "" : path.isEmpty ? SourceTree.text(name) : "\(path)/\(SourceTree.text(name))"
            let verdict = filter.rules.isEmpty ? (isTaken: true, mayHold: true, inherited: []) : filter.verdict(text, inherited)
            guard metadata.kind == .directory else {
                guard verdict.isTaken else { continue }
                try announce()
                try sink.entry(name, metadata, in: directory)
                continue
            }
            guard verdict.isTaken || verdict.mayHold else { continue }
            let child = HeldDescriptor(
                try directory.openAt(path: name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, [.beneath, .noLinks])
            )
            let count = waiting.count
            waiting.append((name, child))
            if verdict.isTaken { try announce() }
            try entries(of: child.descriptor, path: text, verdict.inherited, depth: depth + 1)
            if waiting.count > count { waiting.removeLast() } else { try sink.leave() }
        }
    }

    /// Tells the sink of the directories on the way.
    private func announce() throws {
        for (name, directory) in waiting { try enter(name, directory.descriptor) }
        waiting = []
    }
}
