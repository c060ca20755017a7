import ArgumentParser

/// `roost version`.
struct Version: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Show the version of Roost.")

    func run() { print("Roost version 0.1.0") }
}
