import Synchronization

/// A number that several tasks add to.
final class Counter: Sendable {
    private let value: Atomic<Int64>

    init(_ value: Int64) { self.value = Atomic(value) }

    /// Adds, and returns the sum.
    func add(_ count: Int64) -> Int64 { value.add(count, ordering: .relaxed).newValue }
}
