/* SPDX-License-Identifier: Apache-2.0
 * Inside of a link: what link*.c share. Tests include it for the times alone. */
#ifndef TUNNEL_LINK_PRIV_H
#define TUNNEL_LINK_PRIV_H

#include <loop/timer.h>
#include <tls/stream.h>
#include <tunnel/link.h>

#include "frame.h"
#include "mux_priv.h"
#include "rows.h"

enum {
    LINK_CLOSE_MS = 2000, /* how long the last words may take */
    LINK_DRAIN_PONGS = 2, /* round trips after which no stream from before GOAWAY is on its way */
    LINK_OUT_MAX = 256 << 10, /* control bytes that wait: more than that is not read by anybody */
    LINK_OUT_ROWS = 64 << 10, /* beyond this, changes of rows wait in their table */
    LINK_REQUESTS_MAX = 64,   /* of the other end, unanswered */
    LINK_SKEW_MAX_S = 24 * 3600,
    LINK_TEXT_MAX = 400,
    LINK_NODE_MAX = 64,
    LINK_DOMAIN_MAX = 253, /* RFC 1035 s2.3.4 */
    LINK_HASH_MAX = 64,
    LINK_CA_CERTS_MAX = 4, /* of a Hello that pairs */
};

enum link_state {
    LINK_TLS,       /* the handshake */
    LINK_CONTROL,   /* expc: the edge opens the control stream */
    LINK_HELLO,     /* expe: Hello is due; expc: Challenge */
    LINK_PROOF,     /* expe: Proof is due; expc: Welcome */
    LINK_UP,
    LINK_CLOSING,   /* a last word is on its way */
    LINK_DOWN,
};

/* Set for tests before the first turn of the loop. */
struct tunnel_times {
    int hello_ms, alive_ms, ttl_ms, close_ms;
};

/* What a Hello said, until it is judged. */
struct link_hello {
    int64_t time_ms, came_ms; /* wall clocks of both ends */
    char *user, *peer_ca;
};

struct tunnel_link {
    uv_loop_t *loop;
    bool edge;
    enum link_state state;
    struct tls_stream *tls;
    struct tls_ctx *ctx;
    struct mux_budget *budget;
    struct mux *mux;
    struct mux_stream *control;
    struct tunnel_link_ops ops;
    void *arg;
    struct loop_timer *timer;
    struct tunnel_times times;

    int depth;         /* functions of ours on the stack that still touch the link */
    bool freed;        /* by its user while depth > 0 */
    bool soon;         /* the timer is set for the next turn */
    bool shut;         /* the TLS connection is being ended */
    bool draining;     /* tunnel_link_drain() */
    unsigned drain_pongs;
    bool peer_away;    /* the other end said GOAWAY */
    bool due_down;     /* on_down is due */
    enum tunnel_refusal why;
    char *text;

    /* own */
    char *node, *software, *peer_name, *user, *password, *own_ca, *config_hash;
    char **domains;    /* expc: to be said in Hello */
    size_t domain_count;
    uint8_t mask_key[32];

    /* the other end */
    struct tunnel_peer peer;
    char *peer_node, *peer_software, *peer_hash, *domain, **peer_domains;
    size_t peer_domain_count;
    char *zone;
    struct link_hello hello;
    struct scram_client *scram;
    struct scram_server *scram_edge;

    /* control stream */
    struct tunnel_inbox inbox;
    struct mux_queue out;
    unsigned requests; /* of the other end, unanswered */
    struct tunnel_rows *said, *heard;
    uint64_t said_seq, heard_seq;
    bool stale;        /* what was heard has been taken back */

    /* times, us of loop_now_us() */
    int64_t open_us, asked_us, rtt_us, up_us, alive_us, heard_us, deadline_us, drain_us;
};

/* ---- link.c ---- */

/* Each way into the link stands between the two: so it may be freed anywhere inside. leave() is the
 * last statement. on_down is told from the loop alone, and from a function that its user calls
 * nothing is told but by tunnel_link_flush(): what is due then waits for the next turn. */
enum link_way { LINK_LOOP, LINK_FLUSH, LINK_OWN_CALL };

void link_enter(struct tunnel_link *l);
void link_leave(struct tunnel_link *l, enum link_way way);

/* The end: at once, or after Refused has been sent. A second one does nothing. */
void link_fall(struct tunnel_link *l, enum tunnel_refusal why, const char *text);
void link_refuse(struct tunnel_link *l, enum tunnel_refusal why, const char *text);

/* True while there is somebody to call. */
bool link_live(const struct tunnel_link *l);

/* ---- link_control.c: frames ---- */

void link_say(struct tunnel_link *l, const Stoa__Zone__V1__Frame *f);
void link_control_input(struct tunnel_link *l, const uint8_t *data, size_t len);
/* Hands queued frames, and rows that have changed, to the control stream. */
void link_control_flush(struct tunnel_link *l);
/* Alive and the age of what was heard. */
void link_control_tick(struct tunnel_link *l, int64_t now_us);
int64_t link_control_deadline(const struct tunnel_link *l);
void link_up(struct tunnel_link *l, const char *const *denied, size_t n);

/* ---- link_streams.c ---- */

extern const struct mux_ops link_mux_ops;

/* ---- link_edge.c, link_inside.c: the introduction, of both ends ---- */

void link_edge_begin(struct tunnel_link *l);
void link_edge_hello(struct tunnel_link *l, const Stoa__Zone__V1__Frame *f);
void link_edge_proof(struct tunnel_link *l, const Stoa__Zone__V1__Frame *f);
void link_inside_begin(struct tunnel_link *l);
void link_inside_challenge(struct tunnel_link *l, const Stoa__Zone__V1__Frame *f);
void link_inside_welcome(struct tunnel_link *l, const Stoa__Zone__V1__Frame *f);

/* ---- judge.c ---- */

/* What an edge makes of the certificate of a zone's connection; TUNNEL_OK or the word, and a
 * sentence that names nothing of the own site but the configured names of the other end. */
enum tunnel_refusal link_judge(struct tunnel_link *l, const struct tunnel_zone *zone,
                               struct str *text);

/* "2026-11-26 04:10:11 UTC" */
void link_add_time(struct str *text, int64_t time_s);

#endif
