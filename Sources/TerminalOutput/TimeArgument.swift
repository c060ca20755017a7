import OCISpec
import ComposeModel
import Glibc
package import Orchestrator
import Supervisor

/// A moment as options name it.
package enum TimeArgument {
    /// Reads a moment of RFC 3339, without a zone in the local one; a length of time before `now`; or seconds since
    /// 1970, with a fraction if need be.
    package static func moment(_ text: String, now: WallTime) -> WallTime? {
        if let seconds = Double(text), text.allSatisfy({ $0.isNumber || $0 == "." }), text != "0", seconds < 9e9 {
            return WallTime(nanoseconds: Int64(seconds * 1e9))
        }
        if let span = TimeSpan(text: text) {
            let (moment, overflow) = now.nanoseconds.subtractingReportingOverflow(Int64(span.nanoseconds))
            return overflow ? nil : WallTime(nanoseconds: moment)
        }
        guard let moment = Timestamp.moment(text) else { return nil }
        return Timestamp.namesZone(text) ? moment : WallTime(nanoseconds: moment.nanoseconds - zoneOffset(moment))
    }

    /// How far the local time is ahead of UTC at a local moment; nanoseconds.
    private static func zoneOffset(_ moment: WallTime) -> Int64 {
        var seconds = time_t(moment.nanoseconds / 1_000_000_000)
        var local = unsafe tm()
        guard unsafe localtime_r(&seconds, &local) != nil else { return 0 }
        return Int64(unsafe local.tm_gmtoff) * 1_000_000_000
    }
}
