import Glibc
import LinuxSystem

/// What our program is when it was started to unpack a layer: a process that can do nothing else.
///
/// It reads a hostile archive with nothing of the host in sight: its root is the directory that it fills, it is alone in
/// its namespaces, and it has the capabilities that making files takes, and the system calls. It ends with one report.
package enum UnpackProgram {
    /// What our program is called then: the first of its arguments.
    package static let name = "roost-unpacker"

    /// The descriptors that it starts with.
    enum Inherited {
        /// The archive, plain or compressed.
        static let input: CInt = 0
        /// Where the report goes.
        static let report: CInt = 1
        /// The directory to fill, as a mount that is nowhere yet.
        static let directory: CInt = 3
    }

    /// What making files of every kind takes, and nothing more.
    private static let capabilities = CapabilitySet(
        names: ["CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "MKNOD", "SETFCAP"]
    )

    /// Unpacks, reports and ends.
    ///
    /// Call it before anything else: no other thread may have started. `arguments` are those after the name.
    package static func run(_ arguments: [String]) -> Never {
        let report: UnpackReport
        do throws(ImageError) {
            report = .done(try unpack(arguments))
        } catch {
            // Whoever writes to us learns at once that it is in vain.
            close(Inherited.input)
            report = .failed(error)
        }
        let output = OwnedDescriptor(adopting: Inherited.report)
        do throws(SyscallError) { try output.writeAll(report.bytes, subject: "report") } catch { _exit(1) }
        _exit(0)
    }

    /// The arguments of a process that unpacks with these limits.
    static func arguments(subject: String, limits: ImportLimits, isHashed: Bool) -> [String] {
        [name, subject, "\(limits)", isHashed ? "hash" : "plain"]
    }

    private static func unpack(_ arguments: [String]) throws(ImageError) -> LayerContents {
        guard arguments.count == 3 else { throw ImageError(.unsupported, "\(name) is no command") }
        let subject = arguments[0]
        let limits = try ImportLimits(changes: arguments[1])
        // It is read from a file, which is out of reach soon.
        let locale = makeUTF8Locale()
        if let locale { uselocale(locale) }
        let directory = OwnedDescriptor(adopting: Inherited.directory)
        try attempt("unpack \(subject): confine the process") { () throws(SyscallError) in
            try confine(directory, limits)
        }
        let stream = try LayerStream(
            Inherited.input,
            subject: subject,
            limits: limits,
            isHashed: arguments[2] == "hash",
            watch: Inherited.report,
            locale: locale
        )
        try attempt("unpack \(subject): confine the process") { () throws(SyscallError) in
            // The other thread comes along, and can't be started afterwards.
            try Confinement.load(CallFilter.fileMaker.program)
        }
        let root = try attempt("unpack \(subject)") { () throws(SyscallError) in try OwnedDescriptor.directory("/") }
        var contents = try LayerUnpacker.unpack(
            try Archive.reading(stream, subject: subject),
            into: root,
            subject: subject,
            limits: limits
        )
        contents.digest = try stream.finish()
        contents.archiveBytes = stream.count
        return contents
    }

    private static func confine(
        _ directory: borrowing OwnedDescriptor,
        _ limits: ImportLimits
    ) throws(SyscallError) {
        let kept = try CapabilitySet.ofThisProcess().intersection(capabilities)
        // A file that would become too large is an error instead of our end.
        signal(SIGXFSZ, SIG_IGN)
        let memory: UInt64 = 512 << 20
        for limit in [
            ResourceLimit(.core, soft: 0, hard: 0), ResourceLimit(.data, soft: memory, hard: memory),
            ResourceLimit(.nofile, soft: 256, hard: 256),
            ResourceLimit(.fsize, soft: UInt64(limits.layerBytes), hard: UInt64(limits.layerBytes)),
        ] { try Confinement.setLimit(limit) }
        try Confinement.pivot(into: directory)
        try Confinement.limitCapabilities(to: kept)
    }
}

extension CapabilitySet {
    /// Capabilities by names that the kernel has.
    fileprivate init(names: [String]) {
        self = names.compactMap { CapabilitySet(named: $0) }.reduce([]) { $0.union($1) }
    }
}
