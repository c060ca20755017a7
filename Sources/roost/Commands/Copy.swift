import ArgumentParser
import Glibc
import LinuxSystem
import Orchestrator
import TerminalOutput

/// `roost cp`.
struct Copy: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cp",
        abstract: "Copy files between a service's container and the machine.",
        discussion: """
            One of the two places is SERVICE:PATH. A directory is copied with all that is in it, links as links; devices,
            pipes and sockets are left out. As the target, "-" writes an archive to standard output.
            """
    )

    @ParentCommand var parent: Roost

    @Flag(help: "Copy to every container of the service, those of \"run\" too.") var all = false
    @Flag(name: .shortAndLong, help: "Keep owners.") var archive = false
    @Flag(name: [.customShort("L"), .long], help: "Follow a link that the source itself is.") var followLink = false
    @Option(help: "The number of the container of the service.") var index = 0
    @Argument(help: "What to copy: SERVICE:PATH or PATH.") var source: String
    @Argument(help: "Where to: PATH, SERVICE:PATH, or - for standard output.") var target: String

    func run() throws { try ProjectReading.reporting { try copy() } }

    /// A service and a path in its containers; nil for a path of the machine.
    private static func split(_ text: String) -> (service: String, path: String)? {
        guard let colon = text.firstIndex(of: ":"), !text.hasPrefix("/"), !text.hasPrefix(".") else { return nil }
        return (String(text[..<colon]), String(text[text.index(after: colon)...]))
    }

    private func copy() throws {
        let directory = ProjectDirectory(project: try parent.project.name(), roots: ProjectReading.roots)
        switch (Self.split(source), Self.split(target)) {
        case (let from?, nil): try copyOut(from, directory)
        case (nil, let to?): try copyIn(to, directory)
        case (nil, nil): throw UserError("one of the two places has to be in a container: SERVICE:PATH")
        case (_?, _?): throw UserError("roost copies between a container and the machine, not between containers")
        }
    }

    private func copyOut(_ from: (service: String, path: String), _ directory: ProjectDirectory) throws {
        let container = try ContainerChoice(service: from.service, index: index).any(in: directory)
        let root = try ContainerRoot.open(container, path: from.path, in: directory, roots: ProjectReading.roots)
        let object = try root.open(from.path, followsLast: followLink || from.path.hasSuffix("/"))
        let name = CopyTarget.lastPart(from.path)
        if target == "-" {
            guard isatty(STDOUT_FILENO) == 0 else { throw UserError("an archive is not written to a terminal") }
            let writer = TarWriter(to: STDOUT_FILENO, as: name.isEmpty ? "." : name)
            try TreeWalk().walk(object, as: Array(name.utf8CString), to: writer)
            try writer.finish()
            return Self.tell(writer.leftOut)
        }
        let kind = try object.metadata().kind
        let place = try CopyTarget.ofHost(target, from: from.path, kind)
        var options = TreeWriter.Options()
        options.keepsOwners = archive
        // A container's word is not enough to give a file of this machine root's privileges.
        options.keepsPrivileges = archive
        try write(object, from.path, to: place, options)
        report(container.name, "\(source) to \(target)")
    }

    private func copyIn(_ to: (service: String, path: String), _ directory: ProjectDirectory) throws {
        guard source != "-" else {
            throw UserError("an archive on standard input can't be copied yet; unpack it, and copy the directory")
        }
        var containers = try ContainerChoice(service: to.service, index: index).all(in: directory)
        if all {
            containers += try directory.state().containers.filter { $0.isOneOff && $0.service == to.service }
        }
        for container in containers {
            let object = try OwnedDescriptor.named(source, followsLast: followLink || source.hasSuffix("/"))
            let root = try ContainerRoot.open(container, path: to.path, in: directory, roots: ProjectReading.roots)
            let place = try CopyTarget.of(root, to.path, from: source, try object.metadata().kind)
            var options = TreeWriter.Options()
            options.keepsOwners = archive
            try write(object, source, to: place, options)
            report(container.name, "\(source) to \(target)")
        }
    }

    private func write(
        _ object: borrowing OwnedDescriptor,
        _ path: String,
        to place: borrowing CopyTarget,
        _ options: TreeWriter.Options
    ) throws {
        let writer = TreeWriter(into: place.directory, as: place.name, options)
        try TreeWalk().walk(object, as: Array(CopyTarget.lastPart(path).utf8CString), to: writer)
        Self.tell(writer.leftOut)
    }

    private static func tell(_ leftOut: [String]) {
        for name in leftOut.prefix(10) {
            ProcessContext.writeError(
                "warning: \(name.withoutControls) is no file, directory or link, and is left out\n"
            )
        }
        if leftOut.count > 10 { ProcessContext.writeError("warning: and \(leftOut.count - 10) more\n") }
    }

    private func report(_ container: String, _ words: String) {
        let printer = parent.project.progressPrinter("cp")
        printer.report(Progress(.container, container, "Copied", .done, message: words))
        printer.finish()
    }
}

/// The directory that is copied into, and the name that the copy has there.
struct CopyTarget: ~Copyable {
    let directory: OwnedDescriptor
    /// Nil when what the source holds goes into the directory itself.
    let name: String?

    /// A place of this machine.
    static func ofHost(_ path: String, from source: String, _ kind: FileMetadata.Kind) throws -> CopyTarget {
        try make(path, from: source, kind) { path throws(SyscallError) in
            try OwnedDescriptor.named(path, followsLast: true)
        }
    }

    /// A place of a container.
    static func of(
        _ root: borrowing ContainerRoot,
        _ path: String,
        from source: String,
        _ kind: FileMetadata.Kind
    ) throws -> CopyTarget {
        // A descriptor of the same root for the closure, which can't borrow.
        let place = try root.descriptor.duplicate()
        let copy = SharedDescriptor(place)
        let target = try make(path, from: source, kind) { path throws(SyscallError) in
            try copy.descriptor.namedInRoot(path, followsLast: true)
        }
        guard !target.directory.isOfKernel else {
            throw UserError("\(path): nothing is copied into a filesystem of the kernel")
        }
        return target
    }

    private init(_ directory: consuming OwnedDescriptor, _ name: String?) {
        self.directory = directory
        self.name = name
    }

    /// As docker cp has it: into a directory that is there, or to a name whose directory is.
    private static func make(
        _ path: String,
        from source: String,
        _ kind: FileMetadata.Kind,
        _ open: (String) throws(SyscallError) -> OwnedDescriptor
    ) throws -> CopyTarget {
        let path = path.isEmpty ? "/" : path
        do {
            let existing = try open(path)
            if try existing.metadata().kind == .directory {
                if kind == .directory && (source == "." || source.hasSuffix("/.")) { return CopyTarget(existing, nil) }
                let name = lastPart(source)
                return CopyTarget(existing, name.isEmpty ? nil : name)
            }
            guard kind != .directory else { throw UserError("\(path) is no directory, and a directory can't go there") }
            guard !path.hasSuffix("/") else { throw UserError("\(path) is no directory") }
        } catch let error as SyscallError where error.errno == .notFound {
            guard kind == .directory || !path.hasSuffix("/") else { throw UserError("there is no directory \(path)") }
        }
        let name = lastPart(path)
        guard !name.isEmpty, name != ".", name != ".." else { throw UserError("\(path) names no file") }
        var parent = String(path.reversed().drop { $0 == "/" }.drop { $0 != "/" }.reversed())
        if parent.isEmpty { parent = "." }
        let directory: OwnedDescriptor
        do { directory = try open(parent) } catch {
            guard error.errno == .notFound else { throw error }
            throw UserError("there is no directory \(parent)")
        }
        guard try directory.metadata().kind == .directory else { throw UserError("\(parent) is no directory") }
        return CopyTarget(directory, name)
    }

    /// The last name of a path; empty for one that ends in "." or "..".
    static func lastPart(_ path: String) -> String {
        let name = path.split(separator: "/").last.map(String.init) ?? ""
        return name == "." || name == ".." ? "" : name
    }
}

/// A descriptor for closures.
private final class SharedDescriptor: Sendable {
    let descriptor: OwnedDescriptor

    init(_ descriptor: consuming OwnedDescriptor) { self.descriptor = descriptor }
}
