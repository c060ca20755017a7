import Glibc

/// What the process was given by whoever started it.
enum ProcessContext {
    /// The variables of the process.
    static var environment: [String: String] {
        var result: [String: String] = [:]
        var next = unsafe environ
        while let pointer = unsafe next.pointee {
            let text = unsafe String(cString: pointer)
            if let sign = text.firstIndex(of: "=") {
                result[String(text[..<sign])] = String(text[text.index(after: sign)...])
            }
            unsafe next += 1
        }
        return result
    }

    /// The directory of the process; `PWD` when it is the same place, since it keeps symbolic links.
    static var workingDirectory: String {
        guard let pointer = unsafe getcwd(nil, 0) else { return "/" }
        defer { unsafe free(pointer) }
        return unsafe String(cString: pointer)
    }

    /// Writes to standard error.
    static func writeError(_ text: String) { write(text, to: STDERR_FILENO) }

    /// Writes to standard output.
    static func writeOutput(_ text: String) { write(text, to: STDOUT_FILENO) }

    /// Writes bytes to standard output; false when nobody reads them.
    static func writeOutput(_ bytes: [UInt8]) -> Bool { write(bytes, to: STDOUT_FILENO) }

    private static func write(_ text: String, to descriptor: CInt) { _ = write(Array(text.utf8), to: descriptor) }

    /// Writes bytes to a descriptor; false when nobody reads them.
    @discardableResult
    static func write(_ bytes: [UInt8], to descriptor: CInt) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }
}
