import Glibc
import LinuxSystem

/// A value that threads share, and that they can wait for: pthread_mutex_lock(3), pthread_cond_wait(3).
final class Monitor<Value>: @unchecked Sendable {
    // Guarded by `mutex`, all three; the pointers never change.
    private var value: Value
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    init(_ value: Value) {
        self.value = value
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(changed, nil)
    }

    deinit {
        pthread_cond_destroy(changed)
        pthread_mutex_destroy(mutex)
        changed.deallocate()
        mutex.deallocate()
    }

    /// Changes the value, and wakes those who wait.
    func change<Result>(_ body: (inout Value) throws -> Result) rethrows -> Result {
        pthread_mutex_lock(mutex)
        defer {
            pthread_cond_broadcast(changed)
            pthread_mutex_unlock(mutex)
        }
        return try body(&value)
    }

    /// Waits until `body` returns something.
    func await<Result>(_ body: (inout Value) -> Result?) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while true {
            if let result = body(&value) {
                pthread_cond_broadcast(changed)
                return result
            }
            pthread_cond_wait(changed, mutex)
        }
    }
}

/// Runs `body` on so many threads, and returns when all have ended.
func runOnThreads(_ count: Int, _ body: @escaping @Sendable () -> Void) throws {
    final class Work: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    let work = Work(body)
    var threads: [pthread_t] = []
    defer { for thread in threads { pthread_join(thread, nil) } }
    for _ in 0..<count {
        var thread = pthread_t()
        let pointer = Unmanaged.passRetained(work)
        let result = pthread_create(
            &thread,
            nil,
            { argument in
                if let argument { Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body() }
                return nil
            },
            pointer.toOpaque()
        )
        guard result == 0 else {
            pointer.release()
            // The others do the work too.
            if !threads.isEmpty { return }
            throw SyscallError(call: "pthread_create", subject: "a build", errno: Errno(rawValue: result))
        }
        threads.append(thread)
    }
}
