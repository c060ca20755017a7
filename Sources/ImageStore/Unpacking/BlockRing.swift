import Glibc

/// Blocks on their way from a thread that makes them to another one that takes them.
///
/// There is one of each. The memory is bounded, and lent to either side while it works on it.
final class BlockRing: ByteSource, @unchecked Sendable {
    private let blocks: [UnsafeMutableRawBufferPointer]
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    // Guarded by `mutex`; the counts only grow.
    private var counts: [Int]
    private var filled = 0
    private var taken = 0
    private var isEnded = false
    private var failure: ImageError?
    /// Whether the taker has a block in its hands; its own.
    private var isLent = false

    init(blocks count: Int = 8, of size: Int = 1 << 18) {
        blocks = (0..<count).map { _ in .allocate(byteCount: size, alignment: 4096) }
        counts = Array(repeating: 0, count: count)
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(changed, nil)
    }

    deinit {
        pthread_cond_destroy(changed)
        pthread_mutex_destroy(mutex)
        changed.deallocate()
        mutex.deallocate()
        for block in blocks { block.deallocate() }
    }

    /// Has `fill` write into the next free block; it returns how much, and 0 at the end.
    ///
    /// For the making thread. Returns false at the end.
    func put(_ fill: (UnsafeMutableRawBufferPointer) throws(ImageError) -> Int) throws(ImageError) -> Bool {
        pthread_mutex_lock(mutex)
        while filled - taken == blocks.count { pthread_cond_wait(changed, mutex) }
        let place = filled % blocks.count
        pthread_mutex_unlock(mutex)
        let count = try fill(blocks[place])
        guard count > 0 else { return false }
        locked {
            counts[place] = count
            filled += 1
        }
        return true
    }

    /// Says that nothing comes any more, and why, when that is no good end.
    func end(_ failure: ImageError?) {
        locked {
            isEnded = true
            self.failure = failure
        }
    }

    func next() throws(ImageError) -> UnsafeRawBufferPointer {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        if isLent {
            taken += 1
            isLent = false
            pthread_cond_signal(changed)
        }
        while filled == taken {
            if isEnded {
                if let failure { throw failure }
                return UnsafeRawBufferPointer(start: nil, count: 0)
            }
            pthread_cond_wait(changed, mutex)
        }
        isLent = true
        let place = taken % blocks.count
        return UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(blocks[place])[..<counts[place]])
    }

    private func locked(_ body: () -> Void) {
        pthread_mutex_lock(mutex)
        body()
        pthread_cond_signal(changed)
        pthread_mutex_unlock(mutex)
    }
}
