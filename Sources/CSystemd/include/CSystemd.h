#ifndef CONVOY_CSYSTEMD_H
#define CONVOY_CSYSTEMD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// MARK: The bus

// One connection to the system bus, subscribed to systemd. Used by one thread at a time.
typedef struct convoy_bus convoy_bus;

// What systemd says of a unit. Texts are "" and numbers 0 where it did not say.
// Texts live as long as the call that they are given to.
typedef struct {
    const char *load_state;
    const char *load_error;
    const char *active_state;
    const char *result;
    // One path per line.
    const char *drop_ins;
    int needs_reload;
    // Whether the members below were there: they come together, as of one moment.
    int tells_main;
    // The main process now; 0: none.
    int32_t main_pid;
    // The main process, or the last one there was.
    int32_t last_pid;
    // CLD_EXITED, CLD_KILLED or CLD_DUMPED; 0 while it lives.
    int32_t last_code;
    int32_t last_status;
    // Microseconds of CLOCK_MONOTONIC; 0: never.
    uint64_t last_started;
} convoy_unit_facts;

// Answers and signals, in the order in which systemd sent them, during convoy_bus_run.
typedef struct {
    void *context;
    // The answer to a call. error_name "" when it succeeded. path: of the job or unit, when the answer is one.
    void (*answered)(
        void *context, uint64_t call, const char *error_name, const char *error_text, const char *path,
        const convoy_unit_facts *facts);
    void (*changed)(void *context, const char *path, const convoy_unit_facts *facts);
    void (*job_removed)(void *context, const char *job, const char *unit, const char *result);
    // systemd itself came back after it had let go of the bus (daemon-reexec).
    void (*returned)(void *context);
} convoy_bus_ears;

// 0 or -errno. address NULL: the system bus.
int convoy_bus_open(const char *address, const convoy_bus_ears *ears, convoy_bus **bus);
void convoy_bus_close(convoy_bus *bus);

// Calls of org.freedesktop.systemd1.Manager with texts as arguments. The answer comes by its number.
int convoy_bus_manage(
    convoy_bus *bus, uint64_t call, const char *member, const char *first, const char *second, uint64_t timeout_usec);
int convoy_bus_kill(
    convoy_bus *bus, uint64_t call, const char *unit, const char *whom, int32_t signal, uint64_t timeout_usec);
// All properties of one interface of a unit.
int convoy_bus_look(
    convoy_bus *bus, uint64_t call, const char *path, const char *interface, uint64_t timeout_usec);

// Works off what has come, then sleeps until more comes or wake is readable. 1: there may be more, 0: woken,
// negative: the connection is lost.
int convoy_bus_run(convoy_bus *bus, int wake);

// The object path of a unit; free() it.
char *convoy_unit_path(const char *unit);

// A descriptor that another thread makes readable; -errno when there is none.
int convoy_wakeup_make(void);
void convoy_wakeup(int wake);
void convoy_wakeup_clear(int wake);
// Sleeps at most that long, or until woken.
void convoy_wakeup_wait(int wake, int milliseconds);

// MARK: The journal

// Fields are "NAME=value". 0 or -errno.
int convoy_journal_send(const char *const *fields, const size_t *lengths, int count);

typedef struct convoy_journal convoy_journal;

int convoy_journal_open(const char *directory, convoy_journal **journal);
void convoy_journal_close(convoy_journal *journal);
// Matches of one name widen, of several names narrow; convoy_journal_or begins another set of them.
int convoy_journal_match(convoy_journal *journal, const char *field);
int convoy_journal_or(convoy_journal *journal);
int convoy_journal_seek(convoy_journal *journal, uint64_t realtime_usec);
int convoy_journal_seek_tail(convoy_journal *journal);
// 1: there is one, 0: none.
int convoy_journal_next(convoy_journal *journal);
int convoy_journal_previous(convoy_journal *journal);
int convoy_journal_time(convoy_journal *journal, uint64_t *realtime_usec);
// The value of a field of the current entry, as long as the journal does not move; 0 or -errno.
int convoy_journal_value(convoy_journal *journal, const char *field, const char **value, size_t *length);
// Sleeps until entries may have come or wake is readable. 1: look again, 0: woken, or -errno.
int convoy_journal_wait(convoy_journal *journal, int wake);

// MARK: Notification

// As sd_notify: 1 sent, 0 nobody asked, or -errno.
int convoy_notify(const char *state);
// Whether standard error is a stream to the journal, by JOURNAL_STREAM's device and inode.
int convoy_is_journal_stream(int descriptor, uint64_t device, uint64_t inode);

#endif
