import ArgumentParser

/// `roost image`: the images of this machine.
struct ImageCommands: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "image",
        abstract: "Fetch and send images, whichever project uses them.",
        subcommands: [ImagePull.self, ImagePush.self]
    )
}
