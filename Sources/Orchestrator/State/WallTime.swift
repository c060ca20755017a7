import LinuxSystem

/// A moment on the wall clock, as state files and logs keep it.
package struct WallTime: Hashable, Comparable, Codable, Sendable {
    /// Nanoseconds since 1970-01-01 00:00 UTC.
    package var nanoseconds: Int64

    /// The moment that many nanoseconds after the epoch.
    package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    /// This moment.
    package static var now: WallTime { WallTime(nanoseconds: FileMetadata.Timestamp.now.sinceEpoch) }

    /// Written as the bare number.
    package init(from decoder: any Decoder) throws {
        nanoseconds = try decoder.singleValueContainer().decode(Int64.self)
    }

    /// Written as the bare number.
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(nanoseconds)
    }

    /// Orders moments in time.
    package static func < (left: WallTime, right: WallTime) -> Bool { left.nanoseconds < right.nanoseconds }

    /// The moment `duration` later.
    package static func + (time: WallTime, duration: Duration) -> WallTime {
        WallTime(nanoseconds: time.nanoseconds.addingReportingOverflow(duration.wholeNanoseconds).partialValue)
    }

    /// The time from `right` to `left`.
    package static func - (left: WallTime, right: WallTime) -> Duration {
        .nanoseconds(left.nanoseconds - right.nanoseconds)
    }
}

extension Duration {
    /// The duration in nanoseconds; at most about 292 years.
    package var wholeNanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        return overflow ? (seconds < 0 ? .min : .max) / 4 : scaled + attoseconds / 1_000_000_000
    }
}
