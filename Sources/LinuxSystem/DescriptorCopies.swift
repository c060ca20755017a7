import Glibc

/// Copies of descriptors, with numbers above all that they are to become in a program that is started; closed together.
package final class DescriptorCopies: Sendable {
    /// In the order of those that were copied.
    package let numbers: [Int32]

    /// Copies them, close-on-exec: fcntl(2) `F_DUPFD_CLOEXEC`.
    package init(of descriptors: [Int32]) throws(SyscallError) {
        var copies: [Int32] = []
        for descriptor in descriptors {
            let copy = fcntl(descriptor, fcntlDuplicateCloseOnExec, Int32(descriptors.count))
            guard copy >= 0 else {
                let reason = Errno.current
                for copy in copies { close(copy) }
                throw SyscallError(call: "fcntl(F_DUPFD_CLOEXEC)", subject: "descriptor \(descriptor)", errno: reason)
            }
            copies.append(copy)
        }
        numbers = copies
    }

    deinit { for number in numbers { close(number) } }
}
