import LinuxSystem

/// Reads bytes in hexadecimal; from "#" to the end of a line is annotation.
func hex(_ text: String) -> [UInt8] {
    text.split(separator: "\n").flatMap { line in
        (line.split(separator: "#", omittingEmptySubsequences: false).first ?? "").split(separator: " ")
            .compactMap { UInt8($0, radix: 16) }
    }
}

/// Bytes as text for comparisons that can be read when they fail, one word a line.
func words(_ bytes: [UInt8]) -> String {
    stride(from: 0, to: bytes.count, by: 4).map { start in
        bytes[start..<min(start + 4, bytes.count)].map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
            .joined(separator: " ")
    }.joined(separator: "\n")
}

/// Answers with recorded datagrams, and fails with EAGAIN when they are used up.
struct RecordedTransport: NetlinkTransport {
    var answers: [[UInt8]]

    init(_ answers: [UInt8]...) { self.answers = answers }

    mutating func send(_ bytes: [UInt8]) {}

    mutating func receive() throws(SyscallError) -> [UInt8] {
        guard !answers.isEmpty else {
            throw SyscallError(call: "recv(2)", subject: "netlink", errno: Errno(rawValue: 11))
        }
        return answers.removeFirst()
    }
}
