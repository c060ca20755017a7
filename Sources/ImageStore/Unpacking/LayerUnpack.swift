import Glibc
package import LinuxSystem
package import OCISpec

/// A layer that lies unpacked in a directory of its own, visible to nobody yet.
package struct UnpackedLayer: Hashable, Sendable {
    /// The digest of the plain archive; nil when it was not asked for.
    package let diffID: ContentDigest?
    /// The size of the plain archive in bytes.
    package let archiveBytes: Int64
    /// The sizes of its files together, in bytes.
    package let contentBytes: Int64
    /// What was left out, for people.
    package let notes: [String]
    /// The directory that holds it.
    package let directory: String
}

/// A layer on its way into a directory: a process that can do nothing else takes its bytes as they come.
///
/// The process decompresses, hashes and unpacks at the same time as whoever writes goes on. Of several at once, each has
/// its own processor. One thread at a time may call; all calls block.
package final class LayerUnpack: @unchecked Sendable {
    /// What is being filled.
    package let directory: String
    private let subject: String
    private let report: OwnedDescriptor
    private var process: LaunchedProcess?
    private var input: OwnedDescriptor?

    /// Starts the process; the bytes of the archive, plain or compressed, come by `write`.
    ///
    /// `directory` is made, and must not be there; `subject` names the layer in errors. Without `isHashed` the layer's
    /// digest is not computed, for one that is known to be what it should be. `program` is our own program. Throws
    /// `kernel` when the process can't be started.
    package static func begin(
        into directory: String,
        subject: String,
        limits: ImportLimits,
        isHashed: Bool = true,
        program: String
    ) throws(ImageError) -> LayerUnpack {
        // A socket instead of a pipe: writing into one whose reader has gone raises no signal if one asks for none.
        var ends: [CInt] = [-1, -1]
        guard socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
            throw .kernel("unpack \(subject)", SyscallError(call: "socketpair", subject: "AF_UNIX", errno: .current))
        }
        let mine = OwnedDescriptor(adopting: ends[0])
        // As much as comes at once; with less, both sides wait for each other more often, and nothing else.
        var size: CInt = 1 << 20
        _ = setsockopt(ends[0], SOL_SOCKET, SO_SNDBUFFORCE, &size, socklen_t(MemoryLayout<CInt>.size))
        let theirs = OwnedDescriptor(adopting: ends[1])
        let order = Order(directory: directory, subject: subject, limits: limits, isHashed: isHashed, program: program)
        return try LayerUnpack(order, reading: theirs, input: mine)
    }

    /// Starts the process, which reads the archive from a file, from its current position to its end.
    ///
    /// The rest is as above.
    package static func begin(
        into directory: String,
        reading file: borrowing OwnedDescriptor,
        subject: String,
        limits: ImportLimits,
        isHashed: Bool = true,
        program: String
    ) throws(ImageError) -> LayerUnpack {
        let order = Order(directory: directory, subject: subject, limits: limits, isHashed: isHashed, program: program)
        return try LayerUnpack(order, reading: file, input: nil)
    }

    private struct Order {
        var directory: String
        var subject: String
        var limits: ImportLimits
        var isHashed: Bool
        var program: String
    }

    private init(
        _ order: Order,
        reading file: borrowing OwnedDescriptor,
        input: consuming OwnedDescriptor?
    ) throws(ImageError) {
        let purpose = "unpack \(order.subject)"
        directory = order.directory
        subject = order.subject
        guard mkdir(order.directory, 0o755) == 0, chmod(order.directory, 0o755) == 0 else {
            throw .kernel(purpose, SyscallError(call: "mkdir", subject: order.directory, errno: .current))
        }
        let pipe = try attempt(purpose) { () throws(SyscallError) in try Pipe() }
        let descriptor = file.rawValue
        process = try Self.launch(order, input: descriptor, report: pipe.writing.rawValue)
        report = pipe.takeReading()
        self.input = input
    }

    deinit { cancel() }

    /// The descriptor that the archive's bytes can be written to instead of by `write`, a blocking socket; -1 when they
    /// come from a file.
    ///
    /// The layer's own: closed by `finish` and `cancel`. Writing there raises SIGPIPE, or EPIPE where that is ignored,
    /// when the process has given up; `finish` tells why.
    package var inputDescriptor: CInt { input?.rawValue ?? -1 }

    /// The process that unpacks; 0 when it has ended.
    var processID: Int32 { process?.pid ?? 0 }

    /// Hands over bytes; returns when all are taken.
    ///
    /// Throws what the process says when it has given up.
    package func write(_ bytes: UnsafeRawBufferPointer) throws(ImageError) {
        var done = 0
        while done < bytes.count {
            let count = send(
                inputDescriptor,
                bytes.baseAddress?.advanced(by: done),
                bytes.count - done,
                CInt(MSG_NOSIGNAL)
            )
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else {
                let reason = Errno.current
                guard reason.rawValue == EPIPE || reason.rawValue == ECONNRESET else {
                    throw .kernel(
                        "unpack \(subject)",
                        SyscallError(call: "send", subject: "the unpacking process", errno: reason)
                    )
                }
                _ = try finish()
                throw ImageError(.invalidArchive, "unpack \(subject): there is more after its end")
            }
            done += count
        }
    }

    /// Says that all bytes were written, and waits until the layer is unpacked.
    ///
    /// Throws `invalidArchive`, `tooLarge`, `kernel`; what is in the directory then is worth nothing. Whether the digest
    /// is the one that was wanted is for the caller to check.
    package func finish() throws(ImageError) -> UnpackedLayer {
        input = nil
        let purpose = "unpack \(subject)"
        let bytes = try attempt(purpose) { () throws(SyscallError) in try readReport() }
        guard let process = process.take() else {
            throw ImageError(.kernel, "\(purpose): the process has been ended")
        }
        let status = try attempt(purpose) { () throws(SyscallError) in try Self.reap(process) }
        guard let report = UnpackReport(bytes) else {
            let end = status.map { "\($0)" } ?? "in an unknown way"
            throw ImageError(.kernel, "\(purpose): the process ended (\(end)) before it had said how it went")
        }
        switch report {
        case .failed(let error): throw error
        case .done(let contents):
            try attempt(purpose) { () throws(SyscallError) in try markOpaque(contents.opaque) }
            return UnpackedLayer(
                diffID: contents.digest,
                archiveBytes: contents.archiveBytes,
                contentBytes: contents.contentBytes,
                notes: contents.notes,
                directory: directory
            )
        }
    }

    /// Ends the process, and leaves what there is in the directory to the caller.
    package func cancel() {
        input = nil
        guard let process = process.take() else { return }
        // One that has ended already is as good, and there is nobody to tell of anything else.
        try? sendSignal(SIGKILL, to: process.descriptor.rawValue)
        _ = try? Self.reap(process)
    }

    // MARK: the process

    private static func launch(_ order: Order, input: CInt, report: CInt) throws(ImageError) -> LaunchedProcess {
        let purpose = "unpack \(order.subject): start \(order.program)"
        var plan = LaunchPlan(namespaces: [.mount, .network, .ipc, .uts, .pid, .cgroup])
        plan.sharesMemory = true
        var descriptors: [LaunchSlot: CInt] = [:]
        // High numbers first: none of them may stand where another one goes.
        var copies: [(copy: CInt, number: CInt)] = []
        defer { for (copy, _) in copies { _ = OwnedDescriptor(adopting: copy) } }
        try attempt(purpose) { () throws(SyscallError) in
            // Nothing in it is executed there, and no device opened.
            let directory = try DetachedMount.copy(
                of: order.directory,
                recursive: false,
                attributes: [.noSetuid, .noDevices, .noExecute]
            )
            let null = try OwnedDescriptor.null()
            for (source, number) in [
                (input, UnpackProgram.Inherited.input), (report, UnpackProgram.Inherited.report), (null.rawValue, 2),
                (directory.descriptor.rawValue, UnpackProgram.Inherited.directory),
            ] {
                let copy = try SyscallError.checkErrno(fcntl(source, F_DUPFD_CLOEXEC, 10), "fcntl", "\(source)")
                copies.append((copy, number))
            }
        }
        plan.append(.makeSession)
        for (copy, number) in copies {
            let slot = plan.makeSlot("descriptor-\(number)")
            descriptors[slot] = copy
            plan.append(.duplicate(slot, as: UInt32(number)))
        }
        plan.append(.closeDescriptors(from: UInt32(UnpackProgram.Inherited.directory) + 1))
        let arguments = UnpackProgram.arguments(
            subject: order.subject,
            limits: order.limits,
            isHashed: order.isHashed
        )
        plan.append(.execute(candidates: [order.program], arguments: arguments, environment: []))
        do throws(LaunchError) {
            let process = try LaunchedProcess.start(plan, descriptors: descriptors)
            try process.awaitExecution()
            return process
        } catch {
            throw ImageError(.kernel, "\(purpose): \(error)")
        }
    }

    private func readReport() throws(SyscallError) -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while bytes.count <= UnpackReport.longest {
            let count = read(report.rawValue, &buffer, buffer.count)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw SyscallError(call: "read", subject: "report", errno: .current) }
            if count == 0 { break }
            bytes += buffer[..<count]
        }
        return bytes
    }

    /// Takes the process's status; nil when somebody else did.
    private static func reap(_ ended: borrowing LaunchedProcess) throws(SyscallError) -> ProcessStatus? {
        do throws(SyscallError) { return try ended.waitForExit() } catch {
            guard error.errno.rawValue == ECHILD else { throw error }
            // Nobody's to wait for where children are ignored; but it has to be over.
            while ended.descriptor.isAlive(after: 1000) {}
            return nil
        }
    }

    /// Marks directories that hide those below them; the process that found them may not.
    ///
    /// It has ended, so nothing changes any more. A later entry may have replaced one.
    private func markOpaque(_ paths: [[UInt8]]) throws(SyscallError) {
        guard !paths.isEmpty else { return }
        let root = try OwnedDescriptor.directory(directory)
        for path in paths {
            let name = (path.isEmpty ? [UInt8(ascii: ".")] : path).map { CChar(bitPattern: $0) } + [0]
            do throws(SyscallError) {
                let flags = O_RDONLY | O_DIRECTORY
                let place = try root.openAt(path: name, flags, [.inRoot, .noMagicLinks, .sameMount])
                try ExtendedAttributes.set(opaqueAttribute, "y", of: place.rawValue)
            } catch {
                guard [ENOENT, ENOTDIR, ELOOP].contains(error.errno.rawValue) else { throw error }
            }
        }
    }
}
