import Glibc

/// Threads of the kernel's for what would change or hold up the caller's: pthread_create(3).
package enum OwnThread {
    /// Starts `body` on a thread that nobody waits for; the process may end before it.
    package static func start(_ body: @escaping @Sendable () -> Void) throws(SyscallError) {
        let work = Work(body)
        pthread_detach(try create(work, Unmanaged.passRetained(work)))
    }

    /// Runs `body` on a thread that ends with it, and returns what it returns.
    ///
    /// Whatever `body` changes of its thread, its directory or its namespaces, goes with the thread.
    package static func run<Value>(_ body: @escaping @Sendable () -> Value) throws(SyscallError) -> Value
    where Value: Sendable {
        let result = Slot<Value>()
        let work = Work { result.value = body() }
        let thread = try create(work, Unmanaged.passRetained(work))
        guard pthread_join(thread, nil) == 0, let value = result.value else {
            throw SyscallError(call: "pthread_join", subject: "a thread", errno: Errno(rawValue: EDEADLK))
        }
        return value
    }

    private static func create(_ work: Work, _ pointer: Unmanaged<Work>) throws(SyscallError) -> pthread_t {
        var thread = pthread_t()
        let result = pthread_create(
            &thread,
            nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body()
                return nil
            },
            pointer.toOpaque()
        )
        guard result == 0 else {
            pointer.release()
            throw SyscallError(call: "pthread_create", subject: "a thread", errno: Errno(rawValue: result))
        }
        return thread
    }

    private final class Work: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    /// Written by the thread, and read when it is joined.
    private final class Slot<Value>: @unchecked Sendable {
        var value: Value?
    }
}
