/* SPDX-License-Identifier: Apache-2.0
 * A connection to a web bridge: TCP, the PROXY header in the clear, verified TLS. What comes
 * afterwards are plain bytes. One object from the first packet to the last. */
#ifndef EXPC_REACH_H
#define EXPC_REACH_H

#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include <base/addr.h>
#include <base/attr.h>
#include <proxy2/proxy2.h>
#include <tls/ctx.h>

struct reach;

/* Why there is none, or none any more. */
enum reach_end {
    REACH_CLOSED,      /* after it was open: the web bridge has ended it */
    REACH_CUT,         /* after it was open: reset, or a machine that is gone */
    REACH_CONNECT,     /* no TCP, or it ended in the handshake */
    REACH_CERTIFICATE, /* of no CA that counts, or not valid now */
    REACH_NAME,        /* made for other names */
    REACH_TIMEOUT,
};

/* "closed", "cut", "connect", "certificate", "name", "timeout". */
const char *reach_word(enum reach_end end);

struct reach_ops {
    void (*on_open)(void *arg);
    void (*on_data)(void *arg, const uint8_t *data, size_t len);
    void (*on_room)(void *arg); /* NULL: nothing to do; the same below */
    void (*on_eof)(void *arg);  /* the web bridge sends no more */
    /* The last call. `text` is one sentence without final stop. */
    void (*on_end)(void *arg, enum reach_end end, const char *text);
};

struct reach_opts {
    uv_loop_t *loop;
    struct tls_ctx *ctx;
    const char *name;      /* the certificate must be made for it */
    struct addr to;
    struct proxy2 header;  /* server address: filled in here */
};

/* Begins; nothing is called back from inside. The struct at *opts may end with the call.
 * Owner: the caller, ends with reach_free(), also from any callback. */
struct reach *reach_new(const struct reach_opts *opts, const struct reach_ops *ops, void *arg);

/* Ends at once and silently; sets `*r` to NULL. NULL is fine. */
void reach_free(struct reach **r);

/* As of a tls_stream, after on_open. */
int reach_write(struct reach *r, const void *data, size_t len) MUST_USE;
size_t reach_queued(const struct reach *r);
void reach_pause(struct reach *r);
void reach_resume(struct reach *r);
void reach_shutdown(struct reach *r);

#endif
