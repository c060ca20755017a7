import Glibc

/// A named pipe that keeps what is written into it while nobody reads.
package enum OutputPipe {
    /// Makes the pipe, owned by the user who writes into it, or takes the one that is there: mkfifo(3).
    package static func make(_ path: String, owner: UInt32, group: UInt32) throws(SyscallError) {
        if mkfifo(path, 0o600) != 0, Glibc.errno != EEXIST {
            throw SyscallError(call: "mkfifo", subject: path, errno: .current)
        }
        _ = try SyscallError.checkErrno(lchown(path, owner, group), "chown", path)
    }

    /// Opens the pipe for both directions, so that neither side ever finds the other gone: fifo(7).
    ///
    /// `blocks` says what a reader or writer does that finds nothing, or no room.
    package static func open(_ path: String, blocks: Bool) throws(SyscallError) -> OwnedDescriptor {
        let flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | (blocks ? 0 : O_NONBLOCK)
        return OwnedDescriptor(adopting: try SyscallError.checkErrno(Glibc.open(path, flags), "open", path))
    }
}

extension OwnedDescriptor {
    /// `/dev/null`, for reading and writing.
    package static func null() throws(SyscallError) -> OwnedDescriptor {
        OwnedDescriptor(
            adopting: try SyscallError.checkErrno(open("/dev/null", O_RDWR | O_CLOEXEC), "open", "/dev/null")
        )
    }

    /// Whether the pidfd's process lives on after `milliseconds`: poll(2); blocks the thread.
    package borrowing func isAlive(after milliseconds: Int32) -> Bool {
        var polled = pollfd(fd: rawValue, events: Int16(POLLIN), revents: 0)
        return poll(&polled, 1, milliseconds) == 0
    }
}

/// Makes a file with owner and mode, in the place of whatever has its name.
package func writeOwnedFile(
    _ path: String,
    _ bytes: [UInt8],
    owner: UInt32,
    group: UInt32,
    mode: UInt32
)
    throws(SyscallError)
{
    try replaceFile(path, bytes)
    _ = try SyscallError.checkErrno(lchown(path, owner, group), "chown", path)
    _ = try SyscallError.checkErrno(chmod(path, mode), "chmod", path)
}
