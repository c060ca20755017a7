import CLinux
import Glibc

/// Signals that come in as data instead of interrupting: signalfd(2).
package struct SignalWatch: ~Copyable, Sendable {
    private let file: OwnedDescriptor

    /// Blocks `signals` in the calling thread, and so in those it starts, and has them come here.
    ///
    /// To be made while the process has one thread.
    package init(_ signals: [Int32]) throws(SyscallError) {
        var set = sigset_t()
        sigemptyset(&set)
        for signal in signals { sigaddset(&set, signal) }
        pthread_sigmask(SIG_BLOCK, &set, nil)
        let descriptor = clinux_signalfd(&set)
        file = OwnedDescriptor(adopting: try SyscallError.check(descriptor, "signalfd", ""))
    }

    /// To be polled; lent.
    package var descriptor: Int32 { file.rawValue }

    /// The next signal that has come; nil when there is none.
    package func next() -> Int32? {
        var information = signalfd_siginfo()
        let size = MemoryLayout<signalfd_siginfo>.size
        guard read(file.rawValue, &information, size) == size else { return nil }
        return Int32(information.ssi_signo)
    }
}

/// Waits until some of `descriptors` can be read or have come to their end, at most so many milliseconds, -1 for ever:
/// poll(2).
///
/// Returns for each whether it can; negative numbers never can.
package func waitReadable(_ descriptors: [Int32], milliseconds: Int32 = -1) -> [Bool] {
    var polled = descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    // An interrupted wait has found nothing; the caller comes again.
    _ = poll(&polled, nfds_t(polled.count), milliseconds)
    return polled.map { $0.revents != 0 }
}
