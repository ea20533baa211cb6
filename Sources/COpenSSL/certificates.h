#ifndef CONVOY_CERTIFICATES_H
#define CONVOY_CERTIFICATES_H

#include <openssl/asn1.h>
#include <openssl/x509.h>
#include <stdint.h>

// NULL when the file is no PEM file of certificates; whoever gets the stack frees it and them.
STACK_OF(X509) *convoy_read_certificates(const char *text, size_t length);

// Since 1970; 0 for a time that is none.
int64_t convoy_seconds(const ASN1_TIME *time);

#endif
