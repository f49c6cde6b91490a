/* SPDX-License-Identifier: Apache-2.0
 * Inside of the streams: what mux*.c share. */
#ifndef TUNNEL_MUX_PRIV_H
#define TUNNEL_MUX_PRIV_H

#include <nghttp2/nghttp2.h>

#include <base/list.h>
#include <tunnel/mux.h>

enum {
    /* Given back on receipt, so it bounds what is under way or unread in sockets: everything behind
     * waits for that. 2 MiB are 400 Mbit/s at 40 ms, and two sites are nearer than that. */
    MUX_CONNECTION_WINDOW = 2 << 20,
    MUX_QUEUE_KEEP = 16 << 10,        /* memory an empty queue may keep */
    MUX_CREDIT_PART = 8,              /* credit is given back in eighths of a window */
    MUX_PING_GRACE_MS = 5000,         /* how long the last of the lost pings is waited for */
    MUX_PINGS_OPEN = 4,               /* pings whose answer is still told from others */
    MUX_DRAIN_US = 20000, /* a window that drains within this needs no longer round trip */
    /* A browser that goes away is a reset: all streams of a connection may go at once, and twice,
     * before it looks like CVE-2023-44487. */
    MUX_RESET_BURST = 2 * MUX_STREAMS_MAX,
    MUX_RESET_RATE = 500, /* per second */
    MUX_ACKS_MAX = 128,   /* answers to pings and settings that wait to be sent */
    MUX_SETTINGS_MAX = 16,
    MUX_CONTINUATIONS = 4,
};

/* Bytes that wait to be sent: one piece of memory, taken from the front. */
struct mux_queue {
    uint8_t *mem;
    size_t at, len, cap;
};

void mux_queue_put(struct mux_queue *q, const void *data, size_t len);
size_t mux_queue_take(struct mux_queue *q, void *out, size_t cap);
void mux_queue_drop(struct mux_queue *q, size_t n);
void mux_queue_fini(struct mux_queue *q);

/* The header fields of a stream while they come in. */
struct mux_head {
    struct mux_header fields[MUX_HEADERS_MAX];
    size_t n;
    int status;
};

struct mux_stream {
    struct mux *mux;
    struct list all, room, end; /* in mux: streams, rooms, ended */
    int32_t id;
    void *user;
    struct mux_head *head;
    struct mux_queue out;
    size_t held;         /* came in, not consumed yet */
    size_t window;       /* what the other end may send without an answer */
    size_t credit;       /* consumed, not given back yet */
    size_t drained;      /* consumed since drained_us */
    int64_t drained_us;
    bool full;           /* to be refused for want of memory */
    bool hidden;         /* its user has not been told of it, and is not of its end */
    bool has_body;       /* our headers are submitted, our bytes may follow */
    bool deferred;       /* nghttp2 waits for bytes of ours */
    bool ends;           /* mux_end(): no more bytes after those in `out` */
    bool cut;            /* its end is ours alone to say: reset once our headers are out */
    bool reset;          /* mux_reset() */
    bool closed;         /* nghttp2 knows it no more */
    bool wants_room;
    int err;             /* of on_stream_end */
};

struct mux {
    bool opens;
    bool aborted;   /* mux_abort(): silent from now on */
    bool failed;    /* the other end broke the protocol */
    bool peer_away; /* it said GOAWAY */
    bool away;      /* we did */
    nghttp2_session *session;
    struct mux_budget *budget;
    struct mux_ops ops;
    void (*wake)(void *arg); /* something is to be sent, by a call from outside; may be NULL */
    void *arg;
    struct list streams, rooms, ended;
    size_t count;
    size_t credit; /* of the connection: came in, not given back yet */
    size_t dying; /* held by streams that are reset and go with the next output */
    int32_t last_id; /* of the streams that were opened; 1 is the control stream of a link, which is
                      * never refused for want of memory */
    int64_t now_us;
    bool pinged, ponged;
    int64_t ping_us; /* when the last ping went out */
    int64_t pong_us; /* when the last answer came */
    int64_t rtt_us;  /* the least so far; 0 unknown */
    unsigned lost;   /* pings sent since the last byte came in */
    uint64_t ping_id;
    struct {
        uint64_t id;
        int64_t sent_us;
    } pings[MUX_PINGS_OPEN];
};

/* The table of functions that nghttp2 calls. Owner: the caller, ends with nghttp2's _del(). */
nghttp2_session_callbacks *mux_callbacks(void);

struct mux_stream *mux_stream_new(struct mux *m, int32_t id);
void mux_stream_free(struct mux_stream *s);
void mux_head_free(struct mux_head **head);

void mux_wake(struct mux *m);

/* Tells rooms and ends that are due; never from inside nghttp2. */
void mux_tell(struct mux *m);

/* Counts bytes that came in; false when the process holds too much: the stream is then reset. */
bool mux_stream_hold(struct mux_stream *s, size_t len);

/* Ends all streams but one. */
void mux_reset_all(struct mux *m, const struct mux_stream *but);

/* nghttp2 has closed the stream. */
void mux_stream_closed(struct mux_stream *s, uint32_t code);

/* Ends all streams (on_stream_end, -ECONNABORTED) and calls nothing back from then on. May be
 * called from inside a call back; mux_free() follows later. */
void mux_abort(struct mux *m);

#endif
