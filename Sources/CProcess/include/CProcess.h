#ifndef CONVOY_CPROCESS_H
#define CONVOY_CPROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// What a process needs between clone and exec. All of it is built before, because the child of a
// vfork shares its parent's memory: it may neither allocate nor take a lock.
struct convoy_spawn_plan {
    const char *executable;
    char *const *arguments;
    char *const *environment;
    // Where the child writes its own pid, inside one of the environment's strings; 11 bytes of room.
    // NULL when it gets no listeners.
    char *listen_pid;
    const char *directory;
    int input;
    int output;
    const int *listeners;
    int listener_count;
    bool drops_privileges;
    uint32_t user;
    uint32_t group;
};

enum convoy_spawn_step {
    CONVOY_STEP_NONE = 0,
    CONVOY_STEP_CLONE = 1,
    CONVOY_STEP_SESSION = 2,
    CONVOY_STEP_DESCRIPTORS = 3,
    CONVOY_STEP_USER = 4,
    CONVOY_STEP_DIRECTORY = 5,
    CONVOY_STEP_EXEC = 6,
};

struct convoy_spawned {
    pid_t pid;
    int pidfd;
    // errno of the step that failed; 0 when the program runs.
    int error;
    enum convoy_spawn_step step;
};

enum { CONVOY_MAX_LISTENERS = 16 };

// Returns once the program was exec'd, or once the child that could not do so was reaped.
struct convoy_spawned convoy_spawn(const struct convoy_spawn_plan *plan);

// All below: a negative errno says what failed.

int convoy_pidfd_open(pid_t pid);
// A copy of another process's descriptor; that process must be ours to trace.
int convoy_take_descriptor(pid_t pid, int descriptor);
int convoy_pidfd_send_signal(int pidfd, int signal);

enum convoy_reaped { CONVOY_REAPED_EXITED = 1, CONVOY_REAPED_SIGNALLED = 2 };
// Reaps exactly that process when it is a dead child of ours: -ECHILD when it is not ours, 0 when it
// lives. `status` gets the exit code or the signal.
int convoy_reap(int pidfd, int *status);
// The same, but waits for the death.
int convoy_reap_wait(int pidfd, int *status);

// Waits for readability of pidfds.
int convoy_poll_make(void);
int convoy_poll_add(int poll, int descriptor);
int convoy_poll_remove(int poll, int descriptor);
// Fills `ready` and returns how many, in order of readiness.
int convoy_poll_wait(int poll, int *ready, int capacity);
int convoy_wake_make(void);
int convoy_wake(int wake);

struct convoy_listener {
    uint16_t port;
    uint32_t inode;
};
// TCP sockets of the family (AF_INET, AF_INET6) that listen in this network; returns how many. -ENOBUFS when there are
// more than `capacity`; another negative errno where nobody may ask the kernel.
int convoy_tcp_listeners(int family, struct convoy_listener *found, int capacity);

// Takes `length` bytes out of the front of the file, atomically towards O_APPEND writers.
int convoy_collapse(int descriptor, int64_t length);

// Open-file-description locks: unlike flock they can be asked about without being taken, and unlike
// POSIX locks they live until the last copy of *this* descriptor is closed.
int convoy_lock(int descriptor);
// 1 when somebody else holds it.
int convoy_is_locked(int descriptor);

// memset that no compiler removes.
void convoy_wipe(void *bytes, size_t count);

#endif
