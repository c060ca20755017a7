/// One entry of `security_opt`.
package enum SecurityOption: Hashable, Sendable {
    /// Whether programs may gain rights by being run.
    case noNewPrivileges(Bool)
    /// `seccomp=unconfined`: every system call.
    case seccompUnconfined
    /// The system calls that the profile at a path allows.
    case seccompProfile(String)
    /// `systempaths=unconfined`: nothing of /proc and /sys is hidden.
    case systemPathsUnconfined
    /// An AppArmor profile.
    case appArmor(String)
    /// An SELinux label.
    case label(String)

    /// Reads `name`, `name=value` or `name:value`.
    init?(text: String) {
        let sign = text.firstIndex { $0 == "=" || $0 == ":" }
        let name = sign.map { String(text[..<$0]) } ?? text
        let value = sign.map { String(text[text.index(after: $0)...]) } ?? ""
        switch (name, value) {
        case ("no-new-privileges", _):
            guard sign == nil || value == "true" || value == "false" else { return nil }
            self = .noNewPrivileges(value != "false")
        case (_, ""): return nil
        case ("seccomp", "unconfined"): self = .seccompUnconfined
        case ("seccomp", _): self = .seccompProfile(value)
        case ("systempaths", "unconfined"): self = .systemPathsUnconfined
        case ("apparmor", _): self = .appArmor(value)
        case ("label", _): self = .label(value)
        default: return nil
        }
    }
}
