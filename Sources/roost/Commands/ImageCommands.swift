import ArgumentParser

/// `roost image`: the images of this machine.
struct ImageCommands: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "image",
        abstract: "Show, change, fetch and send images, whichever project uses them.",
        subcommands: [
            History.self, Import.self, Inspect.self, List.self, Load.self, Prune.self, ImagePull.self, ImagePush.self,
            Remove.self, Save.self, Tag.self,
        ]
    )
}
