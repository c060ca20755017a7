import NIOCore
import NIOPosix

/// The event loop of all that is asked over HTTP.
///
/// One for the life of the process: what looks up a name answers when it likes, and may do so after its caller has ended.
enum EventLoops {
    static let group: any EventLoopGroup = MultiThreadedEventLoopGroup(numberOfThreads: 1)
}
