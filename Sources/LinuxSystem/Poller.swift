import CLinux
import Glibc
import Synchronization

/// One thread that waits for many descriptors: epoll(7).
///
/// Handlers run on that thread, one after the other; what takes long belongs elsewhere.
package final class Poller: Sendable {
    /// When a handler is called.
    package enum Trigger: Sendable {
        /// As long as there is something to read, or the other side is gone.
        case level
        /// Each time something new arrives: `EPOLLET`.
        case edge
    }

    private let epoll: OwnedDescriptor
    private let handlers = Mutex<[UInt64: Handler]>([:])
    private let tokens = Mutex<UInt64>(1)

    private struct Handler: Sendable {
        let descriptor: Int32
        let isOnce: Bool
        let body: @Sendable () -> Void
    }

    /// A descriptor that is watched.
    package struct Watch: Hashable, Sendable { fileprivate let token: UInt64 }

    /// Starts the thread; it lives as long as the process.
    package init() throws(SyscallError) {
        epoll = OwnedDescriptor(
            adopting: try SyscallError.checkErrno(epoll_create1(Int32(EPOLL_CLOEXEC)), "epoll_create1", "")
        )
        try OwnThread.start { self.run() }
    }

    /// Has `body` called whenever `descriptor` can be read.
    ///
    /// The descriptor is lent until `end`, and must stay open so long.
    package func watch(
        _ descriptor: Int32,
        _ trigger: Trigger,
        _ body: @escaping @Sendable () -> Void
    ) throws(SyscallError) -> Watch {
        let flags = trigger == .edge ? EPOLLET.rawValue : 0
        return try add(Handler(descriptor: descriptor, isOnce: false, body: body), flags: flags)
    }

    /// Has `body` called once, as soon as `descriptor` can be read: for a pidfd, when its process has ended.
    ///
    /// The descriptor is lent until then, or until it is closed, which ends the watch as well.
    package func watchOnce(_ descriptor: Int32, _ body: @escaping @Sendable () -> Void) throws(SyscallError) {
        _ = try add(Handler(descriptor: descriptor, isOnce: true, body: body), flags: EPOLLONESHOT.rawValue)
    }

    /// Ends a watch; a handler that runs at this moment runs to its end.
    package func end(_ watch: Watch) {
        guard let handler = handlers.withLock({ $0.removeValue(forKey: watch.token) }) else { return }
        epoll_ctl(epoll.rawValue, EPOLL_CTL_DEL, handler.descriptor, nil)
    }

    private func add(_ handler: Handler, flags: UInt32) throws(SyscallError) -> Watch {
        let token = tokens.withLock { token in
            token += 1
            return token
        }
        handlers.withLock { $0[token] = handler }
        var event = epoll_event()
        event.events = EPOLLIN.rawValue | flags
        event.data.u64 = token
        let result = epoll_ctl(epoll.rawValue, EPOLL_CTL_ADD, handler.descriptor, &event)
        guard result == 0 else {
            let reason = Errno.current
            handlers.withLock { $0[token] = nil }
            throw SyscallError(call: "epoll_ctl", subject: "descriptor \(handler.descriptor)", errno: reason)
        }
        return Watch(token: token)
    }

    private func run() -> Never {
        _ = "poller".withCString {
            clinux_syscall(Int64(SYS_prctl), UInt64(PR_SET_NAME), UInt64(UInt(bitPattern: $0)), 0, 0, 0, 0)
        }
        var events = [epoll_event](repeating: epoll_event(), count: 64)
        while true {
            let count = epoll_wait(epoll.rawValue, &events, Int32(events.count), -1)
            for index in 0..<max(0, Int(count)) {
                let token = events[index].data.u64
                let handler = handlers.withLock { handlers in
                    let handler = handlers[token]
                    if handler?.isOnce == true { handlers[token] = nil }
                    return handler
                }
                if let handler, handler.isOnce { epoll_ctl(epoll.rawValue, EPOLL_CTL_DEL, handler.descriptor, nil) }
                handler?.body()
            }
        }
    }
}
