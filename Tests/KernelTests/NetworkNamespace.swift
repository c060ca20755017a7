import CLinux
import Glibc
import LinuxSystem
import Testing

/// Tests that look at what belongs to the whole process, or change it: descriptors, children, namespaces, the umask.
@Suite(.serialized)
enum OneAtATime {}

extension OneAtATime {
    /// Tests of the network, one at a time, so that each can see whether it left anything behind.
    @Suite(.serialized, .enabled(if: Host.canMakeNamespaces, "needs CAP_SYS_ADMIN to make network namespaces"))
    enum NetworkTests {}
}

typealias NetworkTests = OneAtATime.NetworkTests

/// A network namespace that lives as long as this value, entered by threads of its own.
///
/// Threads of the test process stay where they are: each `run` starts a thread, lets it enter the namespace and
/// waits for it.
final class NetworkNamespace: Sendable {
    let descriptor: CInt

    /// Makes a new namespace.
    init() throws {
        descriptor = try onThread {
            try check(negated: clinux_network_unshare(), "unshare(2)")
            return try check(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC), "open(2)")
        }
    }

    /// Takes over a namespace that was made elsewhere.
    init(_ descriptor: consuming OwnedDescriptor) { self.descriptor = descriptor.release() }

    deinit { close(descriptor) }

    /// Runs `body` on a thread in this namespace.
    func run<Value>(_ body: @escaping () throws -> Value) throws -> Value {
        let descriptor = descriptor
        return try onThread {
            try check(negated: clinux_network_enter(descriptor), "setns(2)")
            return try body()
        }
    }

    /// An rtnetlink conversation with this namespace.
    func withRoutes<Value>(_ body: (inout NetlinkSession<NetlinkSocket>) throws -> Value) throws -> Value {
        try withoutActuallyEscaping(body) { body in
            try run {
                var session = try NetlinkSession.open(.route)
                return try body(&session)
            }
        }
    }

    /// An nf_tables conversation with this namespace.
    func withTables<Value>(_ body: (inout NetlinkSession<NetlinkSocket>) throws -> Value) throws -> Value {
        try withoutActuallyEscaping(body) { body in
            try run {
                var session = try NetlinkSession.open(.netfilter)
                return try body(&session)
            }
        }
    }
}

/// Runs `body` with a fresh namespace in the place of the host's.
func withNetworkNamespace(_ body: (NetworkNamespace) throws -> Void) throws {
    let namespace = try NetworkNamespace()
    try body(namespace)
}

@discardableResult
func check(_ result: CInt, _ call: String) throws -> CInt { try SyscallError.checkErrno(result, call, "test") }

func check(negated result: CInt, _ call: String) throws { _ = try SyscallError.check(result, call, "test") }

/// What the fixture's thread is given and gives back; the join orders the accesses.
private final class Work: @unchecked Sendable {
    var body: () -> Void
    init(_ body: @escaping () -> Void) { self.body = body }
}

/// Runs `body` on a thread that ends with it, so that whatever namespace it entered is left with it.
func onThread<Value>(_ body: @escaping () throws -> Value) throws -> Value {
    var outcome: Result<Value, any Error>?
    let work = Work { outcome = Result { try body() } }
    var thread = pthread_t()
    let failure = pthread_create(
        &thread,
        nil,
        { argument in
            if let argument { Unmanaged<Work>.fromOpaque(argument).takeUnretainedValue().body() }
            return nil
        },
        Unmanaged.passUnretained(work).toOpaque()
    )
    guard failure == 0 else {
        throw SyscallError(call: "pthread_create(3)", subject: "test", errno: Errno(rawValue: failure))
    }
    pthread_join(thread, nil)
    withExtendedLifetime(work) {}
    guard let outcome else {
        throw SyscallError(call: "pthread_join(3)", subject: "test", errno: Errno(rawValue: EINVAL))
    }
    return try outcome.get()
}

/// Runs `other` on a thread of its own while `body` runs here; both end before this returns.
func bothAtOnce(_ body: @escaping () throws -> Void, _ other: @escaping () throws -> Void) throws {
    var thread = pthread_t()
    var outcome: Result<Void, any Error> = .success(())
    let work = Work { outcome = Result { try other() } }
    let start: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { argument in
        if let argument { Unmanaged<Work>.fromOpaque(argument).takeUnretainedValue().body() }
        return nil
    }
    try check(pthread_create(&thread, nil, start, Unmanaged.passUnretained(work).toOpaque()), "pthread_create(3)")
    let mine = Result { try body() }
    pthread_join(thread, nil)
    withExtendedLifetime(work) {}
    try mine.get()
    try outcome.get()
}

/// What this machine lets a test do.
enum Host {
    /// Whether network namespaces can be made and configured.
    static let canMakeNamespaces = (try? onThread { try check(negated: clinux_network_unshare(), "unshare(2)") }) != nil
}
