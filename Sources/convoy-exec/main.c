/*
 * convoy-exec [--credential NAME] -- PROGRAM [ARGUMENT...]
 *
 * systemd hands secrets to a unit as files; MCP servers want them in their environment. This moves them
 * there, and becomes the server. The credential holds NAME=value, separated by NUL.
 *
 * Everything that is not exactly as Convoy writes it ends the start: a server without its secret, or with
 * half of it, could run with another user's rights. No value is ever printed, nor any part of one.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

/* What systemd knows by name (systemd.exec(5), "Process exit codes"). */
enum { EXIT_USAGE = 64, EXIT_PROGRAM = 203, EXIT_NO_MEMORY = 204, EXIT_CREDENTIALS = 243 };

/* A string of the environment may have 128 KiB; systemd itself takes credentials up to 1 MiB. */
enum { LONGEST = 256 * 1024 };

/* systemd's own words to whom it starts. A server that found them would think that it is spoken to. */
static const char *const systemd_words[] = {
    "CREDENTIALS_DIRECTORY", "NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC", "INVOCATION_ID", "JOURNAL_STREAM",
    "SYSTEMD_EXEC_PID", "MANAGERPID", "MAINPID", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "STATE_DIRECTORY",
    "CACHE_DIRECTORY", "LOGS_DIRECTORY", "RUNTIME_DIRECTORY", "CONFIGURATION_DIRECTORY", "MEMORY_PRESSURE_WATCH",
    "MEMORY_PRESSURE_WRITE",
};

static char *secrets;
static size_t secrets_size;

__attribute__((noreturn, format(printf, 2, 3))) static void fail(int code, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("convoy-exec: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    if (secrets != NULL) explicit_bzero(secrets, secrets_size);
    exit(code);
}

static void *room(size_t size) {
    void *memory = malloc(size);
    if (memory == NULL) fail(EXIT_NO_MEMORY, "out of memory");
    return memory;
}

static bool is_plain_name(const char *name) {
    if (*name == '\0') return false;
    for (const char *c = name; *c != '\0'; c++) {
        bool letter = (*c >= 'A' && *c <= 'Z') || (*c >= 'a' && *c <= 'z') || *c == '_';
        if (!letter && !(c > name && *c >= '0' && *c <= '9')) return false;
    }
    return true;
}

/* A name is a part of a path only as systemd itself would make it. */
static bool is_credential_name(const char *name) {
    return *name != '\0' && *name != '.' && strlen(name) <= 255 && strchr(name, '/') == NULL;
}

/* Reads the whole credential into `secrets` and puts a NUL behind it. */
static void read_credential(const char *name) {
    const char *directory = getenv("CREDENTIALS_DIRECTORY");
    if (directory == NULL || *directory != '/')
        fail(EXIT_CREDENTIALS, "there are no credentials: CREDENTIALS_DIRECTORY is not set; "
             "is LoadCredential= of this unit gone, or overridden by a drop-in?");
    size_t length = strlen(directory) + strlen(name) + 2;
    char *path = room(length);
    snprintf(path, length, "%s/%s", directory, name);

    /* A FIFO would make open() wait for ever. */
    int file = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (file < 0) fail(EXIT_CREDENTIALS, "cannot read credential %s: %s", name, strerror(errno));
    struct stat status;
    if (fstat(file, &status) != 0) fail(EXIT_CREDENTIALS, "cannot look at credential %s: %s", name, strerror(errno));
    if (!S_ISREG(status.st_mode)) fail(EXIT_CREDENTIALS, "credential %s is not a file", name);
    if ((status.st_mode & S_IWOTH) != 0) fail(EXIT_CREDENTIALS, "credential %s can be changed by anybody", name);
    if (status.st_size > LONGEST) fail(EXIT_CREDENTIALS, "credential %s is larger than %d bytes", name, LONGEST);

    secrets = room(LONGEST + 2);
    size_t have = 0;
    while (have <= LONGEST) {
        ssize_t got = read(file, secrets + have, LONGEST + 1 - have);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) fail(EXIT_CREDENTIALS, "cannot read credential %s: %s", name, strerror(errno));
        if (got == 0) break;
        have += (size_t)got;
        secrets_size = have;
    }
    close(file);
    free(path);
    if (have > LONGEST) fail(EXIT_CREDENTIALS, "credential %s is larger than %d bytes", name, LONGEST);
    if (have == 0) fail(EXIT_CREDENTIALS, "credential %s is empty", name);
    secrets[have] = '\0';
}

/* Whether one of the `count` strings in `list` is NAME=..., for the `length` bytes of `name`. */
static bool holds(char *const *list, size_t count, const char *name, size_t length) {
    for (size_t i = 0; i < count; i++)
        if (strncmp(list[i], name, length) == 0 && list[i][length] == '=') return true;
    return false;
}

static bool is_systemds(const char *entry) {
    for (size_t i = 0; i < sizeof systemd_words / sizeof systemd_words[0]; i++) {
        size_t length = strlen(systemd_words[i]);
        if (strncmp(entry, systemd_words[i], length) == 0 && entry[length] == '=') return true;
    }
    return false;
}

static size_t entries_of_credential(void) {
    size_t count = 1;
    for (size_t i = 0; i + 1 < secrets_size; i++)
        if (secrets[i] == '\0') count++;
    return count;
}

/* Adds the credential's entries to `list`, which has room for them. */
static size_t add_secrets(const char *credential, char **list, size_t count) {
    const char *end = secrets + secrets_size;
    int number = 0;
    for (char *entry = secrets; entry < end; entry += strlen(entry) + 1) {
        number++;
        char *equals = strchr(entry, '=');
        /* What stands before a missing '=' may be the secret itself: it is counted, not named. */
        if (equals == NULL) fail(EXIT_CREDENTIALS, "credential %s: entry %d is not NAME=value", credential, number);
        *equals = '\0';
        bool plain = is_plain_name(entry);
        *equals = '=';
        if (!plain)
            fail(EXIT_CREDENTIALS, "credential %s: the name of entry %d is not one of letters, digits and _",
                 credential, number);
        int length = (int)(equals - entry);
        if (equals[1] == '\0') fail(EXIT_CREDENTIALS, "credential %s: %.*s has no value", credential, length, entry);
        if (is_systemds(entry))
            fail(EXIT_CREDENTIALS, "credential %s: %.*s is a name of systemd's own", credential, length, entry);
        if (holds(list, count, entry, (size_t)length))
            fail(EXIT_CREDENTIALS, "credential %s: %.*s is there twice, or is set by the unit as well; "
                 "which one counts would be a guess", credential, length, entry);
        list[count++] = entry;
    }
    return count;
}

static char **environment_with(const char *credential) {
    size_t inherited = 0;
    while (environ[inherited] != NULL) inherited++;
    if (credential != NULL) read_credential(credential);
    char **list = room((inherited + (credential != NULL ? entries_of_credential() : 0) + 1) * sizeof *list);
    size_t count = 0;
    for (size_t i = 0; i < inherited; i++)
        if (!is_systemds(environ[i])) list[count++] = environ[i];
    if (credential != NULL) count = add_secrets(credential, list, count);
    list[count] = NULL;
    return list;
}

int main(int argc, char **argv) {
    const char *credential = NULL;
    int next = 1;
    if (next + 1 < argc && strcmp(argv[next], "--credential") == 0) {
        credential = argv[next + 1];
        if (!is_credential_name(credential)) fail(EXIT_USAGE, "--credential: not the name of a credential");
        next += 2;
    }
    if (next + 1 >= argc || strcmp(argv[next], "--") != 0)
        fail(EXIT_USAGE, "usage: convoy-exec [--credential NAME] -- PROGRAM [ARGUMENT...]");
    char **program = argv + next + 1;
    if (program[0][0] != '/') fail(EXIT_USAGE, "%s: not an absolute path", program[0]);

    char **environment = environment_with(credential);
    execve(program[0], program, environment);
    fail(EXIT_PROGRAM, "cannot execute %s: %s", program[0], strerror(errno));
}
