import OCISpec

/// What is known of a stage behind one of its instructions.
struct StageState {
    var platform: Platform
    /// The variables that instructions and commands see: those of the image, and arguments.
    var environment = EnvironmentList()
    /// The names of the arguments declared so far, each once.
    var arguments: [String] = []
    var configuration = ImageConfiguration()
    var filesystem: StepID?
    var base: ResolvedImage?
    var layers: [StepID] = []
    var history: [BuildPlan.HistoryEntry] = []
    /// Whether the stage has a CMD of its own, which an ENTRYPOINT leaves alone.
    var hasCommand = false
    /// Whether a WORKDIR of the file said where things are.
    var hasWorkingDirectory = false

    /// An empty filesystem.
    init(platform: Platform) {
        self.platform = platform
        configuration.os = platform.os
        configuration.architecture = platform.architecture
        configuration.variant = platform.variant
        configuration.config = ProcessDefaults()
    }

    /// What an image brings along.
    init(_ image: ResolvedImage, platform: Platform) {
        self.init(platform: image.configuration.platform ?? platform)
        let own = configuration
        configuration = image.configuration
        configuration.os = own.os
        configuration.architecture = own.architecture
        configuration.variant = own.variant
        configuration.config = configuration.config ?? ProcessDefaults()
        // They are for the next stage, which has them by now.
        configuration.config?.onBuild = nil
        environment = EnvironmentList(configuration.config?.environment ?? [])
        base = image
    }

    /// What a stage that starts from this one knows.
    var inherited: StageState {
        var state = self
        state.configuration.config?.onBuild = nil
        state.hasCommand = false
        return state
    }

    /// How the image runs.
    var process: ProcessDefaults {
        get { configuration.config ?? ProcessDefaults() }
        set { configuration.config = newValue }
    }

    /// Where relative paths begin: absolute.
    var workingDirectory: String {
        let directory = process.workingDirectory ?? ""
        return directory.isEmpty ? "/" : PathText.absolute(directory, in: "/")
    }

    /// Whom commands run as; nil for root.
    var user: String? { process.user.flatMap { $0.isEmpty ? nil : $0 } }

    /// Sets a variable of the image.
    mutating func setEnvironment(_ name: String, _ value: String) {
        environment[name] = value
        var list = EnvironmentList(process.environment ?? [])
        list[name] = value
        process.environment = list.texts
    }

    /// Commands find their programs also when the image does not say where these are.
    mutating func addDefaultPath() {
        guard environment["PATH"] == nil else { return }
        setEnvironment("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
    }

    /// The shell of commands that are no lists.
    var shell: [String] {
        let shell = process.shell ?? []
        return shell.isEmpty ? ["/bin/sh", "-c"] : shell
    }
}
