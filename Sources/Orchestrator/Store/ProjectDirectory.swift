import FoundationEssentials
package import LinuxSystem
package import OCISpec

/// What is on disk of a running project: `/run/roost/projects/<project>/`.
///
///     project.json               its directory and files
///     resources.json             networks and volumes
///     definitions/<digest>.json  what containers are made from
///     containers/<name>/         journal, config.json, stdin, stdout, stderr
///     exits/<pid>.<start>        written by the keeper
///     control.sock, lock, supervisor.json, supervisor.log
///
/// Every file is replaced as a whole, and a journal grows by whole lines, so a reader at any moment sees what was true
/// at one moment.
package struct ProjectDirectory: Hashable, Sendable {
    /// The project's name.
    package let project: String
    /// The directory.
    package let path: String

    /// A service whose lifecycle is another program's.
    package struct Provider: Hashable, Codable, Sendable {
        /// The service.
        package var service: String
        /// The program's name.
        package var type: String
        /// What it is told of the service: `--key=value`.
        package var arguments: [String]

        /// A service that a program provides.
        package init(service: String, type: String, arguments: [String]) {
            self.service = service
            self.type = type
            self.arguments = arguments
        }
    }

    /// What is known of the project as a whole.
    package struct Description: Hashable, Codable, Sendable {
        /// The form of this file.
        package var version = 1
        /// The project's directory.
        package var directory: String
        /// The files it was loaded from.
        package var files: [String]
        /// Services of other programs, which end with the project; nil for none.
        package var providers: [Provider]?

        /// A project loaded from `files`.
        package init(directory: String, files: [String], providers: [Provider]? = nil) {
            self.directory = directory
            self.files = files
            self.providers = providers
        }
    }

    private struct Resources: Codable {
        var version = 1
        var networks: [ProjectState.Resource]
        var volumes: [ProjectState.Resource]
    }

    /// The place of `project` below `roots`.
    package init(project: String, roots: StateRoots) {
        self.project = project
        path = "\(roots.projects)/\(project)"
    }

    /// The socket on which the supervisor takes commands.
    package var socket: String { path + "/control.sock" }

    /// The directory of a container.
    package func container(_ name: String) -> String { "\(path)/containers/\(name)" }

    /// Whether anything is known of the project.
    package var exists: Bool { fileExists(path) }

    /// Whether an open descriptor is the directory that has its path now.
    package func isSame(as descriptor: Int32) -> Bool { isSameDirectory(descriptor, path) }

    /// Makes the directory.
    package func prepare() throws(StoreError) {
        try storing { () throws(SyscallError) in
            for name in ["containers", "definitions", "exits"] { try makeDirectories("\(path)/\(name)") }
        }
    }

    /// Removes the directory and everything in it; a supervisor does so last.
    package func remove() throws(StoreError) {
        do { try FileManager.default.removeItem(atPath: path) } catch {
            if exists { throw StoreError(.system, "can't remove \(path): \(error)") }
        }
    }

    /// The projects that are known below `roots`, by name.
    package static func all(below roots: StateRoots) -> [ProjectDirectory] {
        names(in: roots.projects).map { ProjectDirectory(project: $0, roots: roots) }
    }

    // The project

    /// Reads `project.json`; nil when there is none.
    package func description() throws(StoreError) -> Description? { try read(Description.self, "project.json") }

    /// Writes `project.json`.
    package func write(_ description: Description) throws(StoreError) { try write(description, "project.json") }

    /// Reads what is wanted and what is there.
    ///
    /// A file that can't be read stops the reading, and stays: it may be all that tells of a running container.
    package func state() throws(StoreError) -> ProjectState {
        var state = ProjectState(project: project)
        if let resources = try read(Resources.self, "resources.json") {
            state.networks = resources.networks
            state.volumes = resources.volumes
        }
        for name in Self.names(in: path + "/containers") {
            if let container = try self.state(of: name) { state.containers.append(container) }
        }
        state.containers.sort { ($0.service, $0.number, $0.name) < ($1.service, $1.number, $1.name) }
        return state
    }

    /// Writes networks and volumes.
    package func writeResources(of state: ProjectState) throws(StoreError) {
        try write(Resources(networks: state.networks, volumes: state.volumes), "resources.json")
    }

    // A container

    /// The file in a container's directory that changes with all that is known of it.
    package static let journalName = ContainerJournal.name

    private func journal(of name: String) -> ContainerJournal { ContainerJournal(in: container(name)) }

    /// Writes a container's state, and makes its directory when there is none.
    package func write(_ state: ContainerState) throws(StoreError) {
        do throws(StoreError) { try journal(of: state.name).append(.state, state) } catch {
            try storing { () throws(SyscallError) in try makeDirectories(container(state.name)) }
            try journal(of: state.name).append(.state, state)
        }
    }

    /// Removes a container's directory.
    package func removeContainer(_ name: String) throws(StoreError) {
        let path = container(name)
        // The journal goes last: as long as it is there, whoever comes after a crash goes on.
        for file in namesInDirectory(path) where file != ContainerJournal.name { removeFile("\(path)/\(file)") }
        removeFile("\(path)/\(ContainerJournal.name)")
        try storing { () throws(SyscallError) in try removeDirectory(path) }
    }

    /// Reads a container's state; nil when there is none.
    package func state(of name: String) throws(StoreError) -> ContainerState? {
        try journal(of: name).last(.state, as: ContainerState.self)
    }

    /// Reads a container's record; nil when it is not made yet.
    package func record(of name: String) throws(StoreError) -> ContainerRecord? {
        try journal(of: name).last(.record, as: ContainerRecord.self)
    }

    /// Writes a container's record.
    package func write(_ record: ContainerRecord, of name: String) throws(StoreError) {
        try journal(of: name).append(.record, record)
    }

    /// Reads what is known of a container's process; nil when there is none.
    package func process(of name: String) throws(StoreError) -> ProcessRecord? {
        try journal(of: name).last(.process, as: ProcessRecord.self)
    }

    /// Writes what is known of a container's process; nil says that there is none.
    package func write(_ process: ProcessRecord?, of name: String) throws(StoreError) {
        try journal(of: name).append(.process, process)
    }

    /// Reads a container's OCI configuration; nil when it was never started.
    package func specification(of name: String) throws(StoreError) -> RuntimeSpec? {
        try read("containers/\(name)/config.json", RuntimeSpec.init(document:)).map(FilterChoice.restoringFilter)
    }

    /// Writes a container's OCI configuration.
    package func write(_ specification: RuntimeSpec, of name: String) throws(StoreError) {
        try write(specification, "containers/\(name)/config.json")
    }

    // Definitions

    /// Writes a definition under its digest, unless it is there.
    package func write(definition text: String, digest: String) throws(StoreError) {
        let path = "\(path)/definitions/\(digest).json"
        guard !fileExists(path) else { return }
        try storing { () throws(SyscallError) in try replaceFile(path, Array(text.utf8)) }
    }

    /// Reads a definition.
    package func definition(_ digest: String) throws(StoreError) -> String {
        let path = "\(path)/definitions/\(digest).json"
        return try storing { () throws(SyscallError) in try readFile(path, limit: 64 << 20) }
    }

    /// Removes every definition but these.
    package func keepDefinitions(_ digests: Set<String>) {
        for name in Self.names(in: path + "/definitions") where !digests.contains(String(name.dropLast(5))) {
            removeFile("\(path)/definitions/\(name)")
        }
    }

    // Exits

    /// Processes of whose end the keeper has written.
    package func exits() -> [ProcessIdentity] {
        Self.names(in: path + "/exits").compactMap { name in
            let parts = name.split(separator: ".")
            guard parts.count == 2, let pid = Int32(parts[0]), let start = UInt64(parts[1]) else { return nil }
            return ProcessIdentity(pid: pid, start: start)
        }
    }

    /// How a process ended, as the keeper wrote; nil when it has not.
    package func exit(of identity: ProcessIdentity) -> ProcessExit? {
        // A record that is cut short tells nothing.
        (try? readBytes("\(path)/exits/\(identity.pid).\(identity.start)")).flatMap { ProcessExit(record: $0) }
    }

    /// Forgets the record of an ended process, which has been taken in.
    package func forgetExit(_ identity: ProcessIdentity) {
        removeFile("\(path)/exits/\(identity.pid).\(identity.start)")
    }

    // Files

    private func read<Value: Decodable>(_ type: Value.Type, _ name: String) throws(StoreError) -> Value? {
        try read(name) { try JSONDecoder().decode(type, from: Data($0)) }
    }

    private func read<Value>(_ name: String, _ decode: ([UInt8]) throws -> Value) throws(StoreError) -> Value? {
        let file = "\(path)/\(name)"
        let bytes: [UInt8]
        do throws(SyscallError) { bytes = try readBytes(file) } catch {
            if error.errno == .notFound { return nil }
            throw StoreError(.system, "\(error)")
        }
        do { return try decode(bytes) } catch {
            throw StoreError(
                .unreadable,
                "\(file) is not what Roost wrote; look at it, and remove it when it is of no use"
            )
        }
    }

    private func write(_ value: some Encodable, _ name: String) throws(StoreError) {
        let file = "\(path)/\(name)"
        do { try replaceFile(file, [UInt8](JSONEncoder().encode(value))) } catch {
            throw StoreError(.system, "\(error)")
        }
    }

    private func storing<Value>(_ body: () throws(SyscallError) -> Value) throws(StoreError) -> Value {
        do throws(SyscallError) { return try body() } catch { throw StoreError(.system, "\(error)") }
    }

    /// The names in a directory, sorted, hidden and temporary ones not among them; none when it can't be read.
    private static func names(in directory: String) -> [String] {
        namesInDirectory(directory).filter { !$0.hasPrefix(".") && !$0.hasSuffix(".new") }
    }
}
