/* SPDX-License-Identifier: Apache-2.0
 * Looks at a TLS server as anybody sees it: one connection, one handshake, and what it presented.
 * As a rule nothing is believed: the caller judges the chain (pki_verify()). */
#ifndef TLS_PROBE_H
#define TLS_PROBE_H

#include <stdbool.h>

#include <uv.h>

#include <base/addr.h>
#include <base/attr.h>
#include <tls/stream.h>

struct tls_probe;

struct tls_probe_opts {
    struct addr to;
    const char *sni;   /* sent; NULL, or an address: none */
    int timeout_ms;    /* connection and handshake together */
    bool system_store; /* believe whom the system trusts; the handshake fails for all others */
};

enum tls_probe_stage {
    TLS_PROBE_TCP,  /* no connection: `err` */
    TLS_PROBE_TLS,  /* connected, no handshake: `text` */
    TLS_PROBE_DONE, /* `chain_pem` */
};

/* Valid for the callback. */
struct tls_probe_result {
    enum tls_probe_stage stage;
    int err;               /* TLS_PROBE_TCP: -ECONNREFUSED, -ETIMEDOUT, -EHOSTUNREACH, ... */
    enum tls_end end;      /* TLS_PROBE_TLS */
    const char *text;      /* one sentence for people; "" when the handshake is done */
    const char *chain_pem; /* leaf first, as it was sent; NULL unless done */
};

typedef void (*tls_probe_fn)(void *arg, const struct tls_probe_result *result);

/* Starts to look. `fn` is called once, from the loop, never from inside; the probe is gone then.
 * Owner: the probe ends itself with the answer, or by tls_probe_cancel(). */
struct tls_probe *tls_probe_start(uv_loop_t *loop, const struct tls_probe_opts *opts,
                                  tls_probe_fn fn, void *arg);

/* No answer comes. Sets `*p` to NULL; NULL is fine. */
void tls_probe_cancel(struct tls_probe **p);

#endif
