import ArgumentParser
import TerminalOutput

/// `roost version`.
struct Version: ParsableCommand {
    /// The forms of output.
    enum Format: String, ExpressibleByArgument { case pretty, json }

    static let configuration = CommandConfiguration(abstract: "Show the version of Roost.")
    /// The version of this program.
    static let number = "0.1.0"

    @Option(name: .shortAndLong, help: "The form of the output: pretty or json.") var format: Format = .pretty
    @Flag(help: "Show the number only.") var short = false

    func run() {
        if short { return print(Self.number) }
        switch format {
        case .pretty: print("Roost version \(Self.number)")
        case .json: print("{\"version\":\"\(Self.number)\"}")
        }
    }
}
