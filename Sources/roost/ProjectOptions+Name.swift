import ArgumentParser
import ComposeModel
import YAMLComposer

extension ProjectOptions {
    /// The name of the project that the options mean, with no more of its files read than it takes.
    func name() throws -> String {
        let diagnostics = DiagnosticCollector()
        let name = Loader(loadOptions(services: []), reader: DiskFileReader(), diagnostics: diagnostics).name()
        // Warnings about the files are for those who use them.
        guard let name else {
            report(diagnostics.all)
            throw ExitCode.failure
        }
        return name.description
    }
}
