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

    /// The value of one variable of the process; nil where it is not set: getenv(3).
    static func variable(_ name: String) -> String? {
        guard let value = unsafe getenv(name) else { return nil }
        return unsafe String(cString: value)
    }

    /// The directory of the process; `PWD` when it is the same place, since it keeps symbolic links.
    static var workingDirectory: String {
        if let given = unsafe getenv("PWD"), unsafe given.pointee == CChar(UInt8(ascii: "/")) {
            var (named, own) = (stat(), stat())
            let isKnown = unsafe stat(given, &named) == 0 && stat(".", &own) == 0
            if isKnown && named.st_dev == own.st_dev && named.st_ino == own.st_ino {
                return unsafe String(cString: given)
            }
        }
        guard let pointer = unsafe getcwd(nil, 0) else { return "/" }
        defer { unsafe free(pointer) }
        return unsafe String(cString: pointer)
    }

    /// Whether a variable of the process says yes.
    static func isOn(_ name: String) -> Bool { ["1", "t", "true"].contains(variable(name)?.lowercased()) }

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
