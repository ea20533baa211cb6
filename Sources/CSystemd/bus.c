#define _GNU_SOURCE
#include "CSystemd.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <time.h>

#define DESTINATION "org.freedesktop.systemd1"
#define ROOT "/org/freedesktop/systemd1"
#define MANAGER DESTINATION ".Manager"

struct convoy_bus {
    sd_bus *bus;
    convoy_bus_ears ears;
    // systemd's own name on the bus. Anybody may send us a signal that looks like one of systemd's: the bus
    // vouches for the sender's own name only.
    char owner[256];
};

// What an answer needs to know of its call.
typedef struct {
    convoy_bus *bus;
    uint64_t call;
} pending;

// MARK: Reading

static int read_text(sd_bus_message *m, const char **text) {
    const char *read = NULL;
    int r = sd_bus_message_read_basic(m, SD_BUS_TYPE_STRING, &read);
    if (r > 0 && read) *text = read;
    return r;
}

static int read_lines(sd_bus_message *m, char **lines) {
    char **list = NULL;
    int r = sd_bus_message_read_strv(m, &list);
    size_t length = 1;
    for (char **item = list; r >= 0 && item && *item; item++) length += strlen(*item) + 1;
    char *text = calloc(1, length);
    char *end = text;
    for (char **item = list; item && *item; item++) {
        if (text) {
            end = stpcpy(end, *item);
            *end++ = '\n';
        }
        free(*item);
    }
    free(list);
    free(*lines);
    *lines = text;
    return text ? r : -ENOMEM;
}

static int read_named(sd_bus_message *m, const char *name, const char *type, convoy_unit_facts *facts, char **lines) {
    struct {
        const char *name;
        char type;
        void *place;
    } known[] = {
        {"LoadState", 's', &facts->load_state},
        {"ActiveState", 's', &facts->active_state},
        {"Result", 's', &facts->result},
        {"MainPID", 'u', &facts->main_pid},
        {"ExecMainPID", 'u', &facts->last_pid},
        {"ExecMainCode", 'i', &facts->last_code},
        {"ExecMainStatus", 'i', &facts->last_status},
        {"ExecMainStartTimestampMonotonic", 't', &facts->last_started},
        {"NeedDaemonReload", 'b', &facts->needs_reload},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(name, known[i].name) != 0) continue;
        if (type[0] != known[i].type) break;
        if (known[i].type == 's') return read_text(m, known[i].place);
        if (strcmp(name, "MainPID") == 0) facts->tells_main = 1;
        return sd_bus_message_read_basic(m, known[i].type, known[i].place);
    }
    if (strcmp(name, "DropInPaths") == 0 && strcmp(type, "as") == 0) return read_lines(m, lines);
    if (strcmp(name, "LoadError") == 0 && strcmp(type, "(ss)") == 0) {
        int r = sd_bus_message_enter_container(m, SD_BUS_TYPE_STRUCT, "ss");
        if (r < 0 || (r = sd_bus_message_skip(m, "s")) < 0 || (r = read_text(m, &facts->load_error)) < 0) return r;
        return sd_bus_message_exit_container(m);
    }
    return sd_bus_message_skip(m, type);
}

// a{sv}. *lines is freed by the caller, after it is done with facts.
static int read_facts(sd_bus_message *m, convoy_unit_facts *facts, char **lines) {
    int r = sd_bus_message_enter_container(m, SD_BUS_TYPE_ARRAY, "{sv}");
    if (r < 0) return r;
    while ((r = sd_bus_message_enter_container(m, SD_BUS_TYPE_DICT_ENTRY, "sv")) > 0) {
        const char *name = NULL, *type = NULL;
        char peeked;
        if ((r = sd_bus_message_read_basic(m, SD_BUS_TYPE_STRING, &name)) < 0) return r;
        if ((r = sd_bus_message_peek_type(m, &peeked, &type)) < 0) return r;
        if ((r = sd_bus_message_enter_container(m, SD_BUS_TYPE_VARIANT, type)) < 0) return r;
        if ((r = read_named(m, name, type, facts, lines)) < 0) return r;
        if ((r = sd_bus_message_exit_container(m)) < 0) return r;
        if ((r = sd_bus_message_exit_container(m)) < 0) return r;
    }
    if (*lines) facts->drop_ins = *lines;
    return r < 0 ? r : sd_bus_message_exit_container(m);
}

static convoy_unit_facts no_facts(void) {
    return (convoy_unit_facts){
        .load_state = "", .load_error = "", .active_state = "", .result = "", .drop_ins = ""};
}

// MARK: What comes

static int answered(sd_bus_message *m, void *userdata, sd_bus_error *error) {
    (void)error;
    pending *call = userdata;
    convoy_bus_ears *ears = &call->bus->ears;
    convoy_unit_facts facts = no_facts();
    char *lines = NULL;
    const char *path = "", *name = "", *text = "";
    const sd_bus_error *failed = sd_bus_message_get_error(m);
    if (failed) {
        name = failed->name ? failed->name : "unknown";
        text = failed->message ? failed->message : "";
    } else {
        int r = 0;
        if (sd_bus_message_has_signature(m, "a{sv}")) r = read_facts(m, &facts, &lines);
        if (sd_bus_message_has_signature(m, "o")) r = sd_bus_message_read_basic(m, SD_BUS_TYPE_OBJECT_PATH, &path);
        if (r < 0) {
            name = "unreadable";
            text = strerror(-r);
        }
    }
    ears->answered(ears->context, call->call, name, text, path, &facts);
    free(lines);
    return 0;
}

static int is_from(sd_bus_message *m, const char *name) {
    const char *sender = sd_bus_message_get_sender(m);
    return sender && name[0] && strcmp(sender, name) == 0;
}

static int changed(sd_bus_message *m, void *userdata, sd_bus_error *error) {
    (void)error;
    convoy_bus *bus = userdata;
    if (!is_from(m, bus->owner)) return 0;
    convoy_unit_facts facts = no_facts();
    char *lines = NULL;
    if (sd_bus_message_skip(m, "s") >= 0 && read_facts(m, &facts, &lines) >= 0)
        bus->ears.changed(bus->ears.context, sd_bus_message_get_path(m), &facts);
    free(lines);
    return 0;
}

static int job_removed(sd_bus_message *m, void *userdata, sd_bus_error *error) {
    (void)error;
    convoy_bus *bus = userdata;
    uint32_t id;
    const char *job, *unit, *result;
    if (!is_from(m, bus->owner)) return 0;
    if (sd_bus_message_read(m, "uoss", &id, &job, &unit, &result) >= 0)
        bus->ears.job_removed(bus->ears.context, job, unit, result);
    return 0;
}

static int ignored(sd_bus_message *m, void *userdata, sd_bus_error *error) {
    (void)m, (void)userdata, (void)error;
    return 0;
}

static int subscribe(convoy_bus *bus) {
    return sd_bus_call_method_async(bus->bus, NULL, DESTINATION, ROOT, MANAGER, "Subscribe", ignored, NULL, NULL);
}

static void owned_by(convoy_bus *bus, const char *owner) {
    if (strlen(owner) < sizeof bus->owner) strcpy(bus->owner, owner);
}

static int owner_told(sd_bus_message *m, void *userdata, sd_bus_error *error) {
    (void)error;
    const char *owner;
    // An error: systemd is not on the bus yet. It will be told when it comes.
    if (!sd_bus_message_is_method_error(m, NULL) && sd_bus_message_read_basic(m, 's', &owner) > 0)
        owned_by(userdata, owner);
    return 0;
}

static int owner_changed(sd_bus_message *m, void *userdata, sd_bus_error *error) {
    (void)error;
    convoy_bus *bus = userdata;
    const char *name, *old, *new;
    if (!is_from(m, "org.freedesktop.DBus") || sd_bus_message_read(m, "sss", &name, &old, &new) < 0) return 0;
    owned_by(bus, new);
    if (!new[0]) return 0;
    subscribe(bus);
    bus->ears.returned(bus->ears.context);
    return 0;
}

// MARK: The connection

static int listen_to(convoy_bus *bus) {
    int r = sd_bus_match_signal_async(
        bus->bus, NULL, DESTINATION, ROOT, MANAGER, "JobRemoved", job_removed, NULL, bus);
    if (r < 0) return r;
    // The life of a service; its other interfaces say nothing that is not in there.
    r = sd_bus_add_match_async(
        bus->bus, NULL,
        "type='signal',sender='" DESTINATION "',interface='org.freedesktop.DBus.Properties',"
        "member='PropertiesChanged',path_namespace='" ROOT "/unit',arg0='" DESTINATION ".Service'",
        changed, NULL, bus);
    if (r < 0) return r;
    r = sd_bus_add_match_async(
        bus->bus, NULL,
        "type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',"
        "member='NameOwnerChanged',arg0='" DESTINATION "'",
        owner_changed, NULL, bus);
    if (r < 0) return r;
    r = sd_bus_call_method_async(
        bus->bus, NULL, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "GetNameOwner",
        owner_told, bus, "s", DESTINATION);
    return r < 0 ? r : subscribe(bus);
}

int convoy_bus_open(const char *address, const convoy_bus_ears *ears, convoy_bus **out) {
    convoy_bus *bus = calloc(1, sizeof *bus);
    if (!bus) return -ENOMEM;
    bus->ears = *ears;
    int r;
    if (address) {
        r = sd_bus_new(&bus->bus);
        if (r >= 0) r = sd_bus_set_address(bus->bus, address);
        if (r >= 0) r = sd_bus_set_bus_client(bus->bus, 1);
        if (r >= 0) r = sd_bus_start(bus->bus);
    } else {
        r = sd_bus_open_system(&bus->bus);
    }
    if (r >= 0) r = listen_to(bus);
    if (r < 0) {
        convoy_bus_close(bus);
        return r;
    }
    *out = bus;
    return 0;
}

void convoy_bus_close(convoy_bus *bus) {
    if (!bus) return;
    sd_bus_close_unref(bus->bus);
    free(bus);
}

// MARK: Calls

static int call(convoy_bus *bus, uint64_t number, sd_bus_message *m, uint64_t timeout_usec) {
    pending *made = malloc(sizeof *made);
    sd_bus_slot *slot = NULL;
    if (!made) return -ENOMEM;
    *made = (pending){bus, number};
    int r = sd_bus_call_async(bus->bus, &slot, m, answered, made, timeout_usec);
    if (r < 0) {
        free(made);
        return r;
    }
    // Freed with its slot, whether an answer came or the connection ended.
    sd_bus_slot_set_destroy_callback(slot, free);
    sd_bus_slot_set_floating(slot, 1);
    sd_bus_slot_unref(slot);
    return 0;
}

int convoy_bus_manage(
    convoy_bus *bus, uint64_t number, const char *member, const char *first, const char *second,
    uint64_t timeout_usec) {
    sd_bus_message *m = NULL;
    int r = sd_bus_message_new_method_call(bus->bus, &m, DESTINATION, ROOT, MANAGER, member);
    if (r >= 0 && first) r = sd_bus_message_append_basic(m, SD_BUS_TYPE_STRING, first);
    if (r >= 0 && second) r = sd_bus_message_append_basic(m, SD_BUS_TYPE_STRING, second);
    if (r >= 0) r = call(bus, number, m, timeout_usec);
    sd_bus_message_unref(m);
    return r;
}

int convoy_bus_kill(
    convoy_bus *bus, uint64_t number, const char *unit, const char *whom, int32_t signal, uint64_t timeout_usec) {
    sd_bus_message *m = NULL;
    int r = sd_bus_message_new_method_call(bus->bus, &m, DESTINATION, ROOT, MANAGER, "KillUnit");
    if (r >= 0) r = sd_bus_message_append(m, "ssi", unit, whom, signal);
    if (r >= 0) r = call(bus, number, m, timeout_usec);
    sd_bus_message_unref(m);
    return r;
}

int convoy_bus_look(
    convoy_bus *bus, uint64_t number, const char *path, const char *interface, uint64_t timeout_usec) {
    sd_bus_message *m = NULL;
    int r = sd_bus_message_new_method_call(
        bus->bus, &m, DESTINATION, path, "org.freedesktop.DBus.Properties", "GetAll");
    if (r >= 0) r = sd_bus_message_append_basic(m, SD_BUS_TYPE_STRING, interface);
    if (r >= 0) r = call(bus, number, m, timeout_usec);
    sd_bus_message_unref(m);
    return r;
}

char *convoy_unit_path(const char *unit) {
    char *path = NULL;
    return sd_bus_path_encode(ROOT "/unit", unit, &path) < 0 ? NULL : path;
}

// MARK: The loop

static int milliseconds_until(uint64_t usec) {
    if (usec == UINT64_MAX) return -1;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    uint64_t at = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
    if (usec <= at) return 0;
    uint64_t left = (usec - at + 999) / 1000;
    return left > 60000 ? 60000 : (int)left;
}

int convoy_bus_run(convoy_bus *bus, int wake) {
    int r;
    while ((r = sd_bus_process(bus->bus, NULL)) > 0) {}
    if (r < 0) return r;
    if (sd_bus_is_open(bus->bus) <= 0) return -ENOTCONN;
    struct pollfd ready[2] = {{.fd = sd_bus_get_fd(bus->bus)}, {.fd = wake, .events = POLLIN}};
    int events = sd_bus_get_events(bus->bus);
    uint64_t until = UINT64_MAX;
    if (ready[0].fd < 0 || events < 0) return -ENOTCONN;
    ready[0].events = (short)events;
    sd_bus_get_timeout(bus->bus, &until);
    if (poll(ready, 2, milliseconds_until(until)) < 0 && errno != EINTR) return -errno;
    return (ready[1].revents & POLLIN) ? 0 : 1;
}
