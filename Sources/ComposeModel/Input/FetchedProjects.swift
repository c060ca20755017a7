/// The projects on other machines that one project takes in: each is fetched once.
final class FetchedProjects {
    private let fetch: RemoteFetch?
    private var answers: [RemoteReference: Result<RemoteProject, RemoteFailure>] = [:]
    private var all: [RemoteProject] = []

    /// How many are fetched: what was fetched may name others, on machines that it chooses.
    private static let limit = 100

    init(_ fetch: RemoteFetch?) { self.fetch = fetch }

    /// Brings a project to this machine.
    func project(_ reference: RemoteReference) throws(RemoteFailure) -> RemoteProject {
        if let answer = answers[reference] { return try answer.get() }
        guard let fetch else {
            throw RemoteFailure("nothing is fetched here", hint: "fetch it, and name the file of the copy")
        }
        guard answers.count < Self.limit else {
            throw RemoteFailure("the project takes in more than \(Self.limit) others from other machines")
        }
        let answer: Result<RemoteProject, RemoteFailure>
        do throws(RemoteFailure) { answer = .success(try fetch(reference)) } catch { answer = .failure(error) }
        answers[reference] = answer
        let project = try answer.get()
        all.append(project)
        return project
    }

    /// The fetched project that a path lies in.
    func project(holding path: String) -> RemoteProject? {
        all.first { FilePath.isWithin(path, $0.root) }
    }
}

/// Reads a project's files: those that were fetched only from within what was fetched.
struct ProjectReader<Base: FileReader>: FileReader {
    let base: Base
    let fetched: FetchedProjects

    func contents(of path: String) -> [UInt8]? {
        guard let project = fetched.project(holding: path) else { return base.contents(of: path) }
        return base.contents(of: path, within: project.root)
    }

    func isFile(_ path: String) -> Bool {
        guard let project = fetched.project(holding: path) else { return base.isFile(path) }
        return base.isFile(path, within: project.root)
    }

    func resolved(_ path: String) -> String? { base.resolved(path) }

    func shown(_ path: String, from directory: String) -> String {
        guard let project = fetched.project(holding: path) else { return base.shown(path, from: directory) }
        return project.label + FilePath.shown(path, from: project.root)
    }
}
