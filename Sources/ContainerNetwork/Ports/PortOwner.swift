import FoundationEssentials
import Glibc
import LinuxSystem

/// Who holds a port, for error messages.
struct PortOwner {
    /// The program's name; nil if it cannot be seen.
    var program: String?
    /// Its process.
    var process: Int32?

    /// "nginx (1234)", or that it is unknown.
    var description: String {
        guard let program, let process else { return "another program" }
        return "\(program) (\(process))"
    }

    /// Looks the port up in /proc as the calling thread's namespace shows it: proc(5).
    ///
    /// Nil if nothing but closing connections hold it. Bound sockets that do not listen are not listed there, so an
    /// owner may remain unknown.
    static func find(_ port: UInt16, _ transport: TransportProtocol) -> PortOwner? {
        var isClosing = false
        for file in ["\(transport)", "\(transport)6"] {
            // A kernel without version 6 has no such file.
            guard let text = try? readFile("/proc/thread-self/net/\(file)", limit: 16 << 20) else { continue }
            for entry in SocketTable(text).entries where entry.port == port {
                // TCP_TIME_WAIT has no owner.
                if transport == .tcp && entry.state == 6 {
                    isClosing = true
                    continue
                }
                return owner(of: entry.inode)
            }
        }
        return isClosing ? nil : PortOwner()
    }

    private static func owner(of inode: UInt64) -> PortOwner {
        let wanted = "socket:[\(inode)]"
        // Processes of others are unreadable for other users, and processes end while we look: they are passed over.
        for name in (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? [] {
            guard let process = Int32(name),
                let files = try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(name)/fd")
            else { continue }
            for file in files {
                let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(name)/fd/\(file)")
                guard target == wanted else { continue }
                let program = try? readFile("/proc/\(name)/comm").filter { $0 != "\n" }
                return PortOwner(program: program, process: process)
            }
        }
        return PortOwner()
    }
}

/// The lines of /proc/net/tcp and its like.
struct SocketTable {
    struct Entry: Hashable {
        var port: UInt16
        var state: UInt8
        var inode: UInt64
    }

    let entries: [Entry]

    init(_ text: String) {
        entries = text.split(separator: "\n").dropFirst().compactMap { line in
            // sl local_address rem_address st tx:rx tr:tm->when retrnsmt uid timeout inode
            let fields = line.split(separator: " ")
            guard fields.count > 9, let port = fields[1].split(separator: ":").last.flatMap({ UInt16($0, radix: 16) }),
                let state = UInt8(fields[3], radix: 16), let inode = UInt64(fields[9])
            else { return nil }
            return Entry(port: port, state: state, inode: inode)
        }
    }
}
