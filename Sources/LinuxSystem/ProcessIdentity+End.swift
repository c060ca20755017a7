extension ProcessIdentity {
    /// Whether the process has ended, reaped or not: field 3 of proc_pid_stat(5).
    package var hasEnded: Bool {
        guard ProcessIdentity(of: pid) == self, let text = try? readFile("/proc/\(pid)/stat"),
            let name = text.lastIndex(of: ")")
        else { return true }
        return ["Z", "X"].contains(text[text.index(after: name)...].split(separator: " ").first)
    }
}
