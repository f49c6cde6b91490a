/* SPDX-License-Identifier: Apache-2.0
 * One connection from a browser to 443, and its two ways on: into a tunnel, or to a TURN
 * instance. */
#ifndef EXPE_FRONT_H
#define EXPE_FRONT_H

#include <httphead/head.h>
#include <tls/stream.h>

#include "expe.h"

struct expe_pipe;
struct loop_dial;

enum front_state {
    FRONT_HANDSHAKE,
    FRONT_FIRST,   /* the first byte after TLS tells HTTP from TURN */
    FRONT_HEAD,
    FRONT_OPENING, /* a stream was opened, expc has not answered */
    FRONT_TUNNEL,
    FRONT_DIALLING,
    FRONT_TURN,
    FRONT_BYE,     /* our last bytes are on their way; what comes is thrown away */
};

struct front {
    struct expe_stream stream; /* first: it is what a stream's user pointer points to */
    struct list node;
    struct expe *e;
    struct expe_source *source;
    uint64_t number;
    struct addr peer;
    char from[ADDR_TEXT_MAX];
    struct tls_stream *tls;
    struct loop_timer *timer;
    enum front_state state;
    bool peer_ended;           /* the browser sends no more */
    bool shut;                 /* nor do we */
    uint8_t *in;               /* of the browser, not handed on yet: head, or what had no room */
    size_t in_len;
    size_t thrown;             /* bytes thrown away in FRONT_BYE */
    size_t tail;               /* what was queued at the last look at the end */
    struct httphead req;

    /* tunnel.c */
    char id[64];               /* "<node>/<number>": the other end's log has it, too */
    unsigned tries;
    size_t owed;               /* bytes of the stream that the browser's socket has not taken */
    int64_t taken_ms;          /* when it last took some, or the first of these came */

    /* turn.c */
    struct loop_dial *dial;
    struct expe_pipe *pipe;
    struct addr turn;
    char instances[EXPE_OPEN_TRIES][64];
    unsigned n_instances;
};

/* --- front.c ---------------------------------------------------------------------------------- */

/* Ends it now. */
void front_free(struct front *f);

/* Answers with a page of ours and ends. `why` goes into the log, as it is, with the page's id. */
void front_page(struct front *f, int status, const char *reason, const char *why);

/* Keeps bytes of the browser for later. Errors: -E2BIG. */
int front_keep(struct front *f, const uint8_t *data, size_t len) MUST_USE;

/* Forgets the first `n` bytes that were kept. */
void front_took(struct front *f, size_t n);

/* No more bytes to the browser: what is queued, then the end. It has time to take them. */
void front_finish(struct front *f);

/* --- tunnel.c --------------------------------------------------------------------------------- */

/* The head is there and its Host is one of ours. */
void front_tunnel_open(struct front *f);
void front_tunnel_data(struct front *f, const uint8_t *data, size_t len);
void front_tunnel_room(struct front *f);
void front_tunnel_eof(struct front *f);

/* True when a browser has taken nothing for so long although something waits for it. */
bool front_tunnel_stalls(const struct front *f, int64_t now_ms, int64_t longest_ms);

/* --- turn.c ----------------------------------------------------------------------------------- */

void front_turn_open(struct front *f);
void front_turn_data(struct front *f, const uint8_t *data, size_t len);
void front_turn_room(struct front *f);
void front_turn_eof(struct front *f);
void front_turn_close(struct front *f);

#endif
