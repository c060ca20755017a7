import Glibc

/// A descriptor that pictures are drawn on, which is lent.
struct TerminalOutlet: Sendable {
    let descriptor: CInt
    /// Between two pictures.
    static let intervalMicroseconds: useconds_t = 100_000

    /// The size that the terminal has now: ioctl_tty(2) `TIOCGWINSZ`.
    var size: ProgressView.Size {
        var window = winsize()
        guard unsafe ioctl(descriptor, UInt(TIOCGWINSZ), &window) == 0, window.ws_col > 0 else {
            return .init(columns: 80, rows: 24)
        }
        return .init(columns: Int(window.ws_col), rows: Int(window.ws_row))
    }

    /// Writes all of a text, unless nobody reads any more: the command goes on then.
    func write(_ text: String) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }
}
