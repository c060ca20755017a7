import CLinux
import ContainerRuntime
import class Foundation.FileManager
import Glibc
import LinuxSystem
import OCISpec
import Testing

/// A standard container on a copy-on-write view of the host's root, for tests.
struct Box: ~Copyable {
    /// Where its root's changes lie: `upper`, `work`, and room for sources of mounts.
    let scratch: String
    var options: StandardOptions
    var mounts: [MountSpec] = []
    var hostDevices: [LinuxSpec.Device] = []
    var change: (inout RuntimeSpec) -> Void = { _ in }
    var inputs = PlanInputs()
    var lent: [String: Int32] = [:]
    var network: Int32?
    var terminal: Int32?
    /// The path of its group; none when empty.
    var group = ""

    init(_ arguments: [String]) throws {
        var template = Array("/tmp/roost-test.XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw SyscallError(call: "mkdtemp", subject: "/tmp", errno: .current) }
        scratch = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        for name in ["upper", "work"] { mkdir("\(scratch)/\(name)", 0o755) }
        options = StandardOptions(
            ProcessSpec(cwd: "/", args: arguments, env: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"])
        )
        options.hostname = "box"
    }

    deinit { try? FileManager.default.removeItem(atPath: scratch) }  // a leftover in /tmp harms nobody

    /// Gives it a user namespace whose ids are the host's, so that it can write to its root.
    mutating func confine() {
        change = { spec in
            spec.linux?.namespaces?.append(.init(type: "user"))
            spec.linux?.uidMappings = [.init(containerID: 0, hostID: 0, size: .max)]
            spec.linux?.gidMappings = [.init(containerID: 0, hostID: 0, size: .max)]
        }
    }

    /// Hierarchies of this host.
    static func hierarchies() throws -> CgroupHierarchies {
        try CgroupHierarchies.ofHost()
    }

    func root() throws -> DetachedMount {
        try DetachedMount.filesystem(
            FilesystemRecipe(
                "overlay",
                [.init("lowerdir", "/"), .init("upperdir", "\(scratch)/upper"), .init("workdir", "\(scratch)/work")]
            )
        )
    }

    /// Its configuration without a filter, which would take a moment to compile.
    func spec() throws -> RuntimeSpec {
        var options = options
        options.isUnconfined = true
        var spec = try RuntimeSpec.standard(options, mounts: mounts, hostDevices: hostDevices)
        if group.isEmpty { spec.linux?.resources = nil }
        change(&spec)
        return spec
    }

    /// Starts it; its output goes to `output`, and its group and what is not enforced are told.
    func start(output: Int32) throws -> (process: Started, unenforced: [String]) {
        let spec = try spec()
        var inputs = inputs
        try inputs.observe(for: spec)
        var cgroup: ContainerCgroup?
        if !group.isEmpty {
            cgroup = try ContainerCgroup.make(
                group,
                in: Box.hierarchies(),
                resources: spec.linux?.resources,
                devices: options.isPrivileged ? nil : DeviceProgram(spec.linux?.resources?.devices ?? [])
            )
        }
        inputs.awaitsGroups = cgroup?.needsAttachment == true
        let plan = try ContainerPlan(spec, inputs)
        var surroundings = Container.Surroundings(root: try root(), stdio: (0, output, output))
        surroundings.mounts = lent
        surroundings.network = network
        surroundings.terminal = terminal
        surroundings.group = cgroup
        let process = try Container.start(plan, in: surroundings)
        return (Started(process), plan.unenforced + (cgroup?.unenforced ?? []))
    }

    /// Runs it to its end; what it printed and how it ended.
    func run() throws -> (output: String, status: ProcessStatus) {
        let pipe = try Pipe()
        let started = try start(output: pipe.writing.rawValue)
        let text = Box.text(of: pipe.takeReading())
        let status = try started.process.process.waitForExit()
        if !group.isEmpty { try remove() }
        return (text, status)
    }

    /// Removes its group; what can't be removed is an error.
    func remove() throws {
        let failures = ContainerCgroup(group, in: try Box.hierarchies()).remove()
        if let first = failures.first { throw first }
    }

    /// Runs one more program in a container that runs; what it printed and how it ended.
    func execute(
        _ arguments: [String],
        in pidfd: Int32,
        change: (inout RuntimeSpec) -> Void = { _ in }
    ) throws -> (output: String, status: ProcessStatus) {
        var spec = try spec()
        spec.process?.args = arguments
        change(&spec)
        var inputs = PlanInputs()
        try inputs.observeOurselves()
        let pipe = try Pipe()
        var surroundings = Container.ExecSurroundings(
            container: pidfd,
            stdio: (0, pipe.writing.rawValue, pipe.writing.rawValue)
        )
        surroundings.terminal = terminal
        if !group.isEmpty {
            surroundings.group = ContainerCgroup(group, in: try Box.hierarchies()).joined()
            inputs.awaitsGroups = surroundings.group?.needsAttachment == true
        }
        let process = try Container.execute(ContainerPlan(exec: spec, inputs), in: surroundings)
        let text = Box.text(of: pipe.takeReading())
        return (text, try process.waitForExit())
    }

    /// Everything that arrives until the last writer is gone; a terminal whose last user is gone answers EIO.
    static func text(of descriptor: consuming OwnedDescriptor) -> String {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = read(descriptor.rawValue, &buffer, buffer.count)
            guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
            bytes += buffer[..<count]
        }
    }

    /// One line from a descriptor, without its end.
    static func line(of descriptor: Int32) -> String {
        var bytes: [UInt8] = []
        var byte: UInt8 = 0
        while read(descriptor, &byte, 1) == 1, byte != UInt8(ascii: "\n") { bytes.append(byte) }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// A started process in a box that can be part of a tuple.
final class Started {
    let process: LaunchedProcess
    init(_ process: consuming LaunchedProcess) { self.process = process }

    /// Ends it and takes its status.
    func end() throws -> ProcessStatus {
        try Container.signal(process.descriptor.rawValue, SIGKILL)
        return try process.waitForExit()
    }
}

/// Makes a file with a text.
func make(_ path: String, _ text: String) throws {
    let file = OwnedDescriptor(
        adopting: try SyscallError.checkErrno(open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644), "open", path)
    )
    #expect(write(file.rawValue, text, text.utf8.count) == text.utf8.count)
}
