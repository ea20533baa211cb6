#include "COpenSSL.h"
#include "certificates.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

// A passphrase that nobody can give: without this OpenSSL would ask the terminal.
static int no_passphrase(char *buffer, int size, int writing, void *data) {
    (void)buffer, (void)size, (void)writing, (void)data;
    return 0;
}

int64_t convoy_seconds(const ASN1_TIME *time) {
    struct tm parts;
    memset(&parts, 0, sizeof parts);
    return ASN1_TIME_to_tm(time, &parts) == 1 ? (int64_t)timegm(&parts) : 0;
}

static void name_text(X509_NAME *name, char *text, size_t size) {
    text[0] = 0;
    BIO *memory = BIO_new(BIO_s_mem());
    if (memory == NULL) return;
    // RFC 2253, with whatever is not printable ASCII as escapes.
    if (X509_NAME_print_ex(memory, name, 0, XN_FLAG_RFC2253) >= 0) {
        int length = BIO_read(memory, text, (int)size - 1);
        text[length > 0 ? length : 0] = 0;
    }
    BIO_free(memory);
}

STACK_OF(X509) *convoy_read_certificates(const char *text, size_t length) {
    STACK_OF(X509) *found = sk_X509_new_null();
    BIO *memory = BIO_new_mem_buf(text, (int)length);
    if (found == NULL || memory == NULL) {
        sk_X509_free(found);
        BIO_free(memory);
        return NULL;
    }
    X509 *one;
    while (sk_X509_num(found) < 32 && (one = PEM_read_bio_X509(memory, NULL, no_passphrase, NULL)) != NULL) {
        if (sk_X509_push(found, one) == 0) X509_free(one);
    }
    // The end of the file is the only fault that is none.
    int is_whole = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    ERR_clear_error();
    BIO_free(memory);
    if (!is_whole || sk_X509_num(found) == 0) {
        sk_X509_pop_free(found, X509_free);
        return NULL;
    }
    return found;
}

static int is_trusted(X509 *certificate) {
    int trusted = 0;
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    X509 *issuer = NULL;
    if (store != NULL && context != NULL && X509_STORE_set_default_paths(store) == 1
        && X509_STORE_CTX_init(context, store, certificate, NULL) == 1) {
        trusted = X509_STORE_CTX_get1_issuer(&issuer, context, certificate) == 1;
    }
    X509_free(issuer);
    X509_STORE_CTX_free(context);
    X509_STORE_free(store);
    return trusted;
}

static void look_at_chain(STACK_OF(X509) *chain, convoy_certificate_facts *facts) {
    facts->count = sk_X509_num(chain);
    facts->broken_at = -1;
    for (int i = 0; i + 1 < facts->count && facts->broken_at < 0; i++) {
        X509 *lower = sk_X509_value(chain, i), *upper = sk_X509_value(chain, i + 1);
        int follows = X509_check_issued(upper, lower) == X509_V_OK
            && X509_verify(lower, X509_get0_pubkey(upper)) == 1;
        if (!follows) facts->broken_at = i;
    }
    X509 *last = sk_X509_value(chain, facts->count - 1);
    name_text(X509_get_issuer_name(last), facts->last_issuer, sizeof facts->last_issuer);
    facts->is_anchored = X509_self_signed(last, 0) == 1 || is_trusted(last);
}

int convoy_certificate_examine(
    const char *certificates, size_t certificates_length, const char *key, size_t key_length, const char *host,
    convoy_certificate_facts *facts) {
    memset(facts, 0, sizeof *facts);
    ERR_clear_error();
    STACK_OF(X509) *chain = convoy_read_certificates(certificates, certificates_length);
    if (chain == NULL) return CONVOY_CERTIFICATE_UNREADABLE;
    X509 *leaf = sk_X509_value(chain, 0);
    name_text(X509_get_subject_name(leaf), facts->subject, sizeof facts->subject);
    facts->not_before = convoy_seconds(X509_get0_notBefore(leaf));
    facts->not_after = convoy_seconds(X509_get0_notAfter(leaf));
    facts->name_covered = X509_check_ip_asc(leaf, host, 0) == 1 || X509_check_host(leaf, host, 0, 0, NULL) == 1;
    look_at_chain(chain, facts);

    int result = CONVOY_CERTIFICATE_KEY_UNREADABLE;
    BIO *memory = BIO_new_mem_buf(key, (int)key_length);
    EVP_PKEY *private_key = memory == NULL ? NULL : PEM_read_bio_PrivateKey(memory, NULL, no_passphrase, NULL);
    if (private_key != NULL) {
        facts->key_matches = X509_check_private_key(leaf, private_key) == 1;
        result = CONVOY_CERTIFICATE_READ;
    }
    EVP_PKEY_free(private_key);
    BIO_free(memory);
    sk_X509_pop_free(chain, X509_free);
    ERR_clear_error();
    return result;
}

int convoy_certificate_count(const char *certificates, size_t length) {
    STACK_OF(X509) *found = convoy_read_certificates(certificates, length);
    int count = found == NULL ? 0 : sk_X509_num(found);
    sk_X509_pop_free(found, X509_free);
    return count;
}
