#include "clinux.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int64_t clinux_syscall(int64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f) {
    long result = syscall(number, a, b, c, d, e, f);
    return result < 0 ? -errno : result;
}

int clinux_send_descriptors(int socket, const void *bytes, uint32_t count, const int *descriptors,
                            uint32_t descriptor_count) {
    union {
        char space[CMSG_SPACE(8 * sizeof(int))];
        struct cmsghdr alignment;
    } control = {0};
    struct iovec part = {(void *)bytes, count};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (descriptor_count > 8)
        return -EINVAL;
    if (descriptor_count > 0) {
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(descriptor_count * sizeof(int));
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(descriptor_count * sizeof(int));
        memcpy(CMSG_DATA(header), descriptors, descriptor_count * sizeof(int));
    }
    return sendmsg(socket, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int64_t clinux_receive_descriptors(int socket, void *bytes, uint32_t count, int *descriptors,
                                   uint32_t *descriptor_count) {
    union {
        char space[CMSG_SPACE(8 * sizeof(int))];
        struct cmsghdr alignment;
    } control;
    struct iovec part = {bytes, count};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control};
    if (*descriptor_count > 8)
        return -EINVAL;
    // Without the padding, which the kernel would fill with one descriptor more.
    message.msg_controllen = CMSG_LEN(*descriptor_count * sizeof(int));
    *descriptor_count = 0;
    ssize_t received = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    if (received < 0)
        return -errno;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) {
        size_t size = header->cmsg_len - CMSG_LEN(0);
        memcpy(descriptors, CMSG_DATA(header), size);
        *descriptor_count = (uint32_t)(size / sizeof(int));
    }
    return received;
}

int clinux_signalfd(const sigset_t *set) {
    int descriptor = signalfd(-1, set, SFD_CLOEXEC | SFD_NONBLOCK);
    return descriptor < 0 ? -errno : descriptor;
}

const char *clinux_errno_name(int number) {
    return strerrorname_np(number);
}

const char *clinux_errno_text(int number) {
    return strerrordesc_np(number);
}
