#define _GNU_SOURCE
#define SD_JOURNAL_SUPPRESS_LOCATION
#include "CSystemd.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-journal.h>
#include <time.h>

struct convoy_journal {
    sd_journal *journal;
};

int convoy_journal_send(const char *const *fields, const size_t *lengths, int count) {
    struct iovec parts[32];
    if (count < 1 || count > 32) return -E2BIG;
    for (int i = 0; i < count; i++) parts[i] = (struct iovec){(void *)fields[i], lengths[i]};
    return sd_journal_sendv(parts, count);
}

int convoy_journal_open(const char *directory, convoy_journal **out) {
    convoy_journal *journal = calloc(1, sizeof *journal);
    if (!journal) return -ENOMEM;
    int r = directory ? sd_journal_open_directory(&journal->journal, directory, 0)
                      : sd_journal_open(&journal->journal, SD_JOURNAL_LOCAL_ONLY);
    if (r < 0) {
        free(journal);
        return r;
    }
    *out = journal;
    return 0;
}

void convoy_journal_close(convoy_journal *journal) {
    if (!journal) return;
    sd_journal_close(journal->journal);
    free(journal);
}

int convoy_journal_match(convoy_journal *journal, const char *field) {
    return sd_journal_add_match(journal->journal, field, 0);
}

int convoy_journal_or(convoy_journal *journal) { return sd_journal_add_disjunction(journal->journal); }

int convoy_journal_seek(convoy_journal *journal, uint64_t usec) {
    return sd_journal_seek_realtime_usec(journal->journal, usec);
}

int convoy_journal_seek_tail(convoy_journal *journal) { return sd_journal_seek_tail(journal->journal); }
int convoy_journal_next(convoy_journal *journal) { return sd_journal_next(journal->journal); }
int convoy_journal_previous(convoy_journal *journal) { return sd_journal_previous(journal->journal); }

int convoy_journal_time(convoy_journal *journal, uint64_t *usec) {
    return sd_journal_get_realtime_usec(journal->journal, usec);
}

int convoy_journal_value(convoy_journal *journal, const char *field, const char **value, size_t *length) {
    const void *data;
    size_t size;
    int r = sd_journal_get_data(journal->journal, field, &data, &size);
    if (r < 0) return r;
    size_t name = strlen(field) + 1;
    if (size < name) return -EBADMSG;
    *value = (const char *)data + name;
    *length = size - name;
    return 0;
}

int convoy_journal_wait(convoy_journal *journal, int wake) {
    struct pollfd ready[2] = {{.fd = sd_journal_get_fd(journal->journal)}, {.fd = wake, .events = POLLIN}};
    if (ready[0].fd < 0) return ready[0].fd;
    int events = sd_journal_get_events(journal->journal);
    if (events < 0) return events;
    ready[0].events = (short)events;
    uint64_t until = UINT64_MAX;
    sd_journal_get_timeout(journal->journal, &until);
    int wait = -1;
    if (until != UINT64_MAX) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        uint64_t at = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
        wait = until <= at ? 0 : (int)((until - at) / 1000 + 1);
    }
    if (poll(ready, 2, wait) < 0 && errno != EINTR) return -errno;
    if (ready[1].revents & POLLIN) return 0;
    int r = sd_journal_process(journal->journal);
    return r < 0 ? r : 1;
}

int convoy_notify(const char *state) { return sd_notify(0, state); }

int convoy_is_journal_stream(int descriptor, uint64_t device, uint64_t inode) {
    struct stat status;
    return fstat(descriptor, &status) == 0 && status.st_dev == device && status.st_ino == inode;
}
