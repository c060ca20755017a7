import Glibc
import LinuxSystem
import Testing

/// What an answer says.
struct DNSReply: Equatable {
    var code: UInt8
    var addresses: [IPAddress]

    init(code: UInt8, addresses: [IPAddress]) {
        self.code = code
        self.addresses = addresses
    }

    /// Reads an answer to one question whose records repeat the name by a pointer.
    init(_ bytes: [UInt8]) throws {
        try #require(bytes.count > 12 && bytes[2] & 0x80 != 0)
        code = bytes[3] & 15
        var rest = bytes[12...]
        while let length = rest.first, length > 0 { rest = rest.dropFirst(Int(length) + 1) }
        rest = rest.dropFirst(5)
        addresses = try (0..<Int(bytes[7])).map { _ in
            let record = Array(rest.prefix(12))
            rest = rest.dropFirst(12)
            let data = rest.prefix(Int(record[11]))
            rest = rest.dropFirst(data.count)
            return try #require(IPAddress(bytes: data))
        }
    }
}

/// Asks like a container's program.
enum DNSClient {
    static func query(_ name: String, _ type: UInt8) -> [UInt8] {
        let labels = name.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
        return [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0] + labels + [0, 0, type, 0, 1]
    }

    static func answer(to query: [UInt8], _ address: IPAddress) -> [UInt8] {
        var answer = query
        answer[2] = 0x81
        answer[3] = 0x80
        answer[7] = 1
        return answer + [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4] + address.bytes
    }

    static func datagram(_ namespace: NetworkNamespace, _ name: String, _ type: UInt8) throws -> DNSReply {
        let socket = try DatagramSocket(in: namespace, connectedTo: .v4(IPv4Address(127, 0, 0, 11)), 53)
        try socket.send(bytes: query(name, type))
        return try DNSReply(socket.receiveBytes().bytes)
    }

    static func stream(_ namespace: NetworkNamespace, _ name: String, _ type: UInt8) throws -> DNSReply {
        let connection = try Connection(from: namespace, to: .v4(IPv4Address(127, 0, 0, 11)), 53)
        let query = query(name, type)
        try connection.send([0, UInt8(query.count)] + query)
        return try DNSReply(Array(connection.receive().dropFirst(2)))
    }
}

extension Connection {
    func send(_ bytes: [UInt8]) throws { try check(CInt(Glibc.send(socket, bytes, bytes.count, 0)), "send(2)") }

    /// What has come; nothing at the end.
    func receive() throws -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = try check(CInt(recv(socket, &buffer, buffer.count, 0)), "recv(2)")
        return Array(buffer.prefix(Int(count)))
    }
}
