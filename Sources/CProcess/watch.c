#define _GNU_SOURCE
#include "CProcess.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int result(long value) { return value < 0 ? -errno : (int)value; }

int convoy_pidfd_open(pid_t pid) { return result(syscall(SYS_pidfd_open, pid, 0)); }

int convoy_take_descriptor(pid_t pid, int descriptor) {
    int pidfd = convoy_pidfd_open(pid);
    if (pidfd < 0) return pidfd;
    int copy = result(syscall(SYS_pidfd_getfd, pidfd, descriptor, 0));
    close(pidfd);
    return copy;
}

int convoy_pidfd_send_signal(int pidfd, int signal) {
    return result(syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0));
}

static int reap(int pidfd, int *status, int options) {
    siginfo_t info;
    memset(&info, 0, sizeof info);
    if (waitid((idtype_t)P_PIDFD, (id_t)pidfd, &info, options) != 0) return -errno;
    if (info.si_pid == 0) return 0;
    *status = info.si_status;
    return info.si_code == CLD_EXITED ? CONVOY_REAPED_EXITED : CONVOY_REAPED_SIGNALLED;
}

int convoy_reap(int pidfd, int *status) { return reap(pidfd, status, WEXITED | WNOHANG); }

int convoy_reap_wait(int pidfd, int *status) { return reap(pidfd, status, WEXITED); }

int convoy_poll_make(void) { return result(epoll_create1(EPOLL_CLOEXEC)); }

int convoy_poll_add(int poll, int descriptor) {
    struct epoll_event event = {.events = EPOLLIN, .data = {.fd = descriptor}};
    return result(epoll_ctl(poll, EPOLL_CTL_ADD, descriptor, &event));
}

int convoy_poll_remove(int poll, int descriptor) {
    return result(epoll_ctl(poll, EPOLL_CTL_DEL, descriptor, NULL));
}

int convoy_poll_wait(int poll, int *ready, int capacity) {
    struct epoll_event events[32];
    int count = epoll_wait(poll, events, capacity < 32 ? capacity : 32, -1);
    for (int index = 0; index < count; index++) ready[index] = events[index].data.fd;
    return result(count);
}

int convoy_wake_make(void) { return result(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)); }

int convoy_wake(int wake) { return result(eventfd_write(wake, 1)); }

int convoy_collapse(int descriptor, int64_t length) {
    return result(fallocate(descriptor, FALLOC_FL_COLLAPSE_RANGE, 0, length));
}

int convoy_lock(int descriptor) {
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    return result(fcntl(descriptor, F_OFD_SETLK, &lock));
}

int convoy_is_locked(int descriptor) {
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int outcome = result(fcntl(descriptor, F_OFD_GETLK, &lock));
    return outcome < 0 ? outcome : lock.l_type != F_UNLCK;
}

void convoy_wipe(void *bytes, size_t count) { explicit_bzero(bytes, count); }
