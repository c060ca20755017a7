import OCISpec
import Glibc
import LinuxSystem
package import Orchestrator

/// The logs of a project's containers: what is there by time, and then what comes, through restarts, rotation and
/// containers that are made anew.
package final class LogFollower {
    /// Which lines are wanted.
    package struct Selection: Sendable {
        /// The services; empty for all.
        package var services: Set<String> = []
        /// The number of the only container that is wanted.
        package var number: Int?
        /// How many of the last records of each container; nil for all.
        package var tail: Int?
        /// The moment before which nothing is wanted.
        package var since: WallTime?
        /// The moment after which nothing is wanted.
        package var until: WallTime?

        /// Everything.
        package init() {}

        /// Whether the lines of a container are wanted; those of `roost run` are not.
        package func includes(_ container: ContainerState) -> Bool {
            !container.isOneOff && (services.isEmpty || services.contains(container.service))
                && (number == nil || number == container.number)
        }
    }

    private struct Source {
        let id: String
        let cursor: LogCursor
        var container: ContainerState
    }

    private let directory: ProjectDirectory
    private let storage: String
    private let selection: Selection
    private let clock: () -> WallTime
    private var sources: [String: Source] = [:]
    /// Containers that are wanted and not there yet.
    private var expected: Set<String> = []
    private var watches: [Int32: Watched] = [:]
    private let watch: FileWatch

    private enum Watched: Hashable { case project, containers, container(String), log(String) }

    /// The logs of the project in `directory`; those of a container lie in `<storage>/containers/<id>`.
    package init(
        _ directory: ProjectDirectory,
        storage: String,
        selection: Selection,
        clock: @escaping () -> WallTime
    ) throws {
        watch = try FileWatch()
        self.directory = directory
        self.storage = storage
        self.selection = selection
        self.clock = clock
    }

    /// Hands over what the logs hold, the oldest record first.
    package func readExisting(_ body: (ContainerState, LogRecord) -> Void) throws(StoreError) {
        for container in try directory.state().containers { try take(in: container, isFirst: true) }
        drain(Array(sources.keys), body)
    }

    /// Hands over what comes, until all containers have ended or the project is gone.
    ///
    /// `flush` is called before each wait, for the caller to show what it was given. To be called after `readExisting`.
    package func follow(
        _ body: (ContainerState, LogRecord) -> Void,
        flush: () -> Bool
    ) throws {
        try beginFollowing(body)
        while flush(), isGoing {
            var timeout: Int32 = -1
            if let until = selection.until {
                let now = clock()
                if now > until { return }
                timeout = Int32(clamping: (until - now).wholeNanoseconds / 1_000_000 + 1)
            }
            _ = waitReadable([descriptor], milliseconds: timeout)
            try takeNews(body)
        }
    }

    /// To be polled after `beginFollowing`, for `takeNews`; lent.
    package var descriptor: Int32 { watch.descriptor }

    /// Begins to watch; hands over what came between reading and watching.
    package func beginFollowing(_ body: (ContainerState, LogRecord) -> Void) throws {
        if let number = try watch.add(directory.path) { watches[number] = .project }
        // From here on nothing goes unnoticed.
        try rescan(body)
    }

    /// Hands over what has come since; does not wait.
    package func takeNews(_ body: (ContainerState, LogRecord) -> Void) throws {
        try handle(try watch.events(timeoutMilliseconds: 0), body)
    }

    /// Hands over everything that a container has written until now.
    package func catchUp(with container: String, _ body: (ContainerState, LogRecord) -> Void) {
        drain([container], body)
    }

    private var isGoing: Bool { !expected.isEmpty || sources.values.contains { Self.isLive($0.container) } }

    private func handle(
        _ events: [FileWatch.Event],
        _ body: (ContainerState, LogRecord) -> Void
    ) throws {
        var (changed, grown): (Set<String>, Set<String>) = ([], [])
        for event in events {
            switch watches[event.watch] {
            case .log(let name): grown.insert(name)
            case .container(let name):
                if ["", ProjectDirectory.journalName].contains(event.name) { changed.insert(name) }
            case .containers where !event.name.isEmpty: changed.insert(event.name)
            case .project where event.name != "" && event.name != "containers": break
            // Also when events were lost.
            case nil, .project, .containers: return try rescan(body)
            }
        }
        for name in changed { try look(at: name, body) }
        drain(Array(grown), body)
    }

    /// Looks at the whole project.
    private func rescan(_ body: (ContainerState, LogRecord) -> Void) throws {
        if let number = try watch.add(directory.path + "/containers") { watches[number] = .containers }
        let present = Set(namesInDirectory(directory.path + "/containers"))
        for name in present.union(sources.keys).union(expected).sorted() { try look(at: name, body) }
        drain(Array(sources.keys), body)
    }

    /// Looks at one container, which may have changed in any way.
    private func look(at name: String, _ body: (ContainerState, LogRecord) -> Void) throws {
        if let number = try watch.add(directory.container(name), writes: true) { watches[number] = .container(name) }
        guard let container = try directory.state(of: name) else {
            expected.remove(name)
            // What it wrote last is still in the open file, even when the log is gone.
            drain([name], body)
            sources[name] = nil
            return
        }
        if let source = sources[name], let id = try directory.record(of: name)?.id, id != source.id {
            drain([name], body)
            sources[name] = nil
        }
        try take(in: container, isFirst: false)
        if let source = sources[name],
            let number = try watch.add("\(storage)/containers/\(source.id)", writes: true)
        {
            watches[number] = .log(name)
        }
        // The state was read first: whoever ended has written all its lines before.
        drain([name], body)
    }

    private func take(in container: ContainerState, isFirst: Bool) throws(StoreError) {
        guard selection.includes(container) else { return }
        let name = container.name
        guard sources[name] == nil else {
            sources[name]?.container = container
            return
        }
        guard let record = try directory.record(of: name) else {
            if Self.isLive(container) { expected.insert(name) } else { expected.remove(name) }
            return
        }
        expected.remove(name)
        // Who names services, means them.
        if selection.services.isEmpty && record.isUnattached == true { return }
        let cursor = LogCursor(directory: "\(storage)/containers/\(record.id)")
        if isFirst {
            if let since = selection.since { cursor.seek(since: since) }
            if let tail = selection.tail { cursor.seek(tail: tail) }
        }
        sources[name] = Source(id: record.id, cursor: cursor, container: container)
    }

    /// Whether lines may still come from a container: it runs, or is about to.
    private static func isLive(_ container: ContainerState) -> Bool {
        if container.isRunning || container.restartTime != nil { return true }
        return (container.goal == .start || container.goal == .restart) && container.failure == nil
    }

    /// Hands over the records of containers, the oldest first, until there are no more.
    private func drain(_ names: [String], _ body: (ContainerState, LogRecord) -> Void) {
        var heads = names.sorted().compactMap { name -> (source: Source, record: LogRecord)? in
            guard let source = sources[name], let record = wanted(source.cursor) else { return nil }
            return (source, record)
        }
        while let index = heads.indices.min(by: { heads[$0].record.time < heads[$1].record.time }) {
            body(heads[index].source.container, heads[index].record)
            if let next = wanted(heads[index].source.cursor) {
                heads[index].record = next
            } else {
                heads.remove(at: index)
            }
        }
    }

    /// The next record between `since` and `until`.
    private func wanted(_ cursor: LogCursor) -> LogRecord? {
        while let record = cursor.next() {
            guard selection.since != nil || selection.until != nil else { return record }
            guard let time = Timestamp.moment(record.time) else { continue }
            if let since = selection.since, time < since { continue }
            if let until = selection.until, time > until { continue }
            return record
        }
        return nil
    }
}
