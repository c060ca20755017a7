import CLinux
import Glibc

extension FileMetadata.Timestamp {
    /// This moment: clock_gettime(2) `CLOCK_REALTIME`.
    package static var now: FileMetadata.Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return .init(seconds: Int64(time.tv_sec), nanoseconds: Int64(time.tv_nsec))
    }

    /// In nanoseconds since 1970-01-01 00:00 UTC.
    package var sinceEpoch: Int64 { seconds * 1_000_000_000 + Int64(nanoseconds) }

    private var times: [timespec] {
        let time = timespec(tv_sec: Int(clamping: seconds), tv_nsec: Int(clamping: nanoseconds))
        return [time, time]
    }

    /// Makes this the time of an open file's last change: futimens(3).
    ///
    /// A filesystem that can't keep the time loses nothing else.
    package func set(of file: CInt) { _ = futimens(file, times) }

    /// Makes this the time of an entry of a directory, of the link itself when it is one: utimensat(2).
    package func set(ofEntry name: [CChar], in directory: CInt) {
        _ = utimensat(directory, name, times, AT_SYMLINK_NOFOLLOW)
    }
}
