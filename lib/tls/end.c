/* SPDX-License-Identifier: Apache-2.0
 * Why a connection ended: OpenSSL's reasons, a few hundred, put into the few that an operator acts on. */
#include "tls_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include <base/str.h>

void tls_must(long ok, const char *what)
{
    if (ok == 1)
        return;
    fprintf(stderr, "tls: OpenSSL failed: %s: %s\n", what, tls_error());
    abort();
}

const char *tls_error(void)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;

    ERR_clear_error();
    return reason ? reason : "unknown";
}

/* What our side makes of bytes that are no TLS, or not this one. */
static const int garbage[] = {
    SSL_R_WRONG_VERSION_NUMBER, SSL_R_WRONG_SSL_VERSION, SSL_R_HTTP_REQUEST, SSL_R_HTTPS_PROXY_REQUEST,
    SSL_R_PACKET_LENGTH_TOO_LONG, SSL_R_ENCRYPTED_LENGTH_TOO_LONG, SSL_R_DATA_LENGTH_TOO_LONG,
    SSL_R_LENGTH_MISMATCH, SSL_R_LENGTH_TOO_SHORT, SSL_R_LENGTH_TOO_LONG, SSL_R_RECORD_LENGTH_MISMATCH,
    SSL_R_RECORD_TOO_SMALL, SSL_R_BAD_RECORD_TYPE, SSL_R_UNEXPECTED_MESSAGE, SSL_R_UNEXPECTED_RECORD,
    SSL_R_BAD_EXTENSION, SSL_R_BAD_PACKET, SSL_R_BAD_LENGTH, SSL_R_EXCESSIVE_MESSAGE_SIZE,
    SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC, SSL_R_UNKNOWN_ALERT_TYPE,
    SSL_R_BAD_HELLO_REQUEST, SSL_R_UNEXPECTED_CCS_MESSAGE,
    SSL_R_INVALID_CCS_MESSAGE, SSL_R_CCS_RECEIVED_EARLY, SSL_R_BAD_CHANGE_CIPHER_SPEC,
};

static bool is_garbage(int reason)
{
    for (size_t i = 0; i < ARRAY_LEN(garbage); i++)
        if (garbage[i] == reason)
            return true;
    return false;
}

/* The sentence is the verifier's where it gave one. */
static enum tls_end of_certificate(const struct tls_failure *f, struct str *text)
{
    long code = SSL_get_verify_result(f->ssl);

    str_add(text, f->why ? f->why : X509_verify_cert_error_string(code));
    switch (code) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return TLS_END_NAME;
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return TLS_END_EXPIRED;
    default:
        return TLS_END_CHAIN;
    }
}

static enum tls_end of_alert(int alert, struct str *text)
{
    str_addf(text, "the other end refuses: alert %d (%s)", alert, SSL_alert_desc_string_long(alert));
    return alert == SSL_AD_NO_APPLICATION_PROTOCOL ? TLS_END_ALPN : TLS_END_ALERT;
}

static enum tls_end of_protocol(const struct tls_failure *f, unsigned long code, struct str *text)
{
    int reason = ERR_GET_REASON(code);

    if (reason == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
        str_addf(text, "the connection was cut%s", f->handshake ? " in the handshake" : "");
        return TLS_END_CUT;
    }
    if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED)
        return of_certificate(f, text);
    if (reason == SSL_R_NO_APPLICATION_PROTOCOL || f->no_protocol) {
        str_add(text, "no protocol in common (ALPN)");
        return TLS_END_ALPN;
    }
    if (reason > SSL_AD_REASON_OFFSET && reason <= SSL_AD_REASON_OFFSET + 255)
        return of_alert(reason - SSL_AD_REASON_OFFSET, text);
    str_addf(text, "%s: %s", is_garbage(reason) ? "this is not TLS" : "TLS failed",
             ERR_reason_error_string(code) ? ERR_reason_error_string(code) : "unknown");
    return is_garbage(reason) ? TLS_END_GARBAGE : TLS_END_OTHER;
}

enum tls_end tls_end_of(const struct tls_failure *f, int *err, struct str *text)
{
    /* The first one is the cause; what follows are those who heard of it. */
    unsigned long code = ERR_peek_error();
    enum tls_end end;

    *err = 0;
    if (f->result == SSL_ERROR_SSL && code) {
        end = of_protocol(f, code, text);
    } else if (f->sock->err) {
        *err = f->sock->err;
        str_addf(text, "the connection failed: %s", strerror(-f->sock->err));
        end = TLS_END_SOCKET;
    } else if (f->sock->eof) {
        str_addf(text, "the connection was cut%s", f->handshake ? " in the handshake" : "");
        end = TLS_END_CUT;
    } else {
        str_addf(text, "TLS failed: %s", tls_error());
        end = TLS_END_OTHER;
    }
    ERR_clear_error();
    return end;
}
