// A small typed face on libmongoc for Swift: commands and replies travel as JSON text, so that no
// bson_t (128-byte aligned, unusable in Swift) and no variadic call crosses the border.
#ifndef CONVOY_CMONGOC_H
#define CONVOY_CMONGOC_H

#include <stdbool.h>
#include <stdint.h>

typedef struct convoy_mongo convoy_mongo;

typedef enum {
    /// The text is no connection string that libmongoc takes.
    CONVOY_MONGO_BAD_URI = 1,
    /// No server answered in time, or the connection broke.
    CONVOY_MONGO_UNREACHABLE = 2,
    /// The server refused name or password.
    CONVOY_MONGO_LOGIN_REFUSED = 3,
    /// The server answered with an error; `code` is its code.
    CONVOY_MONGO_SERVER_ERROR = 4,
    /// A command or reply that can't be turned into BSON or JSON.
    CONVOY_MONGO_BAD_DOCUMENT = 5,
} convoy_mongo_fault_kind;

typedef struct {
    convoy_mongo_fault_kind kind;
    int32_t code;
    char message[512];
} convoy_mongo_fault;

typedef struct {
    int32_t selection_ms;
    int32_t connect_ms;
    int32_t socket_ms;
} convoy_mongo_timeouts;

/// Whom to log in as instead of the connection string's own user; NULL `user` = the string's own.
typedef struct {
    const char *user;
    const char *password;
    const char *source;
} convoy_mongo_login;

/// Opens nothing on the network yet. Not thread-safe: one thread at a time. NULL and `fault` when
/// the connection string is no good; that message never quotes it.
convoy_mongo *convoy_mongo_open(
    const char *uri, convoy_mongo_login login, convoy_mongo_timeouts timeouts, convoy_mongo_fault *fault);
/// Closes every connection.
void convoy_mongo_close(convoy_mongo *mongo);

/// `host:port,host:port`, or the SRV name. Lives as long as `mongo`.
const char *convoy_mongo_hosts(const convoy_mongo *mongo);
/// Empty when there is none. Lives as long as `mongo`.
const char *convoy_mongo_user(const convoy_mongo *mongo);
/// The clear password, for redaction only; empty when there is none. Lives as long as `mongo`.
const char *convoy_mongo_password(const convoy_mongo *mongo);

/// Runs one command (JSON text) on the primary. The reply as relaxed extended JSON, to be freed by
/// `convoy_mongo_free`; NULL and `fault` on any error. Blocks up to the timeouts.
char *convoy_mongo_run(convoy_mongo *mongo, const char *database, const char *command, convoy_mongo_fault *fault);
void convoy_mongo_free(char *reply);

/// A fresh ObjectId as 24 hexadecimal digits and a NUL.
void convoy_mongo_fresh_id(char text[25]);

#endif
