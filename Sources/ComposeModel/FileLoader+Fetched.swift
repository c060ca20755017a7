import YAMLComposer

/// Files of other machines, and what they may name.
extension FileLoader {
    /// The absolute path of a file that another one names, fetched when it lies on another machine.
    ///
    /// Nil when it can't be had: the diagnostics say why.
    func place(of name: String, at mark: SourceMark, _ scope: Scope) -> String? {
        if let reference = RemoteReference(name) {
            do throws(RemoteFailure) { return try reader.fetched.project(reference).file } catch {
                diagnostics.add(error.diagnostic(name, at: mark))
                return nil
            }
        }
        let path = FilePath.absolute(name, in: scope.directory)
        return checkReach(of: path, at: mark, scope) ? path : nil
    }

    /// What was fetched names files of its own and of the project that it is a part of: no others of this machine.
    func checkReach(of path: String, at mark: SourceMark, _ scope: Scope) -> Bool {
        guard let root = confines[ObjectIdentifier(mark.file.asRead)]?.root else { return true }
        if FilePath.isWithin(path, root) || FilePath.isWithin(path, scope.directory) { return true }
        diagnostics.error(
            "\(path) is no file of the project that was fetched",
            at: mark,
            hint: "a project from another machine reads files of its own only; copy it to read others"
        )
        return false
    }

    /// Checks the files that services of a fetched file take variables and labels from.
    func checkServiceFiles(_ tree: YAMLNode, _ scope: Scope) {
        for service in tree["services"]?.mapping?.entries ?? [] {
            let files = (service.value["env_file"]?.sequence ?? []).compactMap { $0["path"] }
            for file in files + (service.value["label_file"]?.sequence ?? []) {
                guard let name = file.string else { continue }
                // As `PathResolution` will have it.
                let home = scope.environment["HOME"] ?? ""
                let path = name.hasPrefix("~") ? FilePath.cleaned(home + "/" + name.dropFirst()) : name
                _ = checkReach(of: FilePath.absolute(path, in: scope.directory), at: file.mark, scope)
            }
        }
    }
}
