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

// What OpenSSL finds out about an OCSP response (RFC 6960), held against the certificate that it is to be
// stapled to. Times are seconds since 1970; next_update is 0 when the response has none.
typedef struct {
    // Of the response as a whole; 0 = successful, else the responder's excuse, in `excuse`.
    int response_status;
    char excuse[64];
    // Whether it speaks of the first certificate of the chain.
    int is_about_certificate;
    // 0 good, 1 revoked, 2 unknown.
    int certificate_status;
    int64_t this_update;
    int64_t next_update;
    // 1: signed by the issuer or somebody whom the issuer made its responder; 0: not; -1: the chain's
    // file does not hold the issuer, so nobody can tell.
    int is_signed;
} convoy_stapling_facts;

// Reads an OCSP response (DER) and the PEM file of the chain. CONVOY_CERTIFICATE_KEY_UNREADABLE never comes;
// CONVOY_STAPLING_UNREADABLE: no OCSP response.
enum { CONVOY_STAPLING_UNREADABLE = 3 };
int convoy_stapling_examine(
    const unsigned char *response, size_t response_length, const char *certificates, size_t certificates_length,
    convoy_stapling_facts *facts);

// How many certificates a PEM file holds; 0 when it is none, or broken.
int convoy_certificate_count(const char *certificates, size_t length);

#endif
