import OCISpec
import CLinux
import Glibc
package import LinuxSystem
package import Orchestrator
import Synchronization

/// Moves what a container writes from its FIFOs into its log.
///
/// Lines leave a FIFO only after they are in the log: they are first copied with tee(2), and taken away when they are
/// written. A supervisor that dies in between loses nothing; at worst its successor writes the last lines again. A line
/// without its end stays in the FIFO until the end comes, or until it is longer than 16 KiB.
package final class OutputCollector: Sendable {
    private struct State: ~Copyable {
        var log: LogFile?
        var inputs: [Input] = []
        var pipe: Pipe
        var failure: SyscallError?
        var output: [UInt8] = []
        /// Sockets of those who see what a terminal shows, as it comes; owned.
        var watchers: [Int32] = []
    }

    private struct Input {
        let descriptor: Int32
        let stream: LogRecord.Stream
        let isTerminal: Bool
        let watch: Poller.Watch
        /// What of a terminal's line has been read: a terminal can't be copied.
        var partial: [UInt8] = []
    }

    private static let longestLine = 16 << 10
    private static let pipeSize = 64 << 10
    private let state: Mutex<State>
    private let poller: Poller
    private let clock: @Sendable () -> WallTime

    /// A collector that writes to `log`, or throws everything away without one.
    package init(
        log: consuming LogFile?,
        poller: Poller,
        clock: @escaping @Sendable () -> WallTime
    ) throws(SyscallError) {
        let pipe = try Pipe()
        state = Mutex(State(log: log, pipe: pipe))
        self.poller = poller
        self.clock = clock
    }

    /// Collects from `descriptor`, which does not block and belongs to the collector from here on.
    package func collect(
        _ descriptor: consuming OwnedDescriptor,
        _ stream: LogRecord.Stream,
        isTerminal: Bool
    ) throws(SyscallError) {
        let raw = descriptor.release()
        let watch = try poller.watch(raw, .edge) { [weak self] in self?.drain(raw, isFinal: false) }
        state.withLock {
            $0.inputs.append(Input(descriptor: raw, stream: stream, isTerminal: isTerminal, watch: watch))
        }
        // What was written before the watch began raises no edge.
        drain(raw, isFinal: false)
    }

    /// Writes what is left, lines without an end too: the container has ended.
    package func finish() {
        let inputs = state.withLock { $0.inputs }
        for input in inputs { drain(input.descriptor, isFinal: true) }
    }

    /// Lets a socket see what the terminal shows from here on; returns the terminal's master, or nil without one.
    package func show(to socket: consuming OwnedDescriptor) throws(SyscallError) -> OwnedDescriptor? {
        let raw = socket.release()
        let master = state.withLock { state -> Int32? in
            guard let terminal = state.inputs.first(where: \.isTerminal) else { return nil }
            state.watchers.append(raw)
            return fcntl(terminal.descriptor, F_DUPFD_CLOEXEC, 3)
        }
        guard let master else {
            close(raw)
            return nil
        }
        return OwnedDescriptor(adopting: try SyscallError.checkErrno(master, "fcntl", "terminal"))
    }

    /// Why a record could not be written, since the last time anyone asked.
    package func takeFailure() -> SyscallError? {
        state.withLock { state in
            defer { state.failure = nil }
            return state.failure
        }
    }

    deinit {
        let (inputs, watchers) = state.withLock { ($0.inputs, $0.watchers) }
        for watcher in watchers { close(watcher) }
        for input in inputs {
            poller.end(input.watch)
            close(input.descriptor)
        }
    }

    private func drain(_ descriptor: Int32, isFinal: Bool) {
        state.withLock { state in
            guard let index = state.inputs.firstIndex(where: { $0.descriptor == descriptor }) else { return }
            let time = Timestamp.bytes(clock())
            if state.inputs[index].isTerminal {
                Self.drainTerminal(&state, index, time, isFinal: isFinal)
            } else {
                Self.drainPipe(&state, index, time, isFinal: isFinal)
            }
        }
    }

    private static func drainPipe(_ state: inout State, _ index: Int, _ time: [UInt8], isFinal: Bool) {
        let input = state.inputs[index]
        var buffer = [UInt8](repeating: 0, count: pipeSize)
        while true {
            let copied = clinux_syscall(
                Int64(SYS_tee),
                UInt64(input.descriptor),
                UInt64(state.pipe.writing.rawValue),
                UInt64(pipeSize),
                2 /* SPLICE_F_NONBLOCK */,
                0,
                0
            )
            guard copied > 0 else { return }
            let count = read(state.pipe.reading.rawValue, &buffer, Int(copied))
            guard count > 0 else { return }
            var taken = write(buffer[..<count], input.stream, time, into: &state, isFinal: isFinal)
            if taken == 0 && isFull(input.descriptor) {
                // Small pieces that were spliced in fill a pipe long before its bytes do, and its writer waits for us.
                taken = write(buffer[..<count], input.stream, time, into: &state, isFinal: true)
            }
            guard taken > 0 else { return }
            var left = taken
            while left > 0 {
                let gone = read(input.descriptor, &buffer, left)
                guard gone > 0 else { return }
                left -= gone
            }
        }
    }

    /// Whether a pipe that is open for writing too takes nothing more.
    private static func isFull(_ descriptor: Int32) -> Bool {
        guard fcntl(descriptor, F_GETFL) & O_ACCMODE == O_RDWR else { return false }
        var request = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        return poll(&request, 1, 0) == 0
    }

    private static func drainTerminal(_ state: inout State, _ index: Int, _ time: [UInt8], isFinal: Bool) {
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            // A terminal without a user answers EIO.
            let count = read(state.inputs[index].descriptor, &buffer, buffer.count)
            guard count > 0 else { break }
            show(buffer[..<count], to: &state.watchers)
            state.inputs[index].partial += buffer[..<count]
            let partial = state.inputs[index].partial
            let taken = write(partial[...], .stdout, time, into: &state, isFinal: false)
            state.inputs[index].partial = Array(partial[taken...])
        }
        guard isFinal, !state.inputs[index].partial.isEmpty else { return }
        _ = write(state.inputs[index].partial[...], .stdout, time, into: &state, isFinal: true)
        state.inputs[index].partial = []
    }

    /// Whoever does not keep up is left: a container waits for nobody who only looks.
    private static func show(_ bytes: ArraySlice<UInt8>, to watchers: inout [Int32]) {
        watchers.removeAll { watcher in
            let flags = Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT)
            let sent = bytes.withUnsafeBytes { send(watcher, $0.baseAddress, $0.count, flags) }
            if sent < 0 { close(watcher) }
            return sent < 0
        }
    }

    /// Where a window can be cut without cutting a character of UTF-8, or its end when there is no such place.
    private static func wholeEnd(of window: ArraySlice<UInt8>) -> Int {
        guard let lead = window.suffix(4).lastIndex(where: { $0 & 0xC0 != 0x80 }) else { return window.endIndex }
        let length =
            switch window[lead] {
            case 0xC0..<0xE0: 2
            case 0xE0..<0xF0: 3
            case 0xF0..<0xF8: 4
            default: 1
            }
        return lead + length > window.endIndex && lead > window.startIndex ? lead : window.endIndex
    }

    /// Writes the whole lines of `bytes`; returns how many bytes they are.
    private static func write(
        _ bytes: ArraySlice<UInt8>,
        _ stream: LogRecord.Stream,
        _ time: [UInt8],
        into state: inout State,
        isFinal: Bool
    ) -> Int {
        var rest = bytes
        state.output.removeAll(keepingCapacity: true)
        while !rest.isEmpty {
            let window = rest.prefix(longestLine)
            let end: Int
            if let newline = window.firstIndex(of: 0x0A) {
                end = newline + 1
            } else if window.count == longestLine {
                end = wholeEnd(of: window)
            } else if isFinal {
                end = window.endIndex
            } else {
                break
            }
            if state.log != nil { LogRecord.encode(rest[..<end], stream: stream, time: time, into: &state.output) }
            rest = rest[end...]
        }
        if !state.output.isEmpty {
            do throws(SyscallError) { try state.log?.append(state.output) } catch {
                // A container is not to wait for a disk that is full: the lines are lost, and somebody is told.
                state.failure = error
            }
        }
        return bytes.count - rest.count
    }
}
