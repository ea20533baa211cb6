#ifndef CONVOY_COPENSSL_H
#define CONVOY_COPENSSL_H

#include <stddef.h>
#include <stdint.h>

// What OpenSSL finds out about a certificate file and its key. Times are seconds since 1970. Texts are
// printable (RFC 2253 names with escapes) and end in a zero byte.
typedef struct {
    int64_t not_before;
    int64_t not_after;
    int key_matches;
    int name_covered;
    // How many certificates the file holds, and which (from 0) is the first that the one after it did
    // not issue; -1 when each is followed by its issuer.
    int count;
    int broken_at;
    // Whether the last one issued itself, or the system trusts whoever issued it.
    int is_anchored;
    char subject[256];
    char last_issuer[256];
} convoy_certificate_facts;

enum {
    CONVOY_CERTIFICATE_READ = 0,
    CONVOY_CERTIFICATE_UNREADABLE = 1,
    CONVOY_CERTIFICATE_KEY_UNREADABLE = 2,
};

// Reads a PEM file of certificates, the server's first, and a PEM key without a passphrase (nobody is asked
// for one). host: a DNS name or an IP address, as it stands in the URL.
int convoy_certificate_examine(
    const char *certificates, size_t certificates_length, const char *key, size_t key_length, const char *host,
    convoy_certificate_facts *facts);

#endif
