import Synchronization

/// Sockets of the resolver that are open in a container's namespace before anybody answers.
///
/// A question that comes meanwhile waits in them, so a program may ask with its first step. Closed when nobody took them.
package final class OpenedResolver: Sendable {
    private let sockets: Mutex<ResolverSockets?>

    /// Opens them in the namespace that `namespace` refers to; lent.
    package init(in namespace: CInt) throws(NetworkError) {
        sockets = Mutex(try ResolverSockets.open(in: namespace))
    }

    /// Their numbers, once; the caller's.
    func takeDescriptors() -> (CInt, CInt)? {
        sockets.withLock { sockets -> (CInt, CInt)? in
            guard let taken = sockets.take() else { return nil }
            return taken.takeDescriptors()
        }
    }
}
