import ComposeModel
import Glibc

extension ProjectOptions {
    /// Puts the variables of `.env` that configure Compose into the process, where it has none of the name.
    ///
    /// What is wrong with the file is told by whoever loads the project.
    func adoptSettings() {
        let loader = Loader(loadOptions(services: []), reader: DiskFileReader(), diagnostics: DiagnosticCollector())
        for (name, value) in loader.settings() { unsafe setenv(name, value, 0) }
    }
}
