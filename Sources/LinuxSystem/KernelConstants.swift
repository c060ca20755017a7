import Glibc

// Constants of the kernel's interface that the C library hides without _GNU_SOURCE, or defines in a form that Swift
// does not import. Each keeps the kernel's spelling in its comment.

/// `O_PATH`.
let O_PATH: CInt = 0o10000000
/// `AT_EMPTY_PATH`.
let AT_EMPTY_PATH: CInt = 0x1000
/// `AT_RECURSIVE`.
let atRecursive: CInt = 0x8000
/// `OPEN_TREE_CLONE`.
let openTreeClone: UInt32 = 1
/// `OPEN_TREE_CLOEXEC` is `O_CLOEXEC`.
let openTreeCloseOnExec = UInt32(O_CLOEXEC)
/// `FSOPEN_CLOEXEC`.
let fsopenCloseOnExec: UInt32 = 1
/// `FSMOUNT_CLOEXEC`.
let fsmountCloseOnExec: UInt32 = 1
/// `CLOSE_RANGE_CLOEXEC`.
let closeRangeCloseOnExec: UInt32 = 4
/// `F_DUPFD_CLOEXEC`.
let fcntlDuplicateCloseOnExec: CInt = 1030
