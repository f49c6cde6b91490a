/* SPDX-License-Identifier: Apache-2.0
 * HTTP/1.1 requests to one URL, one at a time, over one kept connection.
 *
 *     struct fetch_opts o = { .url = "https://example.org/x", .timeout_ms = 5000, .arg = me };
 *     fetch_new(&f, loop, &o);
 *     fetch_start(f, NULL, on_done);    GET
 *     fetch_free(&f);
 *
 * No redirects, no proxies, no cookies, no environment variables. */
#ifndef FETCH_FETCH_H
#define FETCH_FETCH_H

#include <stdbool.h>
#include <stddef.h>

#include <uv.h>

#include <base/addr.h>
#include <base/attr.h>

struct fetch;

enum { FETCH_CA_FILES_MAX = 4, FETCH_CA_FILE_MAX_B = 1 << 20 };

/* What went wrong, as an operator would tell it apart. */
enum fetch_fault {
    FETCH_OK,
    FETCH_STATUS,        /* answered, with another status than 2xx */
    FETCH_DNS,           /* the name does not resolve */
    FETCH_CONNECT,       /* refused or unreachable */
    FETCH_TIMEOUT,       /* no answer before the deadline */
    FETCH_TLS_UNTRUSTED, /* the certificate leads to nobody whom the caller trusts */
    FETCH_TLS_NAME,      /* it is not made for the URL's name */
    FETCH_TLS_EXPIRED,   /* it, or one above it, is outside its time */
    FETCH_TLS_OTHER,     /* no TLS there, another version, ... */
    FETCH_OWN_FILES,     /* own certificate, key or CA files cannot be used */
    FETCH_BROKEN,        /* the connection ended before the answer was whole, or it is no HTTP */
    FETCH_TOO_BIG,       /* body above body_max */
};

/* One or two words: "connect failure". */
const char *fetch_fault_text(enum fetch_fault fault);

/* NULL and 0 are defaults. Strings are copied. */
struct fetch_opts {
    const char *url;
    const struct addr *connect_to; /* go there, whatever the URL's name resolves to; the certificate
                                      must be for the URL's name all the same */
    const char *ca_files[FETCH_CA_FILES_MAX]; /* PEM; those that exist are trusted */
    const char *ca_dir;            /* the system's store: "/etc/ssl/certs" */
    const char *cert_file, *key_file; /* own certificate (with chain) and key, PEM */
    bool own_optional;             /* while one of the two is missing, present none */
    int timeout_ms;                /* the whole request; default 10000 */
    size_t body_max;               /* bytes of an answer; default 64 KiB */

    /* Called with OpenSSL's SSL_CTX of each new connection; ALPN is then the callee's. */
    void (*on_ssl_ctx)(void *arg, void *ssl_ctx);
    /* The kept connection was closed by the other end while no request ran. */
    void (*on_closed)(void *arg);
    void *arg;
};

/* What to send; NULL to fetch_start() is a GET. */
struct fetch_request {
    const char *method;       /* NULL: GET, or POST with a body */
    const char *content_type; /* of the body */
    const void *body;         /* copied */
    size_t body_len;
};

/* Everything is valid for the callback only. */
struct fetch_result {
    enum fetch_fault fault;
    int status;       /* of HTTP; 0 when there was no answer */
    const char *why;  /* a detail for the log; "" when there is none */
    const char *body; /* ends in NUL beyond `len` */
    size_t len;
    bool fresh;       /* over a new connection */
    bool kept;        /* it is kept: on_closed tells of its end */
};

typedef void (*fetch_fn)(void *arg, const struct fetch_result *result);

/* Makes a handle; nothing is sent yet. Owner: the caller, fetch_free().
 * Errors: -EINVAL an option; -E2BIG a CA file is too long. */
int fetch_new(struct fetch **out, uv_loop_t *loop, const struct fetch_opts *opts) MUST_USE;

/* Drops connection and request; no callback comes afterwards. Sets `*f` to NULL; NULL is fine, also
 * inside a callback. The loop must turn once more for libuv to let go. */
void fetch_free(struct fetch **f);

/* Sends a request and calls `fn` once, from the loop, with the arg of the options.
 * Errors: -EBUSY one is under way; -EINVAL. */
int fetch_start(struct fetch *f, const struct fetch_request *request, fetch_fn fn) MUST_USE;

/* Ends connection and request silently; CA files are read again, own ones looked for. */
void fetch_drop(struct fetch *f);

bool fetch_busy(const struct fetch *f);

#endif
