#include "COpenSSL.h"
#include "certificates.h"

#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <string.h>

// The issuer's file may be missing from the chain (a server directly below a root): then the serial number
// has to do, and the signature can't be judged.
static int is_about(OCSP_SINGLERESP *single, X509 *leaf, X509 *issuer) {
    ASN1_OCTET_STRING *name_hash = NULL, *key_hash = NULL;
    ASN1_OBJECT *algorithm = NULL;
    ASN1_INTEGER *serial = NULL;
    OCSP_CERTID *said = (OCSP_CERTID *)OCSP_SINGLERESP_get0_id(single);
    if (OCSP_id_get0_info(&name_hash, &algorithm, &key_hash, &serial, said) != 1) return 0;
    if (issuer == NULL) return ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(leaf)) == 0;
    const EVP_MD *digest = EVP_get_digestbyobj(algorithm);
    OCSP_CERTID *wanted = digest == NULL ? NULL : OCSP_cert_to_id(digest, leaf, issuer);
    int equal = wanted != NULL && OCSP_id_cmp(wanted, said) == 0;
    OCSP_CERTID_free(wanted);
    return equal;
}

static int is_signed(OCSP_BASICRESP *basic, X509 *issuer) {
    if (issuer == NULL) return -1;
    STACK_OF(X509) *others = sk_X509_new_null();
    X509_STORE *store = X509_STORE_new();
    int result = 0;
    // The issuer alone is trusted: it signed, or whomever it gave a certificate for OCSP signing did.
    if (others != NULL && store != NULL && sk_X509_push(others, issuer) > 0
        && X509_STORE_add_cert(store, issuer) == 1
        && X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN) == 1) {
        result = OCSP_basic_verify(basic, others, store, OCSP_TRUSTOTHER) == 1;
    }
    X509_STORE_free(store);
    sk_X509_free(others);
    return result;
}

static void look_at_status(OCSP_BASICRESP *basic, X509 *leaf, X509 *issuer, convoy_stapling_facts *facts) {
    for (int i = 0; i < OCSP_resp_count(basic) && !facts->is_about_certificate; i++) {
        OCSP_SINGLERESP *single = OCSP_resp_get0(basic, i);
        if (!is_about(single, leaf, issuer)) continue;
        ASN1_GENERALIZEDTIME *this_update = NULL, *next_update = NULL;
        facts->is_about_certificate = 1;
        facts->certificate_status = OCSP_single_get0_status(single, NULL, NULL, &this_update, &next_update);
        facts->this_update = this_update == NULL ? 0 : convoy_seconds(this_update);
        facts->next_update = next_update == NULL ? 0 : convoy_seconds(next_update);
    }
}

int convoy_stapling_examine(
    const unsigned char *response, size_t response_length, const char *certificates, size_t certificates_length,
    convoy_stapling_facts *facts) {
    memset(facts, 0, sizeof *facts);
    STACK_OF(X509) *chain = convoy_read_certificates(certificates, certificates_length);
    if (chain == NULL) return CONVOY_CERTIFICATE_UNREADABLE;
    const unsigned char *place = response;
    OCSP_RESPONSE *whole = d2i_OCSP_RESPONSE(NULL, &place, (long)response_length);
    int result = CONVOY_STAPLING_UNREADABLE;
    // What follows the response would be sent to clients too.
    if (whole != NULL && place == response + response_length) {
        facts->response_status = OCSP_response_status(whole);
        strncpy(facts->excuse, OCSP_response_status_str(facts->response_status), sizeof facts->excuse - 1);
        OCSP_BASICRESP *basic = facts->response_status == 0 ? OCSP_response_get1_basic(whole) : NULL;
        if (basic != NULL) {
            X509 *leaf = sk_X509_value(chain, 0), *issuer = sk_X509_value(chain, 1);
            // A certificate that issued itself says so about itself.
            if (issuer == NULL && X509_self_signed(leaf, 0) == 1) issuer = leaf;
            look_at_status(basic, leaf, issuer, facts);
            facts->is_signed = is_signed(basic, issuer);
        }
        if (basic != NULL || facts->response_status != 0) result = CONVOY_CERTIFICATE_READ;
        OCSP_BASICRESP_free(basic);
    }
    OCSP_RESPONSE_free(whole);
    sk_X509_pop_free(chain, X509_free);
    ERR_clear_error();
    return result;
}
