package import YAMLComposer

/// Where a value of a project came from, and what it overrode on the way.
package struct Explanation {
    /// One place that took part.
    package struct Source {
        /// How a value comes about.
        package enum Kind: String { case written, option, variable, implied }

        /// Whether someone wrote it into a file, gave it with the command or in a variable, or nobody did.
        package var kind: Kind
        /// The place; nil for what nobody wrote.
        package var mark: SourceMark?
        /// What stands there, before variables were replaced.
        package var text: String
        /// The variables in it.
        package var variables: [SourceVariable] = []
        /// The `extends` and `include` that it came through, the nearest first.
        package var ways: [Diagnostic.Note] = []
        /// What else was done to it.
        package var remarks: [String] = []
    }

    /// The way to the value.
    package var path: String
    /// The value.
    package var value: YAMLNode
    /// The places that took part: the one that counts first, then what it overrode, by precedence.
    package var sources: [Source]
}

extension Loader {
    /// Explains the value at `path` of the project, or each value below it; nil when the project can't be loaded.
    ///
    /// The collector must keep history.
    package func explanations(of path: String) -> Result<[Explanation], UnknownPath>? {
        guard let loaded = load() else { return nil }
        let explainer = Explainer(stages: diagnostics.stages, variables: diagnostics.variables)
        do throws(UnknownPath) {
            let path = try ValuePath.read(path, in: loaded.tree)
            var all = explainer.explanations(of: path, in: loaded.tree)
            for position in all.indices where all[position].path == "name" {
                all[position].sources = explainer.sourcesOfName(option: options.projectName)
            }
            return .success(all)
        } catch {
            return .failure(error)
        }
    }
}

/// What the tree of a project looked like after the passes that may change a value without leaving a trace.
enum LoadStage {
    case merged, defaults, paths, normalisation, environment
}
