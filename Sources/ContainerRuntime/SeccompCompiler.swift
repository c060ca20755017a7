import CSeccomp
import Glibc
package import LinuxSystem
package import OCISpec

extension SeccompProgram {
    /// Compiles a filter of a configuration by libseccomp: seccomp_init(3), seccomp_export_bpf(3).
    ///
    /// System calls that this machine's libseccomp does not know are passed over, as in other runtimes: the default
    /// action holds for them. Takes milliseconds for a large profile, so callers keep the result.
    package init(compiling spec: SeccompSpec) throws(ContainerError) {
        let filter = try SeccompFilter(spec)
        let actions = [spec.defaultAction] + (spec.syscalls ?? []).map(\.action)
        if actions.contains("SCMP_ACT_NOTIFY"), (spec.listenerPath ?? "").isEmpty {
            throw .invalid("linux.seccomp.listenerPath", "missing: SCMP_ACT_NOTIFY needs somebody who is told")
        }
        try filter.fill(from: spec)
        self.init(instructions: try filter.exported(), flags: try Self.flags(of: spec))
    }

    /// The flags that the filter is loaded with.
    static func flags(of spec: SeccompSpec) throws(ContainerError) -> UInt32 {
        let flags = try SeccompFilter.flags(spec.flags ?? [])
        return (spec.listenerPath ?? "").isEmpty ? flags : flags | listenerFlag
    }
}

/// A libseccomp filter under construction.
private struct SeccompFilter: ~Copyable {
    private let context: scmp_filter_ctx
    private let defaultAction: UInt32

    init(_ spec: SeccompSpec) throws(ContainerError) {
        let action = try SeccompFilter.action(
            spec.defaultAction,
            errno: spec.defaultErrnoRet,
            place: "linux.seccomp.defaultAction"
        )
        guard let context = seccomp_init(action) else {
            throw .invalid("linux.seccomp.defaultAction", "libseccomp refuses '\(spec.defaultAction)'")
        }
        (self.context, defaultAction) = (context, action)
    }

    deinit { seccomp_release(context) }

    /// Adds what the specification says beyond the default action.
    func fill(from spec: SeccompSpec) throws(ContainerError) {
        // The filter only chooses; no_new_privs is a step of the launch plan.
        try check(seccomp_attr_set(context, SCMP_FLTATR_CTL_NNP, 0), "linux.seccomp")
        // A binary tree instead of a list: a call costs a few comparisons, not one for each rule.
        try check(seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2), "linux.seccomp")
        for (index, name) in (spec.architectures ?? []).enumerated() {
            try add(architecture: name, place: "linux.seccomp.architectures[\(index)]")
        }
        for (index, rule) in (spec.syscalls ?? []).enumerated() {
            try add(rule, place: "linux.seccomp.syscalls[\(index)]")
        }
    }

    private func check(_ result: CInt, _ place: String) throws(ContainerError) {
        guard result < 0 else { return }
        throw .invalid(place, "libseccomp: \(Errno(rawValue: -result))")
    }

    private func add(architecture name: String, place: String) throws(ContainerError) {
        let token = seccomp_arch_resolve_name(name.lowercased().replacingPrefix("scmp_arch_"))
        guard token != 0 else { throw .invalid(place, "'\(name)' is not an architecture") }
        let result = seccomp_arch_add(context, token)
        if result != -EEXIST { try check(result, place) }
    }

    private func add(_ rule: SeccompSpec.Rule, place: String) throws(ContainerError) {
        let action = try SeccompFilter.action(rule.action, errno: rule.errnoRet, place: "\(place).action")
        if action == SeccompFilter.notify, let name = rule.names.first(where: SeccompFilter.untold.contains) {
            throw .invalid("\(place).action", "nobody could be told of \(name): the start itself needs it")
        }
        guard action != defaultAction else { return }
        var comparisons: [scmp_arg_cmp] = []
        for (index, argument) in (rule.args ?? []).enumerated() {
            comparisons.append(try SeccompFilter.comparison(argument, place: "\(place).args[\(index)]"))
        }
        // Conditions on different arguments must all hold. libseccomp takes one for each argument, so a second
        // condition on the same argument makes alternatives of all of them.
        let isConjunction = Set(comparisons.map(\.arg)).count == comparisons.count
        let alternatives = isConjunction ? [comparisons] : comparisons.map { [$0] }
        for name in rule.names {
            let number = seccomp_syscall_resolve_name(name)
            guard number != -1 else { continue }
            for conditions in alternatives {
                let result = seccomp_rule_add_array(context, action, number, UInt32(conditions.count), conditions)
                try check(result, "\(place) (\(name))")
            }
        }
    }

    private func makeFile() throws(ContainerError) -> OwnedDescriptor {
        do { return try .memory("seccomp") } catch { throw .kernel("linux.seccomp", error) }
    }

    /// The program as the kernel reads it.
    func exported() throws(ContainerError) -> [UInt8] {
        let file = try makeFile()
        try check(seccomp_export_bpf(context, file.rawValue), "linux.seccomp")
        let size = Int(lseek(file.rawValue, 0, SEEK_END))
        var bytes = [UInt8](repeating: 0, count: max(size, 0))
        guard size > 0, pread(file.rawValue, &bytes, size, 0) == size else {
            throw .kernel("linux.seccomp", SyscallError(call: "pread", subject: "seccomp", errno: .current))
        }
        return bytes
    }

    static func flags(_ names: [String]) throws(ContainerError) -> UInt32 {
        var flags: UInt32 = 0
        for (index, name) in names.enumerated() {
            switch name {
            // The child has one thread: there is nothing to synchronise.
            case "SECCOMP_FILTER_FLAG_TSYNC": break
            case "SECCOMP_FILTER_FLAG_LOG": flags |= 1 << 1
            case "SECCOMP_FILTER_FLAG_SPEC_ALLOW": flags |= 1 << 2
            case "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV": flags |= 1 << 5
            default: throw .invalid("linux.seccomp.flags[\(index)]", "'\(name)' is not a flag")
            }
        }
        return flags
    }

    private static let notify: UInt32 = 0x7fc0_0000
    /// What a process does between the filter and its program, when the listener is not there yet.
    private static let untold: Set<String> = ["read", "write"]

    private static func action(_ name: String, errno: UInt32?, place: String) throws(ContainerError) -> UInt32 {
        let code = (errno ?? UInt32(EPERM)) & 0xffff
        switch name {
        case "SCMP_ACT_KILL", "SCMP_ACT_KILL_THREAD": return 0x0000_0000
        case "SCMP_ACT_KILL_PROCESS": return 0x8000_0000
        case "SCMP_ACT_TRAP": return 0x0003_0000
        case "SCMP_ACT_ERRNO": return 0x0005_0000 | code
        case "SCMP_ACT_TRACE": return 0x7ff0_0000 | code
        case "SCMP_ACT_LOG": return 0x7ffc_0000
        case "SCMP_ACT_ALLOW": return 0x7fff_0000
        case "SCMP_ACT_NOTIFY": return notify
        default: throw .invalid(place, "'\(name)' is not an action")
        }
    }

    private static func comparison(
        _ argument: SeccompSpec.Argument,
        place: String
    ) throws(ContainerError) -> scmp_arg_cmp {
        let operators: [String: scmp_compare] = [
            "SCMP_CMP_NE": SCMP_CMP_NE, "SCMP_CMP_LT": SCMP_CMP_LT, "SCMP_CMP_LE": SCMP_CMP_LE,
            "SCMP_CMP_EQ": SCMP_CMP_EQ, "SCMP_CMP_GE": SCMP_CMP_GE, "SCMP_CMP_GT": SCMP_CMP_GT,
            "SCMP_CMP_MASKED_EQ": SCMP_CMP_MASKED_EQ,
        ]
        guard let op = operators[argument.op] else {
            throw .invalid("\(place).op", "'\(argument.op)' is not a comparison")
        }
        guard argument.index < 6 else { throw .invalid("\(place).index", "\(argument.index) is above 5") }
        return scmp_arg_cmp(arg: argument.index, op: op, datum_a: argument.value, datum_b: argument.valueTwo ?? 0)
    }
}

extension String {
    /// The text without `prefix`, where it has it.
    fileprivate func replacingPrefix(_ prefix: String) -> String {
        hasPrefix(prefix) ? String(dropFirst(prefix.count)) : self
    }
}
