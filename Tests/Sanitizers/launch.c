/// Runs launch lists under AddressSanitizer and UndefinedBehaviorSanitizer: ordinary ones, and random ones, of which a
/// model foretells every result. `make sanitize` builds and runs it; a fixed seed makes every run the same.
#include "clinux.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SLOTS = 8, LONGEST = 24, LISTS = 1500, CLOSED = 1 << 20 };

static uint64_t state;

static uint32_t pick(uint32_t limit) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 33) % limit;
}

static void expect(bool holds, const char *what, uint32_t list) {
    if (holds)
        return;
    fprintf(stderr, "list %u: %s\n", list, what);
    exit(1);
}

/// What is to come of a list.
struct outcome {
    struct clinux_report report;
    int status;
    bool reports;
    int32_t slots[SLOTS];
};

/// What prctl(2) answers that is no descriptor of ours: nanoseconds, 50,000 as a rule.
static int32_t slack;

/// Calls without effect outside of the process: prctl(2) `PR_GET_TIMERSLACK`, close(2) of what is not open,
/// exit_group(2), and one that there is not.
static struct clinux_call random_call(void) {
    static const int64_t numbers[] = {SYS_prctl, SYS_close, SYS_close, SYS_prctl, 100000, SYS_exit_group};
    struct clinux_call call = {.number = numbers[pick(pick(8) ? 5 : 6)], .result = -1};
    call.argument[0] = call.number == SYS_exit_group ? pick(100) : CLOSED + pick(100);
    if (call.number == SYS_prctl)
        call.argument[0] = PR_GET_TIMERSLACK;
    if (call.number == SYS_close && pick(2)) {
        call.kinds = CLINUX_SLOT;
        call.argument[0] = pick(16) ? pick(SLOTS) : SLOTS + pick(1000);
    }
    if (pick(2))
        call.result = (int16_t)(pick(16) ? pick(SLOTS) : SLOTS + pick(1000));
    call.flags = (uint16_t)pick(16);
    call.ignored[0] = pick(2) ? EBADF : 0;
    call.ignored[1] = pick(2) ? ENOSYS : 0;
    call.skip = pick(8) ? (int32_t)pick(4) : pick(2) ? INT32_MAX : -(int32_t)pick(4);
    call.expected = pick(4) ? slack : 7;
    return call;
}

/// The rules of `clinux_launch.h`, written down a second time.
static struct outcome foretell(const struct clinux_call *calls, uint32_t count, const int32_t *slots) {
    struct outcome end = {.status = 127, .reports = true};
    memcpy(end.slots, slots, sizeof end.slots);
    for (int64_t i = 0; i < count; i++) {
        const struct clinux_call *call = &calls[i];
        bool takes_slot = call->kinds == CLINUX_SLOT;
        if ((takes_slot && call->argument[0] >= SLOTS) || call->result >= SLOTS || call->skip < 0) {
            end.report = (struct clinux_report){(uint32_t)i, EINVAL};
            return end;
        }
        if (call->number == SYS_exit_group) {
            end.status = (int)call->argument[0];
            end.reports = false;
            return end;
        }
        int error = call->number == SYS_close ? EBADF : call->number == SYS_prctl ? 0 : ENOSYS;
        if (!error && call->flags & CLINUX_CALL_EXACT && call->expected != slack)
            error = EPROTO;
        bool ignored = call->flags & CLINUX_CALL_IGNORE_ALL || call->ignored[0] == error || call->ignored[1] == error;
        if (error && !ignored) {
            end.report = (struct clinux_report){(uint32_t)i, error};
            return end;
        }
        if (call->result >= 0)
            end.slots[call->result] = error ? -1 : slack;
        if (call->flags & (error ? CLINUX_CALL_SKIP_ON_ERROR : CLINUX_CALL_SKIP_ON_SUCCESS))
            i += call->skip;
    }
    return end;
}

/// Runs a list, whose slots it changes where memory is shared, and compares.
static void run(const struct clinux_call *calls, uint32_t count, bool shares, uint32_t number) {
    // Of their exact size on the heap, so that one step beyond either is seen.
    struct clinux_call *list = malloc(count * sizeof *list);
    int32_t *slots = malloc(SLOTS * sizeof *slots);
    int ends[2];
    expect(list && slots && pipe2(ends, O_CLOEXEC) == 0, "no memory or pipe", number);
    memcpy(list, calls, count * sizeof *list);
    for (int i = 0; i < SLOTS; i++)
        slots[i] = CLOSED + i;
    struct outcome wanted = foretell(calls, count, slots);
    struct clinux_launch launch = {
        .cgroup = -1, .shares_memory = shares, .report = ends[1], .calls = list, .count = count,
        .slot_count = SLOTS, .slots = slots,
    };
    int32_t pidfd = -1;
    pid_t pid = clinux_launch(&launch, &pidfd);
    expect(pid > 0 && pidfd >= 0, "not started", number);
    close(ends[1]);
    struct clinux_report report = {0, 0};
    ssize_t length = read(ends[0], &report, sizeof report);
    expect(length == (wanted.reports ? (ssize_t)sizeof report : 0), "a report that should not be, or none", number);
    expect(report.index == wanted.report.index && report.error == wanted.report.error, "another report", number);
    int status = 0;
    expect(waitpid(pid, &status, 0) == pid && WIFEXITED(status), "no exit", number);
    expect(WEXITSTATUS(status) == wanted.status, "another status", number);
    if (shares)
        expect(memcmp(slots, wanted.slots, sizeof wanted.slots) == 0, "other slots", number);
    close(ends[0]);
    close(pidfd);
    free(slots);
    free(list);
}

/// Goes on in another process, whose parent is ours, and hears of it.
static void fork_once(void) {
    struct clone_args arguments = {.flags = CLONE_PARENT};
    struct clinux_call list[] = {
        {.number = SYS_clone3, .flags = CLINUX_CALL_FORK, .result = -1},
        {.number = SYS_exit_group, .result = -1},
    };
    list[0].argument[0] = (uint64_t)(uintptr_t)&arguments;
    list[0].argument[1] = sizeof arguments;
    list[1].argument[0] = 7;
    int32_t slot = -1, pidfd = -1;
    int ends[2], status = 0;
    expect(pipe2(ends, O_CLOEXEC) == 0, "no pipe", 0);
    struct clinux_launch launch = {
        .cgroup = -1, .stays_visible = true, .report = ends[1], .calls = list, .count = 2, .slot_count = 1, .slots = &slot,
    };
    pid_t pid = clinux_launch(&launch, &pidfd);
    close(ends[1]);
    struct clinux_report report = {0, 0};
    expect(read(ends[0], &report, sizeof report) == sizeof report, "no report of the fork", 0);
    expect(report.index == 0 && report.error < 0 && -report.error != pid, "another report of the fork", 0);
    expect(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0, "no end of the first", 0);
    expect(waitpid(-report.error, &status, 0) == -report.error && WEXITSTATUS(status) == 7, "no end of the second", 0);
    close(ends[0]);
    close(pidfd);
}

/// Executes a program, in both ways.
static void execute(bool shares) {
    char *arguments[] = {"sh", "-c", "exit 5", NULL}, *environment[] = {NULL};
    struct clinux_call call = {.number = SYS_execve, .result = -1};
    call.argument[0] = (uint64_t)(uintptr_t) "/bin/sh";
    call.argument[1] = (uint64_t)(uintptr_t)arguments;
    call.argument[2] = (uint64_t)(uintptr_t)environment;
    int32_t slot = -1, pidfd = -1;
    int ends[2], status = 0;
    expect(pipe2(ends, O_CLOEXEC) == 0, "no pipe", 0);
    struct clinux_launch launch = {
        .cgroup = -1, .shares_memory = shares, .report = ends[1], .calls = &call, .count = 1, .slot_count = 1,
        .slots = &slot,
    };
    pid_t pid = clinux_launch(&launch, &pidfd);
    expect(pid > 0 && waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 5, "not executed", 0);
    close(ends[0]);
    close(ends[1]);
    close(pidfd);
}

/// Sends packets of every number of descriptors, and receives them with room for every number.
static void pass_descriptors(void) {
    for (uint32_t sent = 0; sent <= 9; sent++) {
        for (uint32_t room = 0; room <= 9; room++) {
            int ends[2], own[9];
            // Of its exact size, so that one descriptor too many is seen.
            int *theirs = malloc(room * sizeof *theirs + (room == 0));
            expect(theirs && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0, "no sockets", sent);
            for (int i = 0; i < 9; i++)
                own[i] = ends[0];
            char text[4] = "abc";
            int answer = clinux_send_descriptors(ends[0], text, sizeof text, own, sent);
            expect(answer == (sent > 8 ? -EINVAL : 0), "another answer to sending", sent);
            uint32_t count = room;
            if (answer == 0) {
                int64_t length = clinux_receive_descriptors(ends[1], text, sizeof text, theirs, &count);
                expect(length == (room > 8 ? -EINVAL : 4), "another length", sent);
                expect(room > 8 || count == (sent < room ? sent : room), "other descriptors", sent);
                for (uint32_t i = 0; room <= 8 && i < count; i++)
                    close(theirs[i]);
            }
            free(theirs);
            close(ends[0]);
            close(ends[1]);
        }
    }
}

int main(void) {
    slack = prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0);
    expect(slack > 1000, "a slack that may be a descriptor", 0);
    pass_descriptors();
    fork_once();
    for (int shares = 0; shares < 2; shares++) {
        execute(shares);
        state = 0x9e3779b97f4a7c15;
        for (uint32_t number = 0; number < LISTS; number++) {
            struct clinux_call calls[LONGEST];
            uint32_t count = 1 + pick(LONGEST);
            for (uint32_t i = 0; i < count; i++)
                calls[i] = random_call();
            run(calls, count, shares, number);
        }
    }
    struct clinux_init_code code = clinux_init_code();
    expect(code.size > 0 && code.entry < code.size && clinux_errno_name(EBADF) && !clinux_errno_text(-1), "init", 0);
    printf("%d lists, in both ways\n", LISTS);
    return 0;
}
