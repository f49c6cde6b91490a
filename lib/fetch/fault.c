/* SPDX-License-Identifier: Apache-2.0
 * curl's codes as the few facts that an operator tells apart. */
#include "fetch_priv.h"

/* OpenSSL's verdicts, which curl hands through as numbers; stable since OpenSSL 0.9. */
enum {
    VERDICT_OK = 0,
    VERDICT_UNSPECIFIED = 1, /* curl's value until OpenSSL's verdict is in */
    VERDICT_NOT_YET_VALID = 9,
    VERDICT_EXPIRED = 10,
    VERDICT_NAME = 62,
    VERDICT_IP = 64,
};

const char *fetch_fault_text(enum fetch_fault fault)
{
    static const char *const texts[] = {
        [FETCH_OK] = "success",
        [FETCH_STATUS] = "refused by the server",
        [FETCH_DNS] = "DNS failure",
        [FETCH_CONNECT] = "connect failure",
        [FETCH_TIMEOUT] = "no answer in time",
        [FETCH_TLS_UNTRUSTED] = "certificate not trusted",
        [FETCH_TLS_NAME] = "name mismatch",
        [FETCH_TLS_EXPIRED] = "certificate expired",
        [FETCH_TLS_OTHER] = "TLS failure",
        [FETCH_OWN_FILES] = "own certificate files not usable",
        [FETCH_BROKEN] = "connection broken",
        [FETCH_TOO_BIG] = "answer too big",
    };

    return texts[fault];
}

/* curl has one code for everything that is wrong with a certificate. A name that does not fit is
 * found by curl itself, after OpenSSL was content and before curl has noted that. */
static enum fetch_fault verification(const struct fetch *f)
{
    long verdict = VERDICT_OK;

    (void)curl_easy_getinfo(f->easy, CURLINFO_SSL_VERIFYRESULT, &verdict);
    switch (verdict) {
    case VERDICT_OK:
    case VERDICT_UNSPECIFIED:
    case VERDICT_NAME:
    case VERDICT_IP:
        return FETCH_TLS_NAME;
    case VERDICT_EXPIRED:
    case VERDICT_NOT_YET_VALID:
        return FETCH_TLS_EXPIRED;
    default:
        return FETCH_TLS_UNTRUSTED;
    }
}

static enum fetch_fault by_status(const struct fetch *f)
{
    long status = 0;

    (void)curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &status);
    return status >= 200 && status < 300 ? FETCH_OK : FETCH_STATUS;
}

enum fetch_fault fetch_fault_of(const struct fetch *f, CURLcode code)
{
    switch (code) {
    case CURLE_OK:
        return by_status(f);
    case CURLE_COULDNT_RESOLVE_HOST:
        return FETCH_DNS;
    case CURLE_COULDNT_CONNECT:
        return FETCH_CONNECT;
    case CURLE_OPERATION_TIMEDOUT:
        return FETCH_TIMEOUT;
    case CURLE_PEER_FAILED_VERIFICATION:
        return verification(f);
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
        return FETCH_OWN_FILES;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ISSUER_ERROR:
        return FETCH_TLS_OTHER;
    case CURLE_WRITE_ERROR:
        return f->too_big ? FETCH_TOO_BIG : FETCH_BROKEN;
    default:
        return FETCH_BROKEN;
    }
}
