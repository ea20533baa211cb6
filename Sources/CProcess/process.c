#define _GNU_SOURCE
#include "CProcess.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// The child's stack: it calls a handful of system calls, no deep library code.
enum { STACK_BYTES = 64 * 1024 };

struct attempt {
    const struct convoy_spawn_plan *plan;
    // Written by the child, read by the parent: they share memory until exec or _exit.
    volatile int error;
    volatile enum convoy_spawn_step step;
};

static void fail(struct attempt *attempt, enum convoy_spawn_step step) {
    attempt->error = errno;
    attempt->step = step;
    syscall(SYS_exit_group, 127);
}

static void reset_dispositions(void) {
    // The kernel's struct sigaction, all zero: the default, no flags, an empty mask.
    unsigned long standard[4] = {0};
    // exec resets handlers but keeps "ignored", and a server that inherits an ignored SIGTERM or
    // SIGPIPE behaves oddly. Past libc, which hides its own two signals. KILL and STOP refuse: fine.
    for (int number = 1; number <= 64; number++) syscall(SYS_rt_sigaction, number, standard, NULL, 8);
}

static void close_from(unsigned first) {
    if (syscall(SYS_close_range, first, ~0U, 0) == 0) return;
    struct rlimit limit;
    unsigned last = getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < 65536 ? (unsigned)limit.rlim_cur : 65536;
    for (unsigned descriptor = first; descriptor < last; descriptor++) close((int)descriptor);
}

static int arrange_descriptors(const struct convoy_spawn_plan *plan) {
    int count = 3 + plan->listener_count;
    int moved[3 + CONVOY_MAX_LISTENERS];
    // First out of the way of every target, or putting one in place could destroy another.
    for (int target = 0; target < count; target++) {
        int source = target == 0 ? plan->input : target < 3 ? plan->output : plan->listeners[target - 3];
        moved[target] = fcntl(source, F_DUPFD_CLOEXEC, count);
        if (moved[target] < 0) return -1;
    }
    for (int target = 0; target < count; target++) {
        if (dup2(moved[target], target) < 0) return -1;
    }
    close_from((unsigned)count);
    return 0;
}

// Raw system calls on purpose: libc's versions change every thread of the process, and while the
// child shares memory with its parent those are the parent's threads.
static int drop_privileges(const struct convoy_spawn_plan *plan) {
    if (syscall(SYS_setgroups, 0, NULL) != 0) return -1;
    if (syscall(SYS_setresgid, plan->group, plan->group, plan->group) != 0) return -1;
    return (int)syscall(SYS_setresuid, plan->user, plan->user, plan->user);
}

static void write_decimal(char *text, pid_t number) {
    char digits[11];
    int count = 0;
    do { digits[count++] = (char)('0' + number % 10); } while ((number /= 10) > 0);
    while (count > 0) *text++ = digits[--count];
    *text = 0;
}

static int child(void *context) {
    struct attempt *attempt = context;
    const struct convoy_spawn_plan *plan = attempt->plan;
    reset_dispositions();
    if (setsid() < 0) fail(attempt, CONVOY_STEP_SESSION);
    if (arrange_descriptors(plan) != 0) fail(attempt, CONVOY_STEP_DESCRIPTORS);
    umask(077);
    if (plan->drops_privileges && drop_privileges(plan) != 0) fail(attempt, CONVOY_STEP_USER);
    // After the drop: where that user can't go, its process must not start.
    if (chdir(plan->directory) != 0) fail(attempt, CONVOY_STEP_DIRECTORY);
    if (plan->listen_pid) write_decimal(plan->listen_pid, (pid_t)syscall(SYS_getpid));
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execve(plan->executable, plan->arguments, plan->environment);
    fail(attempt, CONVOY_STEP_EXEC);
    return 127;
}

static struct convoy_spawned failed(int error, enum convoy_spawn_step step) {
    struct convoy_spawned result = {.pid = -1, .pidfd = -1, .error = error, .step = step};
    return result;
}

struct convoy_spawned convoy_spawn(const struct convoy_spawn_plan *plan) {
    if (plan->listener_count > CONVOY_MAX_LISTENERS) return failed(EMFILE, CONVOY_STEP_DESCRIPTORS);
    void *stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (stack == MAP_FAILED) return failed(errno, CONVOY_STEP_CLONE);

    struct attempt attempt = {.plan = plan, .error = 0, .step = CONVOY_STEP_NONE};
    sigset_t all, before;
    sigfillset(&all);
    // No handler of ours may run in the child, on memory it shares with us.
    sigprocmask(SIG_BLOCK, &all, &before);
    int pidfd = -1;
    pid_t pid = clone(child, (char *)stack + STACK_BYTES, CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &attempt, &pidfd);
    int clone_error = errno;
    sigprocmask(SIG_SETMASK, &before, NULL);
    munmap(stack, STACK_BYTES);

    if (pid < 0) return failed(clone_error, CONVOY_STEP_CLONE);
    if (attempt.error != 0) {
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {}
        if (pidfd >= 0) close(pidfd);
        return failed(attempt.error, attempt.step);
    }
    struct convoy_spawned result = {.pid = pid, .pidfd = pidfd, .error = 0, .step = CONVOY_STEP_NONE};
    return result;
}
