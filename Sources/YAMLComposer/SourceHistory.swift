/// What people are told of the history of a value.
package enum SourceHistory {
    /// How a value that went through `steps` came to where it is: variables, then the nearest file first, each once.
    package static func notes(of steps: [SourceStep]) -> [Diagnostic.Note] {
        var (variables, services, files): ([Diagnostic.Note], [Diagnostic.Note], [Diagnostic.Note]) = ([], [], [])
        for step in steps {
            switch step {
            case .interpolated(_, let used): variables += used.compactMap(note)
            case .extended(let service, let other, let place):
                services.append(.init("\(other) extends \(service) here", at: place))
                files += notes(of: place.file.steps)
            case .listed(let place):
                files.append(.init("the file is named here", at: place))
                files += notes(of: place.file.steps)
            case .included(let place):
                files.append(.init("included here", at: place))
                files += notes(of: place.file.steps)
            case .replaced: break
            }
        }
        return distinct(variables + services + files)
    }

    /// The notes, each of them once.
    static func distinct(_ notes: [Diagnostic.Note]) -> [Diagnostic.Note] {
        var known: Set<[String]> = []
        return notes.filter { known.insert([$0.message, $0.mark?.location.description ?? ""]).inserted }
    }

    /// Only a value that stands in a file can be looked at there.
    private static func note(_ variable: SourceVariable) -> Diagnostic.Note? {
        guard variable.outcome == .value, let value = variable.values.first else { return nil }
        switch value.origin {
        case .line(let mark): return .init("\(variable.name) is set here", at: mark)
        case .process: return .init("\(variable.name) comes from the environment of this process", at: nil)
        case .projectName: return nil
        }
    }
}
