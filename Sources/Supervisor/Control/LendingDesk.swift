import Glibc
import LinuxSystem

/// Where commands lend their descriptors to the containers that they run: `lend.sock` in the project's directory.
///
/// A packet holds the container's name and its three descriptors, or the name alone when it is to have a terminal; then
/// the terminal's master comes back over the same connection.
///
/// `attach NAME` asks for the terminal of a container that runs: its master comes back, and then what it shows. Without
/// a terminal the answer is `none`.
final class LendingDesk: Sendable {
    private let socket: OwnedDescriptor
    private let path: String
    private let poller: Poller
    private let outputs: ContainerOutputCollectors

    init(directory: String, outputs: ContainerOutputCollectors, poller: Poller) throws {
        path = "\(directory)/lend.sock"
        socket = try PacketSocket.listen(at: "/proc/self/fd/\(Keeper.Inherited.directory)/lend.sock")
        self.poller = poller
        self.outputs = outputs
        _ = try poller.watch(socket.rawValue, .level) { [self] in accept() }
    }

    /// Takes no more.
    func close() { removeFile(path) }

    private func accept() {
        do {
            let connection = try PacketSocket.accept(socket.rawValue)
            // The packet is sent right after connecting, by a program of ours; one that is held up holds nobody else up.
            guard waitReadable([connection.rawValue], milliseconds: 1000) == [true] else { return }
            guard let packet = try PacketSocket.receive(from: connection.rawValue) else { return }
            let name = packet.text
            if name.hasPrefix(Self.attaching) {
                return try show(String(name.dropFirst(Self.attaching.count)), to: connection)
            }
            if packet.descriptors.isEmpty {
                let line = Line(connection)
                outputs.awaitTerminal(of: name) { master in line.hand(master.rawValue) }
                try PacketSocket.send("ok", [], over: line.socket.rawValue)
            } else {
                outputs.lend(packet.descriptors, to: name)
                try PacketSocket.send("ok", [], over: connection.rawValue)
            }
        } catch { writeDiary("\(error)") }
    }

    /// What stands before the name of a container whose terminal is asked for.
    static let attaching = "attach "

    private func show(_ container: String, to connection: borrowing OwnedDescriptor) throws {
        if let master = try outputs.show(container, to: connection.duplicate()) {
            try PacketSocket.send("terminal", [master.rawValue], over: connection.rawValue)
        } else {
            try PacketSocket.send("none", [], over: connection.rawValue)
        }
    }

    /// A connection on which somebody waits for a terminal.
    private final class Line: Sendable {
        let socket: OwnedDescriptor

        init(_ socket: consuming OwnedDescriptor) { self.socket = socket }

        func hand(_ master: Int32) {
            // Whoever asked may have gone; the terminal then has nobody, and its programs are hung up.
            do { try PacketSocket.send("terminal", [master], over: socket.rawValue) } catch { writeDiary("\(error)") }
        }
    }
}
