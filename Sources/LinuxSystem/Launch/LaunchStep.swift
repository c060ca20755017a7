/// One primitive operation of a launch plan.
///
/// Paths are absolute and resolved in whatever root the step runs in.
package enum LaunchStep: Hashable, Sendable {
    // Namespaces

    /// Joins namespaces that a descriptor names: setns(2).
    case join(LaunchSlot, Namespaces)
    /// Leaves shared namespaces for new ones: unshare(2).
    case unshare(Namespaces)
    /// Goes on in a new process, in new namespaces, which has our parent for its own; ours ends: clone3(2),
    /// `CLONE_PARENT`.
    ///
    /// Once in a plan. The launching process learns of it before `LaunchedProcess.start` returns.
    case fork(Namespaces)
    /// Leaves the time namespace for a new one whose clocks are set off, by lines of `/proc/self/timens_offsets` beneath a
    /// procfs: time_namespaces(7), Linux 5.6.
    case makeTime(offsets: [String], procfs: LaunchSlot)
    /// Becomes not dumpable, where the plan's `staysVisible` has left it so: prctl(2) `PR_SET_DUMPABLE`.
    case hide
    /// Takes a new session keyring: keyctl(2) `KEYCTL_JOIN_SESSION_KEYRING`; goes on without where the kernel has none
    /// left to give.
    case joinKeyring(String)
    /// The UTS host name: sethostname(2), at most 64 bytes.
    case setHostname(String)
    /// The NIS domain name: setdomainname(2), at most 64 bytes.
    case setDomainname(String)

    // The root

    /// Sets the propagation of every mount of the namespace, so that nothing done here reaches the host.
    case setPropagation(MountPropagation)
    /// Copies the mount at a path of the host, detached: open_tree(2), Linux 5.2.
    case copyMount(String, into: LaunchSlot)
    /// Attaches a detached mount over the root, makes it the root and lets go of the old one: move_mount(2), Linux 5.2,
    /// pivot_root(2). From here on the host's files are out of reach.
    case pivot(LaunchSlot)
    /// Attaches a detached mount over the root and makes it the process's own: move_mount(2), chroot(2). For a root that
    /// can't be let go of, as that of an initramfs; it stays below.
    case coverRoot(LaunchSlot)
    /// Attaches a detached mount at a path of the host and makes it the root for paths alone, until `leave`: chroot(2).
    ///
    /// `host` becomes a descriptor of the root of before.
    case enter(LaunchSlot, at: String, host: LaunchSlot)
    /// Ends what `enter` began: the mount becomes the root of the namespace, as by `pivot`: pivot_root(2).
    case leave(LaunchSlot, host: LaunchSlot)
    /// Makes a directory the root for paths alone: chroot(2).
    case changeRoot(LaunchSlot)
    /// Copies the mount at a path of the host with all mounts below it, detached: open_tree(2), Linux 5.2.
    case copyTree(String, into: LaunchSlot)

    // Mounts, inside the new root

    /// Makes a filesystem that is not yet visible anywhere: fsopen(2), fsconfig(2), fsmount(2), Linux 5.2.
    case makeFilesystem(FilesystemRecipe, into: LaunchSlot)
    /// Attaches a detached mount at a path: openat2(2), move_mount(2).
    ///
    /// With `keeps` the descriptor stays for a later step.
    case attachAt(LaunchSlot, path: String, symlinks: SymlinkPolicy, keeps: Bool = false)
    /// Takes away the mount at a path: umount2(2), `MNT_DETACH`.
    case detach(String)
    /// Attaches a detached file over a file, or an empty read-only directory over a directory, where there is one.
    ///
    /// Without a file, what is there must be a directory.
    case mask(String, with: LaunchSlot?)
    /// Mounts a path over itself with other attributes, where there is one: open_tree(2), mount_setattr(2), Linux 5.12.
    case remount(String, MountAttributes)
    /// Changes the attributes of a mount that a descriptor names: mount_setattr(2), Linux 5.12.
    case setAttributes(LaunchSlot, MountAttributes, recursive: Bool)

    /// Changes attributes and propagation of a mount that a descriptor names: mount_setattr(2), Linux 5.12.
    case change(LaunchSlot, MountChange)

    // Files, inside the new root

    /// Makes a directory, and does nothing if there is one: mkdir(2).
    case makeDirectory(String, mode: UInt32)
    /// Makes a directory where that is possible, whatever the answer.
    case makeWorkingDirectory(String)
    /// Changes the owner of a file, not following a link: fchownat(2).
    case setOwner(String, uid: UInt32, gid: UInt32)
    /// Makes an empty file to mount on, and does nothing if there is one: open(2).
    case makeFile(String, mode: UInt32)
    /// Makes a symbolic link, and does nothing if the name is taken: symlink(2).
    case makeSymlink(String, target: String)
    /// Makes a device node, and does nothing where there is one if it may: mknod(2).
    case makeDevice(DeviceNode, mayExist: Bool)
    /// Sets the loopback interface of the network namespace up: netdevice(7).
    case raiseLoopback
    /// Where the process's memory comes from: set_mempolicy(2).
    case setMemoryPolicy(MemoryPolicy)
    /// Writes a whole value to a file beneath a directory descriptor, following no link: openat2(2), write(2).
    case write(String, beneath: LaunchSlot, path: String)

    /// Opens a file of our own process for writing, by a path below `/proc/self` beneath a descriptor of a procfs:
    /// openat2(2).
    case openOwn(String, procfs: LaunchSlot, into: LaunchSlot)
    /// Writes a whole value to an open file, and closes it: write(2).
    case writeValue(String, to: LaunchSlot)

    // The process

    /// Opens a new session: setsid(2).
    case makeSession
    /// Ends by SIGKILL when the thread ends that has started it: prctl(2) `PR_SET_PDEATHSIG`.
    ///
    /// Executing a set-user-ID program takes it back. A start that is not over when that thread ends may miss it.
    case endWithStarter
    /// Makes a terminal in the devpts at `/dev/pts`, sends its master over a socket (`SCM_RIGHTS`) and keeps the slave:
    /// pty(7), ioctl_tty(2), `TIOCGPTPEER`, Linux 4.13. Uses descriptor 0 on the way.
    case openTerminal(into: LaunchSlot, sendingTo: LaunchSlot, owner: UInt32, size: TerminalSize?)
    /// Makes a terminal the session's: ioctl_tty(2), `TIOCSCTTY`.
    case controlTerminal(LaunchSlot)
    /// Sends a descriptor over a socket: unix(7), `SCM_RIGHTS`. Uses descriptor 0 on the way.
    case sendDescriptor(LaunchSlot, to: LaunchSlot)
    /// Ends the process with status 0, without a program.
    case exit
    /// Attaches a terminal at `/dev/console` by descriptor.
    case attachConsole(LaunchSlot)
    /// How likely the kernel is to end this process when memory runs out: proc_pid_oom_score_adj(5).
    case setOOMScore(Int)
    /// Makes a descriptor one of 0, 1 and 2: dup3(2).
    case duplicate(LaunchSlot, as: UInt32)
    /// A resource limit: prlimit(2).
    case setLimit(ResourceLimit)
    /// How the kernel shares processors with this process: sched_setattr(2).
    case setScheduler(Scheduling)
    /// The processors that this process may use: sched_setaffinity(2).
    case setAffinity(ProcessorSet)
    /// The order in which this process gets at disks: ioprio_set(2).
    case setIOPriority(IOPriority)
    /// What the process takes its kernel for: personality(2).
    case setPersonality(UInt64)
    /// The file mode creation mask: umask(2).
    case setUmask(UInt32)
    /// User, group and supplementary groups, keeping capabilities: setgroups(2), setresgid(2), setresuid(2).
    case setCredentials(Credentials)
    /// Drops everything else from the bounding set: prctl(2) `PR_CAPBSET_DROP`.
    case limitBoundingSet(CapabilitySet)
    /// Sets the effective, permitted and inheritable capabilities: capset(2).
    case setCapabilities(effective: CapabilitySet, permitted: CapabilitySet, inheritable: CapabilitySet)
    /// Raises ambient capabilities: prctl(2) `PR_CAP_AMBIENT`.
    case raiseAmbient(CapabilitySet)
    /// No program executed from here on gains privileges: prctl(2) `PR_SET_NO_NEW_PRIVS`.
    case setNoNewPrivileges
    /// Loads a compiled filter: seccomp(2).
    case loadSeccomp(SeccompProgram)
    /// Changes directory without passing through a magic link of procfs: openat2(2), fchdir(2).
    case changeDirectory(String)
    /// Marks every descriptor from this number on close-on-exec: close_range(2), Linux 5.11.
    case closeDescriptors(from: UInt32)
    /// Closes a descriptor: close(2).
    case close(LaunchSlot)
    /// Waits until the launching process says go on, with one byte.
    case awaitByte(LaunchSlot)
    /// Says that the process has come this far, and waits until somebody says go on, with one byte.
    ///
    /// The launching process learns of it by `LaunchedProcess.awaitGate`.
    case awaitGate(LaunchSlot)
    /// Fails as the execution of the first of `candidates` that exists would, if that is foreseeable: faccessat(2).
    case checkProgram(candidates: [String], name: String)
    /// Executes the first of `candidates` that exists: execve(2).
    case execute(candidates: [String], arguments: [String], environment: [String])
    /// Executes the first of `candidates` that exists, through `LaunchHelper`, which then is what the program finds at
    /// `/proc/self/exe` in its first moment.
    case executeThrough(
        LaunchSlot,
        as: HelperRole,
        candidates: [String],
        arguments: [String],
        environment: [String]
    )
    /// Executes a program that has no name: execveat(2).
    case executeDescriptor(LaunchSlot, arguments: [String], environment: [String])
}

/// What `LaunchHelper` is to a program.
package enum HelperRole: Hashable, Sendable {
    /// It becomes the program.
    case program
    /// It stays, as first process, and the program is its child.
    case initial
    /// It goes on in a new process, a sibling that has a session of its own and becomes the program: in the PID namespace
    /// that the plan has joined, where nobody has seen it with other rights than the program's.
    ///
    /// The launching process learns of it by `LaunchedProcess.successor`.
    case successor(hasTerminal: Bool)

    /// The letter by which the helper knows it.
    var letter: String {
        switch self {
        case .program: "x"
        case .initial: "i"
        case .successor(let hasTerminal): hasTerminal ? "t" : "f"
        }
    }

    /// What is different from becoming the program.
    var description: String {
        switch self {
        case .program: ""
        case .initial: " below init"
        case .successor(let hasTerminal): " after a fork" + (hasTerminal ? ", at its terminal" : "")
        }
    }
}

extension LaunchStep: CustomStringConvertible {
    /// One line that names the system call's effect and its operands.
    package var description: String {
        switch self {
        case .join(let slot, let kinds): "join \(kinds) namespace \(slot)"
        case .unshare(let kinds): "unshare \(kinds)"
        case .fork(let kinds): "fork \(kinds)"
        case .makeTime(let offsets, _): "time \(offsets.isEmpty ? "as it is" : offsets.joined(separator: ", "))"
        case .hide: "not dumpable"
        case .joinKeyring(let name): "keyring \(name)"
        case .setHostname(let name): "hostname \(name)"
        case .setDomainname(let name): "domainname \(name)"
        case .setPropagation(let propagation): "propagation / \(propagation)"
        case .copyMount(let path, let slot): "copy \(path) as \(slot)"
        case .pivot(let slot): "pivot \(slot)"
        case .coverRoot(let slot): "cover / with \(slot)"
        case .enter(let slot, let path, _): "attach \(slot) at \(path), enter"
        case .leave(let slot, _): "leave, pivot \(slot)"
        case .changeRoot(let slot): "enter \(slot)"
        case .copyTree(let path, let slot): "copy \(path) and below as \(slot)"
        case .makeFilesystem(let recipe, let slot): "filesystem \(recipe) as \(slot)"
        case .attachAt(let slot, let path, let symlinks, _):
            "attach \(slot) at \(path)\(symlinks == .refuse ? " no-symlinks" : "")"
        case .detach(let path): "detach \(path)"
        case .mask(let path, _): "mask \(path)"
        case .remount(let path, let attributes): "remount \(path) \(attributes)"
        case .setAttributes(let slot, let attributes, let recursive):
            "attributes \(slot) \(attributes)\(recursive ? " recursive" : "")"
        case .change(let slot, let change): "attributes \(slot) \(change)"
        case .openOwn(let path, _, let slot): "open /proc/self/\(path) as \(slot)"
        case .writeValue(let value, let slot): "write \(slot) \(quoted(value))"
        case .makeDirectory(let path, let mode): "mkdir \(path) \(octal(mode))"
        case .makeWorkingDirectory(let path): "mkdir \(path) if possible"
        case .setOwner(let path, let uid, let gid): "owner \(path) \(uid):\(gid)"
        case .makeFile(let path, let mode): "file \(path) \(octal(mode))"
        case .makeSymlink(let path, let target): "symlink \(path) -> \(target)"
        case .makeDevice(let node, let mayExist): "device \(node)\(mayExist ? " unless there" : "")"
        case .raiseLoopback: "loopback up"
        case .setMemoryPolicy(let policy): "memory-policy \(policy)"
        case .write(let value, let slot, let path): "write \(slot)/\(path) \(quoted(value))"
        case .makeSession: "session"
        case .endWithStarter: "end with the starter"
        case .openTerminal(let slave, let socket, let owner, let size):
            "terminal as \(slave) owner \(owner)\(size.map { " \($0)" } ?? ""), master to \(socket)"
        case .controlTerminal(let slot): "controlling terminal \(slot)"
        case .sendDescriptor(let slot, let socket): "send descriptor \(slot) to \(socket)"
        case .exit: "exit"
        case .attachConsole(let slot): "attach \(slot) at /dev/console no-symlinks"
        case .setOOMScore(let score): "oom-score \(score)"
        case .duplicate(let slot, let number): "descriptor \(number) \(slot)"
        case .setLimit(let limit): "limit \(limit)"
        case .setScheduler(let scheduling): "scheduler \(scheduling)"
        case .setAffinity(let processors): "processors \(processors)"
        case .setIOPriority(let priority): "io-priority \(priority)"
        case .setPersonality(let domain): "personality \(domain)"
        case .setUmask(let mask): "umask \(octal(mask))"
        case .setCredentials(let credentials): "credentials \(credentials)"
        case .limitBoundingSet(let set): "bounding \(set)"
        case .setCapabilities(let effective, let permitted, let inheritable):
            "capabilities effective \(effective) permitted \(permitted) inheritable \(inheritable)"
        case .raiseAmbient(let set): "ambient \(set)"
        case .setNoNewPrivileges: "no-new-privileges"
        case .loadSeccomp(let program): "seccomp \(program)"
        case .changeDirectory(let path): "chdir \(path)"
        case .closeDescriptors(let first): "close-on-exec \(first)-"
        case .close(let slot): "close \(slot)"
        case .awaitByte(let slot): "await \(slot)"
        case .awaitGate(let slot): "gate \(slot)"
        case .checkProgram(let candidates, _): "check \(candidates.joined(separator: "|"))"
        case .execute(let candidates, let arguments, let environment):
            "execute \(candidates.joined(separator: "|")) \(words(arguments)) with \(environment.count) variables"
        case .executeThrough(_, let role, let candidates, let arguments, let environment):
            "execute \(candidates.joined(separator: "|")) \(words(arguments)) with \(environment.count) variables"
                + role.description
        case .executeDescriptor(let slot, let arguments, let environment):
            "execute \(slot) \(words(arguments)) with \(environment.count) variables"
        }
    }
}

private func octal(_ mode: UInt32) -> String { "0" + String(mode, radix: 8) }

private func quoted(_ text: String) -> String { text.debugDescription }

private func words(_ arguments: [String]) -> String { "[" + arguments.map(quoted).joined(separator: " ") + "]" }
