#include "CMongoC.h"

#include <mongoc/mongoc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct convoy_mongo {
    mongoc_uri_t *uri;
    mongoc_client_t *client;
    char hosts[1024];
};

// Debian's libmongoc starts as it is loaded, and makes a file in /dev/shm for counters that nobody reads. A process that
// is killed would leave it there, and the next one of that number would warn of it.
__attribute__((constructor)) static void forget_counters(void) {
    char name[32];
    snprintf(name, sizeof name, "/mongoc-%d", getpid());
    shm_unlink(name);
}

static pthread_once_t started = PTHREAD_ONCE_INIT;

static void start(void) {
    // libmongoc logs to stderr by default, and its warnings may quote options of a connection
    // string: drop them all, every error reaches the caller anyway. Before it starts, since that warns, too.
    mongoc_log_set_handler(NULL, NULL);
    mongoc_init();
}

static void set_fault(convoy_mongo_fault *fault, convoy_mongo_fault_kind kind, int32_t code, const char *message) {
    fault->kind = kind;
    fault->code = code;
    snprintf(fault->message, sizeof fault->message, "%s", message);
}

static void list_hosts(const mongoc_uri_t *uri, char *text, size_t size) {
    const char *service = mongoc_uri_get_srv_hostname(uri);
    if (service != NULL) {
        snprintf(text, size, "%s", service);
        return;
    }
    size_t used = 0;
    text[0] = '\0';
    for (const mongoc_host_list_t *host = mongoc_uri_get_hosts(uri); host != NULL; host = host->next) {
        int wrote = snprintf(text + used, size - used, "%s%s", used == 0 ? "" : ",", host->host_and_port);
        if (wrote < 0 || (size_t) wrote >= size - used) return;
        used += (size_t) wrote;
    }
}

static bool apply(mongoc_uri_t *uri, convoy_mongo_login login, convoy_mongo_timeouts timeouts) {
    bool fine = mongoc_uri_set_option_as_int32(uri, MONGOC_URI_SERVERSELECTIONTIMEOUTMS, timeouts.selection_ms)
        && mongoc_uri_set_option_as_int32(uri, MONGOC_URI_CONNECTTIMEOUTMS, timeouts.connect_ms)
        && mongoc_uri_set_option_as_int32(uri, MONGOC_URI_SOCKETTIMEOUTMS, timeouts.socket_ms)
        // A single-threaded client tries once and gives up at once; an election takes seconds.
        && mongoc_uri_set_option_as_bool(uri, MONGOC_URI_SERVERSELECTIONTRYONCE, false);
    if (login.user != NULL) {
        fine = fine && mongoc_uri_set_username(uri, login.user) && mongoc_uri_set_password(uri, login.password)
            && mongoc_uri_set_auth_source(uri, login.source) && mongoc_uri_set_auth_mechanism(uri, "SCRAM-SHA-256");
    }
    return fine;
}

convoy_mongo *convoy_mongo_open(
    const char *uri, convoy_mongo_login login, convoy_mongo_timeouts timeouts, convoy_mongo_fault *fault) {
    pthread_once(&started, start);
    convoy_mongo *mongo = calloc(1, sizeof *mongo);
    if (mongo == NULL) abort();
    bson_error_t error;
    mongo->uri = mongoc_uri_new_with_error(uri, &error);
    if (mongo->uri == NULL || !apply(mongo->uri, login, timeouts)) {
        // The message of libmongoc may quote the string: never hand it on.
        set_fault(fault, CONVOY_MONGO_BAD_URI, 0, "not a MongoDB connection string");
        convoy_mongo_close(mongo);
        return NULL;
    }
    list_hosts(mongo->uri, mongo->hosts, sizeof mongo->hosts);
    mongo->client = mongoc_client_new_from_uri(mongo->uri);
    if (mongo->client == NULL) {
        bool service = mongoc_uri_get_srv_hostname(mongo->uri) != NULL;
        set_fault(
            fault, service ? CONVOY_MONGO_UNREACHABLE : CONVOY_MONGO_BAD_URI, 0,
            service ? "no server is to be found under the SRV name" : "libmongoc takes no such servers or TLS options");
        convoy_mongo_close(mongo);
        return NULL;
    }
    mongoc_client_set_error_api(mongo->client, MONGOC_ERROR_API_VERSION_2);
    mongoc_client_set_appname(mongo->client, "convoy");
    return mongo;
}

void convoy_mongo_close(convoy_mongo *mongo) {
    if (mongo == NULL) return;
    if (mongo->client != NULL) mongoc_client_destroy(mongo->client);
    if (mongo->uri != NULL) mongoc_uri_destroy(mongo->uri);
    free(mongo);
}

const char *convoy_mongo_hosts(const convoy_mongo *mongo) { return mongo->hosts; }

const char *convoy_mongo_user(const convoy_mongo *mongo) {
    const char *user = mongoc_uri_get_username(mongo->uri);
    return user == NULL ? "" : user;
}

const char *convoy_mongo_password(const convoy_mongo *mongo) {
    const char *password = mongoc_uri_get_password(mongo->uri);
    return password == NULL ? "" : password;
}

static convoy_mongo_fault_kind kind_of(const bson_error_t *error) {
    if (error->domain == MONGOC_ERROR_SERVER) return CONVOY_MONGO_SERVER_ERROR;
    if (error->domain == MONGOC_ERROR_CLIENT && error->code == MONGOC_ERROR_CLIENT_AUTHENTICATE) {
        // A connection that breaks or stalls during the login has the same code as a wrong
        // password; only the text tells them apart.
        bool broken = strstr(error->message, "socket error") != NULL || strstr(error->message, "timeout") != NULL;
        return broken ? CONVOY_MONGO_UNREACHABLE : CONVOY_MONGO_LOGIN_REFUSED;
    }
    if (error->domain == MONGOC_ERROR_BSON) return CONVOY_MONGO_BAD_DOCUMENT;
    return CONVOY_MONGO_UNREACHABLE;
}

char *convoy_mongo_run(convoy_mongo *mongo, const char *database, const char *command, convoy_mongo_fault *fault) {
    bson_error_t error = {0};
    bson_t *document = bson_new_from_json((const uint8_t *) command, -1, &error);
    if (document == NULL) {
        set_fault(fault, CONVOY_MONGO_BAD_DOCUMENT, 0, "the command is not valid JSON");
        return NULL;
    }
    bson_t reply;
    bool answered = mongoc_client_command_simple(mongo->client, database, document, NULL, &reply, &error);
    char *text = answered ? bson_as_relaxed_extended_json(&reply, NULL) : NULL;
    if (!answered) {
        set_fault(fault, kind_of(&error), (int32_t) error.code, error.message);
    } else if (text == NULL) {
        set_fault(fault, CONVOY_MONGO_BAD_DOCUMENT, 0, "the reply holds text that is not UTF-8");
    }
    bson_destroy(&reply);
    bson_destroy(document);
    return text;
}

void convoy_mongo_free(char *reply) { bson_free(reply); }

void convoy_mongo_fresh_id(char text[25]) {
    bson_oid_t id;
    bson_oid_init(&id, NULL);
    bson_oid_to_string(&id, text);
}
