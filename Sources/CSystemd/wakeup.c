#define _GNU_SOURCE
#include "CSystemd.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

int convoy_wakeup_make(void) {
    int made = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return made < 0 ? -errno : made;
}

void convoy_wakeup(int wake) {
    uint64_t one = 1;
    // Full means that it is awake already.
    ssize_t written = write(wake, &one, sizeof one);
    (void)written;
}

void convoy_wakeup_clear(int wake) {
    uint64_t count;
    ssize_t taken = read(wake, &count, sizeof count);
    (void)taken;
}

void convoy_wakeup_wait(int wake, int milliseconds) {
    struct pollfd ready = {.fd = wake, .events = POLLIN};
    poll(&ready, 1, milliseconds);
}
