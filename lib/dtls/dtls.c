/* SPDX-License-Identifier: Apache-2.0
 * One association: drives OpenSSL with datagrams and time, checks the fingerprint, gives the keys.
 * RFC 6347, RFC 5764, RFC 8827 s6.5. */
#include "dtls_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include <openssl/err.h>

#include <base/mem.h>
#include <evp/util.h>

#define RETRY_FIRST_US 200000 /* RFC 9147 s5.8.1 allows it; a spurious one does no harm */
#define RETRY_MAX_US 3000000
#define EXPORT_LABEL "EXTRACTOR-dtls_srtp" /* RFC 5764 s4.2 */

static const struct {
    uint16_t id;
    uint8_t key_size, salt_size;
} profiles[] = {
    { 0x0001, 16, 14 }, /* SRTP_AES128_CM_HMAC_SHA1_80 */
    { 0x0007, 16, 12 }, /* SRTP_AEAD_AES_128_GCM */
    { 0x0008, 32, 12 }, /* SRTP_AEAD_AES_256_GCM */
};

bool dtls_is_packet(const void *data, size_t len)
{
    const uint8_t *p = data;

    return len > 0 && p[0] >= 20 && p[0] <= 63;
}

static unsigned retry_after(SSL *ssl, unsigned last_us)
{
    (void)ssl;
    return last_us ? MIN(last_us * 2, RETRY_MAX_US) : RETRY_FIRST_US;
}

struct dtls *dtls_new(struct dtls_ctx *ctx, enum dtls_role role, const struct dtls_ops *ops,
                      void *arg)
{
    struct dtls *d = MEM_NEW(struct dtls);
    BIO *bio;

    d->ctx = ctx;
    d->ops = ops;
    d->arg = arg;
    d->role_active = role == DTLS_ACTIVE;
    d->give_up_us = d->retry_us = DTLS_NEVER;
    d->ssl = SSL_new(ctx->ssl_ctx);
    if (!d->ssl)
        dtls_ctx_die("SSL");
    SSL_set_app_data(d->ssl, d);
    bio = dtls_bio_new(d);
    SSL_set_bio(d->ssl, bio, bio);
    SSL_set_mtu(d->ssl, DTLS_MTU);
    DTLS_set_timer_cb(d->ssl, retry_after);
    if (d->role_active)
        SSL_set_connect_state(d->ssl);
    else
        SSL_set_accept_state(d->ssl);
    return d;
}

void dtls_free(struct dtls *d)
{
    if (!d)
        return;
    SSL_free(d->ssl);
    free(d->out);
    free(d);
}

/* Ends the association; the caller returns at once, for the callback may have freed it. */
static void fail(struct dtls *d, int err, const char *why)
{
    dtls_bio_flush(d); /* the alert for the peer */
    d->state = STATE_ENDED;
    d->give_up_us = d->retry_us = DTLS_NEVER;
    d->ops->on_failed(err, why, d->arg);
}

static void say_goodbye(struct dtls *d)
{
    ERR_clear_error();
    if (SSL_alloc_buffers(d->ssl) != 1)
        dtls_ctx_die("buffers");
    SSL_shutdown(d->ssl);
}

static size_t profile_of(const struct dtls *d)
{
    const SRTP_PROTECTION_PROFILE *chosen = SSL_get_selected_srtp_profile(d->ssl);
    size_t i = 0;

    while (i < ARRAY_LEN(profiles) && (!chosen || profiles[i].id != chosen->id))
        i++;
    return i;
}

/* Compares the peer's certificate with the SDP, now that both may be known. */
static void prove(struct dtls *d)
{
    if (d->state != STATE_UNPROVED || !d->fingerprint_count)
        return;
    if (!dtls_fingerprint_matches(d, SSL_get0_peer_certificate(d->ssl))) {
        say_goodbye(d);
        fail(d, -EACCES, "the peer's certificate is not the one its description announced");
        return;
    }
    d->state = STATE_CONNECTED;
    d->give_up_us = DTLS_NEVER;
    d->ops->on_connected(d->arg);
}

static void handshake_failed(struct dtls *d)
{
    unsigned long code = ERR_peek_error();
    const char *reason = ERR_reason_error_string(code);
    char why[160];

    if (d->mismatch) {
        fail(d, -EACCES, "the peer's certificate is not the one its description announced");
        return;
    }
    if (ERR_GET_REASON(code) == SSL_R_READ_TIMEOUT_EXPIRED) {
        fail(d, -ETIMEDOUT, "the peer stopped answering in the DTLS handshake");
        return;
    }
    snprintf(why, sizeof(why), "DTLS handshake failed: %s", reason ? reason : "closed by the peer");
    ERR_clear_error();
    fail(d, -EPROTO, why);
}

/* Asks OpenSSL when it wants to be called again. */
static void schedule(struct dtls *d, int64_t now_us)
{
    struct timeval left;

    d->retry_us = DTLS_NEVER;
    if (d->state == STATE_HANDSHAKE && DTLSv1_get_timeout(d->ssl, &left) == 1)
        d->retry_us = now_us + MIN((int64_t)left.tv_sec * 1000000 + left.tv_usec, RETRY_MAX_US);
}

/* Lets OpenSSL work on what came in. */
static void handshake(struct dtls *d, int64_t now_us)
{
    int ret;

    ERR_clear_error();
    ret = SSL_do_handshake(d->ssl);
    if (ret != 1 && SSL_get_error(d->ssl, ret) == SSL_ERROR_WANT_READ) {
        schedule(d, now_us);
        dtls_bio_flush(d);
        return;
    }
    if (ret != 1) {
        handshake_failed(d);
        return;
    }
    if (profile_of(d) == ARRAY_LEN(profiles)) {
        say_goodbye(d);
        fail(d, -EPROTO, "no SRTP profile in common");
        return;
    }
    dtls_bio_flush(d);
    SSL_free_buffers(d->ssl);
    d->state = STATE_UNPROVED;
    d->retry_us = DTLS_NEVER;
    prove(d);
}

/* After the handshake only alerts and retransmitted handshake records matter. Such datagrams are
 * rare: OpenSSL's two buffers of 16 KiB live for the call alone (74 -> 41 KiB per association). */
static void drain(struct dtls *d)
{
    uint8_t dropped[256];
    int ret;

    ERR_clear_error();
    if (SSL_alloc_buffers(d->ssl) != 1)
        dtls_ctx_die("buffers");
    do
        ret = SSL_read(d->ssl, dropped, sizeof(dropped));
    while (ret > 0);
    ret = SSL_get_error(d->ssl, ret);
    dtls_bio_flush(d); /* the last flight again, when the peer missed it */
    SSL_free_buffers(d->ssl);
    ERR_clear_error();
    if (ret != SSL_ERROR_ZERO_RETURN && ret != SSL_ERROR_SSL)
        return;
    if (d->state == STATE_UNPROVED) {
        fail(d, -EPROTO, "the peer closed the association before its fingerprint was known");
        return;
    }
    d->state = STATE_ENDED;
    d->ops->on_closed(d->arg);
}

void dtls_start(struct dtls *d, int64_t now_us)
{
    if (d->started || d->state != STATE_HANDSHAKE)
        return;
    d->started = true;
    d->give_up_us = now_us + DTLS_HANDSHAKE_MAX_S * INT64_C(1000000);
    if (!d->role_active)
        return;
    if (SSL_do_handshake(d->ssl) != -1)
        dtls_ctx_die("ClientHello");
    schedule(d, now_us);
    dtls_bio_flush(d);
}

void dtls_input(struct dtls *d, int64_t now_us, const void *data, size_t len)
{
    if (d->state == STATE_ENDED || !dtls_is_packet(data, len))
        return;
    if (!d->started)
        dtls_start(d, now_us);
    d->in = data;
    d->in_len = len;
    if (d->state == STATE_HANDSHAKE)
        handshake(d, now_us);
    else
        drain(d);
}

int64_t dtls_deadline(const struct dtls *d)
{
    return MIN(d->give_up_us, d->retry_us);
}

void dtls_timeout(struct dtls *d, int64_t now_us)
{
    long ret;

    if (d->state == STATE_ENDED)
        return;
    if (now_us >= d->give_up_us) {
        fail(d, -ETIMEDOUT, d->state == STATE_UNPROVED ?
             "the peer's fingerprint did not come" : "the DTLS handshake did not end in time");
        return;
    }
    if (now_us < d->retry_us)
        return;
    ERR_clear_error();
    ret = DTLSv1_handle_timeout(d->ssl); /* 0: by OpenSSL's clock it is too early */
    if (ret < 0) {
        handshake_failed(d);
        return;
    }
    schedule(d, now_us);
    dtls_bio_flush(d);
}

int dtls_set_fingerprint(struct dtls *d, const char *hash, const char *text)
{
    int err = dtls_fingerprint_add(d, hash, text);

    if (!err)
        prove(d);
    return err;
}

bool dtls_is_connected(const struct dtls *d)
{
    return d->state == STATE_CONNECTED;
}

int dtls_srtp_keys(const struct dtls *d, struct dtls_srtp_keys *out)
{
    uint8_t block[2 * DTLS_MASTER_SIZE_MAX], *client = out->local, *server = out->remote;
    size_t i, key, salt;

    if (d->state != STATE_CONNECTED)
        return -EAGAIN;
    i = profile_of(d);
    key = profiles[i].key_size;
    salt = profiles[i].salt_size;
    if (SSL_export_keying_material(d->ssl, block, 2 * (key + salt), EXPORT_LABEL,
                                   strlen(EXPORT_LABEL), NULL, 0, 0) != 1)
        dtls_ctx_die("exporter");
    memset(out, 0, sizeof(*out));
    out->profile = profiles[i].id;
    if (!d->role_active) {
        client = out->remote;
        server = out->local;
    }
    /* RFC 5764 s4.2: client key, server key, client salt, server salt */
    memcpy(client, block, key);
    memcpy(server, block + key, key);
    memcpy(client + key, block + 2 * key, salt);
    memcpy(server + key, block + 2 * key + salt, salt);
    evp_wipe(block, sizeof(block));
    return 0;
}

void dtls_close(struct dtls *d)
{
    if (d->state == STATE_UNPROVED || d->state == STATE_CONNECTED) {
        say_goodbye(d);
        dtls_bio_flush(d);
        ERR_clear_error();
    }
    d->state = STATE_ENDED;
    d->give_up_us = d->retry_us = DTLS_NEVER;
}
