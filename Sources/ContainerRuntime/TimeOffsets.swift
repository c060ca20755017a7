import OCISpec

extension LinuxSpec {
    /// The lines of `/proc/self/timens_offsets` for `timeOffsets`: time_namespaces(7).
    var timeLines: [String] {
        get throws(ContainerError) {
            var lines: [String] = []
            for (clock, offset) in (timeOffsets ?? [:]).sorted(by: { $0.key < $1.key }) {
                let place = "linux.timeOffsets.\(clock)"
                guard ["monotonic", "boottime"].contains(clock) else {
                    throw .invalid(place, "is not a clock of a time namespace: monotonic or boottime")
                }
                guard offset.nanosecs ?? 0 < 1_000_000_000 else {
                    throw .invalid(place, "\(offset.nanosecs ?? 0) nanoseconds are a second or more")
                }
                lines.append("\(clock) \(offset.secs ?? 0) \(offset.nanosecs ?? 0)")
            }
            return lines
        }
    }
}
