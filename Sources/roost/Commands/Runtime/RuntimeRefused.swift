import ArgumentParser

/// `roost runtime checkpoint` and `restore`, which engines may ask for.
struct RuntimeCheckpoint: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "checkpoint", abstract: "Not supported.")

    @Argument(parsing: .captureForPassthrough, help: .hidden) var arguments: [String] = []

    func run() throws { throw UserError("checkpoint is not supported: containers can be paused instead") }
}

/// See `RuntimeCheckpoint`.
struct RuntimeRestore: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "restore", abstract: "Not supported.")

    @Argument(parsing: .captureForPassthrough, help: .hidden) var arguments: [String] = []

    func run() throws { throw UserError("restore is not supported: there are no checkpoints") }
}
