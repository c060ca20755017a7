import Glibc
import LinuxSystem

/// Asks for what nobody else shall see.
enum PasswordPrompt {
    /// Reads a line from the terminal without showing it: tcsetattr(3).
    ///
    /// Throws when there is no terminal to ask on.
    static func ask(_ question: String) throws -> String {
        guard isatty(STDIN_FILENO) == 1 else {
            throw UserError("there is no terminal to ask for the password on; pass it with --password-stdin")
        }
        var before = termios()
        guard unsafe tcgetattr(STDIN_FILENO, &before) == 0 else {
            throw UserError("the terminal can't be told to hide the password; pass it with --password-stdin")
        }
        // A signal in between would leave the terminal silent; it waits until the line is read.
        let signals = try SignalWatch([SIGINT, SIGTERM, SIGHUP, SIGQUIT])
        var silent = before
        silent.c_lflag &= ~tcflag_t(ECHO)
        guard unsafe tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) == 0 else {
            throw UserError("the terminal can't be told to hide the password; pass it with --password-stdin")
        }
        defer {
            unsafe tcsetattr(STDIN_FILENO, TCSAFLUSH, &before)
            ProcessContext.writeError("\n")
        }
        ProcessContext.writeError(question)
        let ready = waitReadable([STDIN_FILENO, signals.descriptor])
        if ready[1] { throw UserError("interrupted") }
        return try line()
    }

    /// Reads all of standard input, but for the end of its last line.
    static func standardInput() throws -> String {
        var text = String(decoding: try bytes(until: nil), as: UTF8.self)
        while text.last == "\n" || text.last == "\r\n" || text.last == "\r" { text.removeLast() }
        return text
    }

    private static func line() throws -> String { String(decoding: try bytes(until: 0x0a), as: UTF8.self) }

    private static func bytes(until end: UInt8?) throws -> [UInt8] {
        var result: [UInt8] = []
        while result.count <= 65536 {
            var byte: UInt8 = 0
            let count = unsafe read(STDIN_FILENO, &byte, 1)
            if count < 0 && errno == EINTR { continue }
            guard count > 0, byte != end else { return result }
            result.append(byte)
        }
        throw UserError("a password of more than 65536 bytes")
    }
}
