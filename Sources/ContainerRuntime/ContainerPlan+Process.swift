import LinuxSystem
import OCISpec

extension ContainerPlan {
    /// The identity, the limits and the program, in the order that lets each step have the privilege it needs.
    mutating func appendProcess(
        _ process: ProcessSpec,
        isFirst: Bool,
        hasOwnGroups: Bool,
        hasConsole: Bool,
        linux: LinuxSpec?
    ) throws(ContainerError) {
        guard let arguments = process.args, let program = arguments.first, !program.isEmpty else {
            throw .invalid("process.args", "empty: there is no program to start")
        }
        guard process.cwd.hasPrefix("/") else {
            throw .invalid("process.cwd", "'\(process.cwd)' is not an absolute path")
        }
        try ContainerPlan.checkSize(arguments, place: "process.args")
        try ContainerPlan.checkSize(process.env ?? [], place: "process.env")
        // Before a filter that may forbid to wait, and after all that can be done meanwhile.
        if inputs.awaitsGroups, !waitsEarlyForGroups {
            appendWait(.groups, origin: "linux.resources")
            // Again, now that the process is in the groups that are to be the namespace's roots in v1 hierarchies too.
            if hasOwnGroups { launch.append(.unshare(.cgroup)) }
        }
        // One that comes last of all opens its own.
        if !entersLast { launch.append(.makeSession) }
        try appendStandardDescriptors(process, hasConsole: hasConsole)
        // A program that joins a user namespace has set them while it had the right to.
        if isFirst || isBornInContainer { try appendLimits(process) }
        // Before a filter that may not know this call; what is opened later is opened so.
        launch.keptDescriptors = inputs.keptDescriptors
        launch.append(.closeDescriptors(from: 3 + UInt32(inputs.keptDescriptors)))
        try appendScheduling(process, isFirst: isFirst, linux)
        launch.append(.changeDirectory(process.cwd), origin: "process.cwd")
        let environment = process.env ?? []
        let candidates = ContainerPlan.candidates(program, environment: environment)
        try appendLabels(process)
        try appendIdentity(process, seccomp: inputs.seccomp) { plan in
            guard plan.inputs.awaitsStart else { return }
            // What can't be executed is to be known now, while there is somebody to tell.
            plan.launch.append(.checkProgram(candidates: candidates, name: program), origin: "process.args")
            plan.launch.append(.awaitGate(plan.gate()), origin: "start")
        }
        let role: HelperRole = entersLast ? .successor(hasTerminal: process.terminal == true) : .program
        launch.append(
            .executeThrough(
                makeSlot("helper", .helper),
                as: inputs.hasInit && isFirst ? .initial : role,
                candidates: candidates,
                arguments: arguments,
                environment: environment
            ),
            origin: "process.args"
        )
    }

    /// Sets limits; those that the child has no right to are allowed to it before.
    mutating func appendLimits(_ process: ProcessSpec) throws(ContainerError) {
        for (index, limit) in (process.rlimits ?? []).enumerated() {
            let place = "process.rlimits[\(index)]"
            if let first = process.rlimits?.prefix(index).firstIndex(where: { $0.type == limit.type }) {
                throw .invalid("\(place).type", "\(limit.type) again, after process.rlimits[\(first)]")
            }
            let limit = possible(try resourceLimit(limit, place: place), place: place)
            preparation?.limits.append(limit)
            launch.append(.setLimit(limit), origin: place)
        }
    }

    /// What execve(2) would not take is to be known before anything is made: `MAX_ARG_STRLEN`, and three quarters of
    /// the largest stack that counts for it.
    private static func checkSize(_ texts: [String], place: String) throws(ContainerError) {
        var total = 0
        for (index, text) in texts.enumerated() {
            let size = text.utf8.count + 1
            guard size <= 128 << 10 else {
                throw .invalid("\(place)[\(index)]", "\(size) bytes are more than the 131072 that execve(2) takes")
            }
            total += size + 8
        }
        guard total <= 6 << 20 else {
            throw .invalid(place, "\(total) bytes are more than the 6 MiB that execve(2) takes in all")
        }
    }

    private mutating func appendStandardDescriptors(
        _ process: ProcessSpec,
        hasConsole: Bool
    ) throws(ContainerError) {
        guard process.terminal == true else {
            guard process.consoleSize == nil else {
                throw .invalid("process.consoleSize", "needs process.terminal")
            }
            for number: Int32 in 0...2 {
                let slot = makeSlot(["stdin", "stdout", "stderr"][Int(number)], .stdio(number))
                launch.append(.duplicate(slot, as: UInt32(number)))
            }
            return
        }
        let slave = launch.makeSlot("terminal")
        let size = process.consoleSize.map { TerminalSize(rows: $0.height, columns: $0.width) }
        let socket = makeSlot("terminal-socket", .terminalSocket)
        let owner = process.user?.uid ?? 0
        launch.append(
            .openTerminal(into: slave, sendingTo: socket, owner: owner, size: size),
            origin: "process.terminal"
        )
        if !entersLast { launch.append(.controlTerminal(slave), origin: "process.terminal") }
        if hasConsole { launch.append(.attachConsole(slave), origin: "process.terminal") }
        for number: UInt32 in 0...2 { launch.append(.duplicate(slave, as: number)) }
    }

    /// Sets the score where the kernel lets us; lowering it takes `CAP_SYS_RESOURCE`.
    ///
    /// A child in a user namespace has no right to do so itself; one that joins has it until then.
    mutating func appendOOMScore(_ score: Int, isFirst: Bool) throws(ContainerError) {
        guard (-1000...1000).contains(score) else {
            throw .invalid("process.oomScoreAdj", "\(score) is not from -1000 to 1000")
        }
        if let lowest = inputs.lowestOOMScore, score < lowest {
            unenforced.append(
                "process.oomScoreAdj: \(score) is below our own \(lowest), and lowering it is not permitted"
            )
        } else if isFirst, namespaces.all.contains(.user) {
            preparation = ChildPreparation(oomScore: score)
        } else if inputs.mayMount || !namespaces.all.contains(.user) {
            launch.append(.setOOMScore(score), origin: "process.oomScoreAdj")
        } else {
            unenforced.append("process.oomScoreAdj: a program that joins without privilege has our own")
        }
    }

    /// A limit that we may set: one above our own hard limit takes `CAP_SYS_RESOURCE`.
    private mutating func possible(_ limit: ResourceLimit, place: String) -> ResourceLimit {
        guard let highest = inputs.hardLimits[limit.resource], limit.hard > highest else { return limit }
        unenforced.append("\(place): \(limit.resource) is capped at our own hard limit, \(highest)")
        return ResourceLimit(limit.resource, soft: min(limit.soft, highest), hard: highest)
    }

    /// Capabilities that we have ourselves; nobody can give others.
    private mutating func possible(_ set: CapabilitySet, place: String) -> CapabilitySet {
        let missing = set.subtracting(available)
        if !missing.isEmpty { unenforced.append("\(place): we don't have \(missing) ourselves") }
        return set.intersection(available)
    }

    /// `beforeFilter` is where the process can still do what a filter may forbid, if the filter can be loaded last.
    private mutating func appendIdentity(
        _ process: ProcessSpec,
        seccomp: SeccompProgram?,
        beforeFilter: (inout ContainerPlan) -> Void
    ) throws(ContainerError) {
        let user = process.user ?? ProcessSpec.User()
        try user.check()
        let names = process.capabilities ?? ProcessSpec.Capabilities()
        let place = "process.capabilities"
        let bounding = possible(capabilities(names.bounding, place: "\(place).bounding"), place: place)
        let permitted = capabilities(names.permitted, place: "\(place).permitted").intersection(available)
        let effective = capabilities(names.effective, place: "\(place).effective").intersection(available)
        let inheritable = capabilities(names.inheritable, place: "\(place).inheritable").intersection(available)
        let ambient = capabilities(names.ambient, place: "\(place).ambient").intersection(available)
        launch.append(.setUmask(user.umask ?? 0o022), origin: user.umask == nil ? "" : "process.user.umask")
        launch.append(.limitBoundingSet(bounding), origin: "\(place).bounding")
        var credentials = Credentials(uid: user.uid, gid: user.gid, groups: user.additionalGids ?? [])
        credentials.change = groupChange(credentials.groups)
        credentials.staysVisible = staysVisible
        launch.append(.setCredentials(credentials), origin: "process.user")
        let noNewPrivileges = process.noNewPrivileges == true
        if let seccomp, !noNewPrivileges {
            // Without no_new_privs, loading a filter takes CAP_SYS_ADMIN, which a change of user made ineffective.
            let admin = CapabilitySet(named: "SYS_ADMIN") ?? []
            launch.append(
                .setCapabilities(
                    effective: effective.union(admin),
                    permitted: permitted.union(effective).union(admin),
                    inheritable: []
                )
            )
            launch.append(.loadSeccomp(seccomp), origin: "linux.seccomp")
        }
        launch.append(
            .setCapabilities(effective: effective, permitted: permitted, inheritable: inheritable),
            origin: place
        )
        if !ambient.isEmpty { launch.append(.raiseAmbient(ambient), origin: "\(place).ambient") }
        if noNewPrivileges { launch.append(.setNoNewPrivileges, origin: "process.noNewPrivileges") }
        // One that somebody listens to is loaded while there is time to hand over what he listens with.
        let isLast = noNewPrivileges && seccomp?.hasListener != true
        if let seccomp, noNewPrivileges, !isLast { launch.append(.loadSeccomp(seccomp), origin: "linux.seccomp") }
        beforeFilter(&self)
        if let seccomp, isLast { launch.append(.loadSeccomp(seccomp), origin: "linux.seccomp") }
    }

    /// A set by its names; one that this kernel does not have is told of and left out, as the specification wants it.
    private mutating func capabilities(_ names: [String]?, place: String) -> CapabilitySet {
        var set: CapabilitySet = []
        for name in names ?? [] {
            if let capability = CapabilitySet(named: name) {
                set.insert(capability)
            } else {
                unenforced.append("\(place): '\(name)' is not a capability, and is left out")
            }
        }
        return set
    }

    private func resourceLimit(_ limit: ProcessSpec.Rlimit, place: String) throws(ContainerError) -> ResourceLimit {
        let name = limit.type.lowercased().dropFirst("rlimit_".count)
        guard limit.type.hasPrefix("RLIMIT_"),
            let resource = ResourceLimit.Resource.allCases.first(where: { $0.description == name })
        else { throw .invalid("\(place).type", "'\(limit.type)' is not a resource limit") }
        guard limit.soft <= limit.hard else { throw .invalid(place, "the soft limit is above the hard one") }
        return ResourceLimit(resource, soft: limit.soft, hard: limit.hard)
    }

    /// Where execvp(3) would look for a program, given the environment it will run with.
    static func candidates(_ program: String, environment: [String]) -> [String] {
        guard !program.contains("/") else { return [program] }
        let path =
            environment.last { $0.hasPrefix("PATH=") }.map { String($0.dropFirst(5)) }
            ?? "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        return path.split(separator: ":").map { "\($0)/\(program)" }
    }
}

extension ProcessSpec.User {
    /// Refuses the number that stands for no change in setresuid(2), and would leave the program who we are.
    fileprivate func check() throws(ContainerError) {
        let numbers = [("uid", uid), ("gid", gid)] + (additionalGids ?? []).map { ("additionalGids", $0) }
        if let (name, number) = numbers.first(where: { $0.1 == .max }) {
            throw .invalid("process.user.\(name)", "\(number) is nobody's number")
        }
        if let umask, umask > 0o777 { throw .invalid("process.user.umask", "\(umask) is above 511, which is 0777") }
    }
}
