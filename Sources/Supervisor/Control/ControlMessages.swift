package import Orchestrator

/// `POST /up`: makes what the project wants wanted, and answers when it is there.
package struct UpRequest: Codable, Sendable {
    /// The canonical tree as JSON, with the services that the command concerns.
    package var tree: String
    /// The project's directory.
    package var directory: String
    /// The files it was loaded from.
    package var files: [String]
    /// Every service that the files know.
    package var knownServices: Set<String>
    /// How what is there is treated.
    package var options: UpOptions
    /// Services of other programs that the project has; nil for none.
    package var providers: [ProjectDirectory.Provider]?
    /// The services that have to be ready before the answer comes; nil when nobody waits.
    package var awaited: Set<String>?
    /// How long the answer may take; seconds.
    package var waitTimeout: Int?

    /// A project to bring up.
    package init(tree: String, directory: String, files: [String], knownServices: Set<String>, options: UpOptions) {
        self.tree = tree
        self.directory = directory
        self.files = files
        self.knownServices = knownServices
        self.options = options
    }
}

/// `POST /down`, `/stop`, `/start`, `/restart`, `/kill`, `/pause`, `/unpause` and `/rm`: what becomes of services that are there.
package struct ServicesRequest: Codable, Sendable {
    /// The services; empty for all.
    package var services: Set<String> = []
    /// How long a container may take to end, instead of what its service says; seconds.
    package var timeout: Int?
    /// Of `/down` and `/rm`: volumes go too.
    package var removesVolumes = false
    /// Of `/restart`: whatever asked to be restarted with these services is.
    package var withDependents = true
    /// Of `/kill`: the signal's number.
    package var signal: Int32 = 9
    /// Of `/start`: the answer comes when everything is ready.
    package var awaitsReadiness = false
    /// How long the answer may take; seconds.
    package var waitTimeout: Int?
    /// How many operations are under way at once at most; nil for no limit.
    package var stepLimit: Int?

    /// A request about all services.
    package init() {}
}

/// `POST /run`: one more container of a service, for one command.
package struct RunRequest: Codable, Sendable {
    /// The project, with the service as it is to run and what it depends on.
    package var up: UpRequest
    /// The service.
    package var service: String
    /// The container's name.
    package var container: String
    /// Whether the command's descriptors came over the packet socket, under the container's name.
    package var hasDescriptors: Bool
    /// The tree of the service as it is to run, alone; the project's own stays as it is.
    package var tree: String
    /// Whether the container was made for an earlier request like this one, whose supervisor has died since.
    package var isBegun = false

    /// One more container of `service`.
    package init(up: UpRequest, service: String, container: String, hasDescriptors: Bool, tree: String) {
        self.up = up
        self.service = service
        self.container = container
        self.hasDescriptors = hasDescriptors
        self.tree = tree
    }
}

/// One line of an answer.
package enum ControlLine: Codable, Sendable {
    /// Something goes on.
    case progress(Progress)
    /// Something that somebody should know and that stops nothing.
    case warning(String)
    /// From here on, everything that happens comes as an event.
    case watching
    /// Something happened to a container.
    case event(ContainerEvent)
    /// The command has come to its end.
    case result(CommandResult)
}

/// Something that happened to a container.
package struct ContainerEvent: Codable, Hashable, Sendable {
    /// What can happen.
    package enum Kind: String, Codable, Sendable {
        case created, started, killed, exited, stopped, removed, health, paused, unpaused
    }

    /// What happened.
    package var kind: Kind
    /// The container.
    package var container: String
    /// Its service.
    package var service: String
    /// When it happened; nil from supervisors of earlier versions.
    package var time: WallTime?
    /// Whether the container is one of `roost run`.
    package var isOneOff = false
    /// The container's id; nil when it has gone before anybody could look.
    package var id: String?
    /// The image as the file names it.
    package var image: String?
    /// The status of a process that ended, the signal of one that was killed.
    package var code: Int32?
    /// What its health check says now.
    package var health: ContainerState.Health?
    /// Whether its restart policy has it started again.
    package var restarts = false

    /// Something that happened to `container`.
    package init(_ kind: Kind, container: String, service: String) {
        self.kind = kind
        self.container = container
        self.service = service
    }
}

/// How a command ended.
package struct CommandResult: Codable, Hashable, Sendable {
    /// What went wrong; nothing when the command did what it should.
    package var failures: [CommandFailure] = []
    /// Containers of services that the file does not know.
    package var orphans: [String] = []
    /// Of `/run`: the status of the command.
    package var status: Int32?

    /// A command that did what it should.
    package init() {}
}

/// Something that went wrong.
package struct CommandFailure: Codable, Hashable, Sendable {
    /// In words, the object first.
    package var message: String
    /// The place in the project: `services.web.ports[0]`.
    package var place: String?
    /// The next step.
    package var hint: String?

    /// Something that went wrong.
    package init(_ message: String, place: String? = nil, hint: String? = nil) {
        self.message = message
        self.place = place
        self.hint = hint
    }
}
