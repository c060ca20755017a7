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
        /// As the source names it, from the selection's `base` on.
        var written: [String]
        var metadata: FileMetadata
    }

    /// Finds what a selection names, in the order of the names.
    ///
    /// What has no wildcard has to be there. Throws `notFound`.
    func matches(_ selection: FileSelection) throws -> [Match] {
        guard selection.wildcards == .acrossParts, PathPattern.hasWildcards(selection.base) else {
            return try matches(selection, in: selection.base.split(separator: "/").map(String.init))
        }
        // A pattern stands before "/./": what it matches is where the rest may be.
        let bases: [Match]
        do { bases = try expand(SourceGlob(selection.base).parts[...], from: [], in: []) } catch let error
            as PathPattern.Malformed
        {
            throw BuildError(.notFound, "\(selection.base): \(error.message)")
        }
        return try bases.flatMap { base in
            do { return try matches(selection, in: base.written) } catch let error as BuildError {
                guard error.code == .notFound else { throw error }
                return []
            }
        }
    }

    private func matches(_ selection: FileSelection, in base: [String]) throws -> [Match] {
        let filter = try filter(of: selection)
        let pattern = selection.pattern
        var found: [Match]
        switch selection.wildcards {
        case .acrossParts where pattern.contains("**"):
            guard let top = try match([], in: base), top.metadata.kind == .directory else { return [] }
            found = []
            do { try search(top, base, PathPattern(pattern), &found) } catch let error as PathPattern.Malformed {
                throw BuildError(.notFound, "\(pattern): \(error.message)")
            }
        case .acrossParts where PathPattern.hasWildcards(pattern), .withinParts where PathPattern.hasWildcards(pattern):
            do { found = try expand(SourceGlob(pattern).parts[...], from: [], in: base) } catch let error
                as PathPattern.Malformed
            {
                throw BuildError(.notFound, "\(pattern): \(error.message)")
            }
        default:
            let plain = selection.wildcards == .none ? pattern : PathPattern.unescaped(pattern)
            let match = try match(plain.split(separator: "/").map(String.init), in: base)
            let isNamed = selection.wildcards == .withinParts && match?.metadata.kind != .directory
            // What is named in full is meant, whatever --exclude says.
            guard let match, !filter.leavesOut(match, isNamed: isNamed) else {
                throw missing((base + [plain]).joined(separator: "/"))
            }
            return [match]
        }
        return found.filter { !filter.leavesOut($0) }
    }

    private func missing(_ path: String) -> BuildError {
        let name = path.isEmpty ? "/" : path
        let isIgnored = ignored.excludes(path)
        return BuildError(
            .notFound,
            isIgnored
                ? "\(name) is left out of \(subject) by .dockerignore; add \"!\(name)\" there to have it"
                : "there is no \(name) in \(subject)"
        )
    }

    private func match(_ written: [String], in base: [String]) throws -> Match? {
        let place: RootPath
        do throws(SyscallError) { place = try RootPath((base + written).joined(separator: "/"), in: root) } catch {
            if error.errno.rawValue == ENOTDIR { return nil }
            throw BuildError(.system, "read \(subject): \(error)")
        }
        guard place.isThere else { return nil }
        let file = try root.openAt(path: place.relative, O_PATH | O_NOFOLLOW, [.beneath, .noLinks])
        return Match(path: place.present, written: written, metadata: try file.metadata())
    }

    private func expand(
        _ parts: ArraySlice<SourceGlob.Part>,
        from written: [String],
        in base: [String]
    ) throws -> [Match] {
        guard let part = parts.first else { return try match(written, in: base).map { [$0] } ?? [] }
        let rest = parts.dropFirst()
        switch part {
        case .name(let name): return try expand(rest, from: written + [name], in: base)
        case .pattern(let pattern):
            guard let above = try match(written, in: base), above.metadata.kind == .directory else { return [] }
            let names = try names(in: above).filter { pattern.matches($0) }
            return try names.flatMap { try expand(rest, from: written + [$0], in: base) }
        }
    }

    /// Adds what matches a pattern with "**"; a directory that does is not searched.
    private func search(_ above: Match, _ base: [String], _ pattern: PathPattern, _ found: inout [Match]) throws {
        guard above.written.count < TreeWalk.deepest else { return }
        for name in try names(in: above) {
            let written = above.written + [name]
            let text = written.joined(separator: "/")
            if pattern.matches(text) {
                if let match = try match(written, in: base) { found.append(match) }
            } else if pattern.mayMatch(below: text) {
                let place = try RootPath((above.path + [name]).joined(separator: "/"), in: root, followsLast: false)
                guard place.isThere, place.kind == .directory, let match = try match(written, in: base) else {
                    continue
                }
                try search(match, base, pattern, &found)
            }
        }
    }

    private func names(in directory: Match) throws -> [String] {
        let path = directory.path.isEmpty ? "." : directory.path.joined(separator: "/")
        let opened = try root.openAt(path: path, O_RDONLY | O_DIRECTORY, [.beneath, .noLinks])
        return try Self.sortedNames(of: opened).map { Self.text($0) }
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
        let place = filter.place(of: match)
        try walk.entries(of: directory, place, depth: 0)
        try walk.leave()
    }

    private func filter(of selection: FileSelection) throws -> Filter {
        var filter = Filter(keepsParents: selection.wildcards == .acrossParts)
        if selection.honoursIgnoreFile { filter.ignored = ignored }
        do { filter.excluded = try IgnoreRules(selection.excludes) } catch {
            throw BuildError(.notFound, "--exclude: \(error.message)")
        }
        return filter
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

/// What is left out: by `.dockerignore`, whose paths begin at the root, and by the instruction.
private struct Filter {
    var keepsParents: Bool
    var ignored = IgnoreRules()
    var excluded = IgnoreRules()

    /// A directory by the paths that the two lists know it by.
    struct Place {
        var fromRoot: [String]
        var fromSource: [String]
        var ignored = IgnoreRules.Inherited()
        var excluded = IgnoreRules.Inherited()
    }

    var isEmpty: Bool { ignored.isEmpty && excluded.isEmpty }

    func leavesOut(_ match: SourceTree.Match, isNamed: Bool = false) -> Bool {
        if ignored.excludes(match.path.joined(separator: "/")) { return true }
        if isNamed { return false }
        if keepsParents { return excluded.excludes(match.written.joined(separator: "/")) }
        return match.metadata.kind != .directory && excluded.excludes(match.written.last ?? "")
    }

    func place(of match: SourceTree.Match) -> Place {
        var place = Place(fromRoot: [], fromSource: [])
        for name in match.path {
            place.fromRoot.append(name)
            place.ignored = ignored.excludes(place.fromRoot.joined(separator: "/"), in: place.ignored).inherited
        }
        guard keepsParents else { return place }
        for name in match.written {
            place.fromSource.append(name)
            place.excluded = excluded.excludes(place.fromSource.joined(separator: "/"), in: place.excluded).inherited
        }
        return place
    }

    /// Whether an entry of a directory is taken, and whether what lies below it may be.
    func verdict(_ name: String, in parent: Place) -> (isTaken: Bool, mayHold: Bool, place: Place) {
        var place = Place(fromRoot: parent.fromRoot + [name], fromSource: parent.fromSource + [name])
        var (isTaken, mayHold) = (true, true)
        func ask(_ rules: IgnoreRules, _ path: [String], _ inherited: IgnoreRules.Inherited) -> IgnoreRules.Inherited {
            guard !rules.isEmpty else { return inherited }
            let text = path.joined(separator: "/")
            let (isExcluded, own) = rules.excludes(text, in: inherited)
            if isExcluded {
                isTaken = false
                if !rules.mayReinclude(below: text) { mayHold = false }
            }
            return own
        }
        place.ignored = ask(ignored, place.fromRoot, parent.ignored)
        place.excluded = ask(excluded, place.fromSource, parent.excluded)
        return (isTaken, mayHold, place)
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

    func entries(of directory: borrowing OwnedDescriptor, _ place: Filter.Place, depth: Int) throws {
        guard depth < TreeWalk.deepest else {
            let path = place.fromRoot.prefix(8).joined(separator: "/")
            throw BuildError(.tooLarge, "\(path)/…: directories lie more than \(TreeWalk.deepest) deep in each other")
        }
        for name in try SourceTree.sortedNames(of: directory) {
            // It has gone since its name was read.
            guard let metadata = try directory.metadata(ofEntry: name) else { continue }
            let verdict =
                filter.isEmpty ? (true, true, place) : filter.verdict(SourceTree.text(name), in: place)
            let (isTaken, mayHold, inner) = verdict
            guard metadata.kind == .directory else {
                guard isTaken else { continue }
                try announce()
                try sink.entry(name, metadata, in: directory)
                continue
            }
            guard isTaken || mayHold else { continue }
            let child = HeldDescriptor(
                try directory.openAt(path: name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, [.beneath, .noLinks])
            )
            let count = waiting.count
            waiting.append((name, child))
            if isTaken { try announce() }
            try entries(of: child.descriptor, inner, depth: depth + 1)
            if waiting.count > count { waiting.removeLast() } else { try sink.leave() }
        }
    }

    /// Tells the sink of the directories on the way.
    private func announce() throws {
        for (name, directory) in waiting { try enter(name, directory.descriptor) }
        waiting = []
    }
}
