import ArgumentParser
import ComposeModel
import YAMLComposer

/// How mistakes and warnings are shown.
enum DiagnosticForm: String, ExpressibleByArgument {
    /// For people: with the line and a caret.
    case text
    /// For editors: one JSON object a line.
    case json
}

/// Shows mistakes and warnings on standard error, in the form that `--diagnostics` asks for.
func report(_ diagnostics: [Diagnostic]) {
    switch Roost.projectOptions.diagnostics {
    case .text: ProcessContext.writeError(DiagnosticRenderer().render(diagnostics))
    case .json: ProcessContext.writeError(DiagnosticJSON().render(diagnostics))
    }
}
