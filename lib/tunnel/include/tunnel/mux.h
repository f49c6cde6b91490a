/* SPDX-License-Identifier: Apache-2.0
 * The streams of one zone connection: HTTP/2 (nghttp2) with the roles turned round. Sans-I/O: bytes
 * and time in, bytes and a deadline out.
 *
 * Flow control, so that one slow reader never stalls the others: the connection's credit is given
 * back when bytes arrive, a stream's when mux_stream_consumed() says that they have been handed on.
 * A stream starts with MUX_WINDOW and grows to MUX_WINDOW_MAX while it drains within two round
 * trips. What is held for all streams of a process is counted by a `mux_budget`; above it new
 * streams are refused and queues are kept short; at twice that streams which hold much are given up
 * (-EBUSY), at three times any. The connection never stalls.
 *
 * Streams of one connection take turns, at most MUX_FRAME bytes each.
 *
 * The first stream is the link's control stream: it is never refused for want of memory. */
#ifndef TUNNEL_MUX_H
#define TUNNEL_MUX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <base/attr.h>

struct mux;
struct mux_stream;

enum {
    MUX_WINDOW = 64 << 10,
    MUX_WINDOW_MAX = 256 << 10,
    MUX_FRAME = 16 << 10,
    MUX_STREAMS_MAX = 4096,     /* per connection */
    MUX_HEADERS_MAX = 16,
    MUX_HEADER_MAX = 512,       /* bytes of a name and its value */
    MUX_QUEUE_MAX = 64 << 10,   /* what a stream may have queued to send */
    MUX_PING_MS = 10000,
    MUX_PINGS_LOST = 2,         /* then it is dead; any byte counts as life */
    MUX_BUDGET = 64 << 20,      /* default of a process */
};

/* What all connections of a process may hold in memory for their streams. */
struct mux_budget {
    size_t max, used;
};

struct mux_header {
    const char *name, *value;
};

struct mux_ops {
    /* Serving end: a stream was opened. NULL for the opening end. Answer with mux_respond(), now or
     * later. `headers` has the pseudo-header fields as well (":method", ":authority"). */
    void (*on_stream)(void *arg, struct mux_stream *s, const struct mux_header *headers, size_t n);
    /* Opening end: the answer of a stream; status is that of `:status`. */
    void (*on_response)(void *arg, struct mux_stream *s, int status,
                        const struct mux_header *headers, size_t n);
    /* Bytes of a stream. Say mux_stream_consumed() when they have been handed on. */
    void (*on_data)(void *arg, struct mux_stream *s, const uint8_t *data, size_t len);
    /* The other end sends no more on this stream. */
    void (*on_eof)(void *arg, struct mux_stream *s);
    /* The queue of a stream has fallen below MUX_FRAME: more may be written. */
    void (*on_room)(void *arg, struct mux_stream *s);
    /* A stream has ended; it is freed afterwards. err 0: orderly, and all its bytes are consumed,
     * or the connection has gone since;
     * -ECANCELED mux_reset(); -ECONNRESET reset by the other end; -ECONNABORTED the connection is
     * gone; -EBUSY refused or given up over the budget of either end. */
    void (*on_stream_end)(void *arg, struct mux_stream *s, int err);
    /* A ping was answered. */
    void (*on_pong)(void *arg, int64_t rtt_us);
    /* The other end takes no new streams (GOAWAY). */
    void (*on_goaway)(void *arg);
};

/* Shape: `opens` is expe: it opens streams. Owner: the caller; the budget outlives it. */
struct mux *mux_new(bool opens, struct mux_budget *budget, const struct mux_ops *ops, void *arg);

/* Ends with on_stream_end(-ECONNABORTED) for each stream. */
void mux_free(struct mux **m);

/* Takes bytes of the connection. Calls back; the mux must not be freed inside.
 * Errors: -EPROTO, the connection is of no use any more. */
int mux_input(struct mux *m, const uint8_t *data, size_t len, int64_t now_us) MUST_USE;

/* Gives the next bytes to send, at most about MUX_FRAME; 0 when there is nothing. Valid until the
 * next call. Calls back on_room and on_stream_end; the mux must not be freed inside. */
size_t mux_output(struct mux *m, const uint8_t **data);

/* When mux_tick() wants to be called, at the latest. tick: -ETIMEDOUT the other end is dead;
 * -EPROTO it broke the protocol, and what tells it so has been given to mux_output(). */
int64_t mux_deadline_us(const struct mux *m);
int mux_tick(struct mux *m, int64_t now_us) MUST_USE;

/* Sends a ping now; on_pong says how long it took. */
void mux_ping(struct mux *m, int64_t now_us);

/* True while an answered ping, or an answer to it, is not older than two intervals. */
bool mux_is_proven(const struct mux *m, int64_t now_us);

/* Opens a stream.
 * Shape:  `headers` begins with the pseudo-header fields; of CONNECT these are ":method" and
 *         ":authority" alone (RFC 9113 s8.5).
 * Owner:  the mux, until on_stream_end.
 * Errors: NULL and `*err`: -ENOTCONN the other end takes no more; -EBUSY too many streams, or the
 *         budget is used up; -EINVAL too many or too long header fields, or not fit for one. */
struct mux_stream *mux_open(struct mux *m, const struct mux_header *headers, size_t n, int *err);

/* Answers a stream. With a status other than 200, or `end`, it ends with it. */
void mux_respond(struct mux_stream *s, int status, const struct mux_header *headers, size_t n,
                 bool end);

/* Queues bytes; they are copied. Returns what was taken: less than `len` when the queue is full
 * (MUX_QUEUE_MAX; MUX_FRAME while the budget is used up); on_room says when there is more.
 * Errors: -EPIPE after mux_end() or reset. */
ssize_t mux_write(struct mux_stream *s, const void *data, size_t len) MUST_USE;

/* No more bytes from here. */
void mux_end(struct mux_stream *s);

/* Ends a stream at once: what is queued is dropped. on_stream_end comes later. */
void mux_reset(struct mux_stream *s);

/* `len` bytes that on_data brought have been handed on: the other end may send as many. */
void mux_stream_consumed(struct mux_stream *s, size_t len);

void mux_stream_set(struct mux_stream *s, void *user);
void *mux_stream_user(const struct mux_stream *s);
int32_t mux_stream_id(const struct mux_stream *s);

/* No new streams from the other end; running ones go on. */
void mux_goaway(struct mux *m);

/* Streams that are open. */
size_t mux_streams(const struct mux *m);

#endif
