import Glibc

/// Writes a line to what the supervisor leaves for people: its standard error, `supervisor.log`.
func writeDiary(_ text: String) {
    var line = "roost: \(text)\n"
    // Nobody is left to be told of a failure.
    _ = line.withUTF8 { write(STDERR_FILENO, $0.baseAddress, $0.count) }
}
