/* SPDX-License-Identifier: Apache-2.0
 * Inside of the client: its data, and what its files offer each other. */
#ifndef TURNC_PRIV_H
#define TURNC_PRIV_H

#include <turnc/turnc.h>

#include <base/list.h>
#include <base/map.h>
#include <stun/attr.h>
#include <stun/integrity.h>
#include <stun/msg.h>

#define MS_US INT64_C(1000)
#define SEC_US INT64_C(1000000)

#define RTO_US (200 * MS_US) /* RFC 8489 s6.2.1 proposes 500; the server is near */
#define RTO_MAX_US (1600 * MS_US)
#define GIVE_UP_US (3 * SEC_US)   /* of an Allocate: DESIGN section 4, step 7 */
#define PATIENCE_US (8 * SEC_US)  /* of any other request */
#define LIFETIME_S 600            /* RFC 8656 s3.2 */
#define LIFETIME_MIN_S 20         /* what a server gives is taken within these bounds */
#define LIFETIME_MAX_S 3600
#define REFRESH_AGAIN_US (10 * SEC_US) /* after a refusal that is not final */
#define PERM_LIFE_US (300 * SEC_US)    /* RFC 8656 s9 */
#define PERM_REFRESH_US (240 * SEC_US)
#define CHAN_LIFE_US (600 * SEC_US)    /* RFC 8656 s12 */
#define CHAN_REFRESH_US (480 * SEC_US)
#define CHAN_REST_US (300 * SEC_US)    /* RFC 8656 s12: before a number names another peer */
#define CHAN_AGAIN_US (60 * SEC_US)    /* after a refused ChannelBind */
#define IDLE_US (60 * SEC_US)          /* a channel unused for so long is not refreshed */
#define FORBIDDEN_US (60 * SEC_US)     /* a refused address is not asked for again */
#define REFUSED_US (5 * SEC_US)        /* the same when the refusal is not about the address */
#define KEEPALIVE_US (15 * SEC_US)     /* firewalls forget a UDP flow after 30 s */
#define QUIET_US (500 * MS_US)         /* sent to, and not heard from: is it there? */
#define PROBE_US (TURNC_PROBE_MS * MS_US)

enum {
    HOSTS_MAX = 4096,  /* IP addresses with a permission, or refused */
    OPEN_MAX = 32,     /* requests under way; the first is the allocation's own */
    HEAD_LEN = 4,      /* of ChannelData */
    CHANNELS = STUN_CHANNEL_MAX - STUN_CHANNEL_MIN + 1,
};

/* An IP address of peers, and its permission. */
enum host_state {
    HOST_WAITING,   /* for its request to be sent, in t->asking */
    HOST_ASKED,     /* request under way */
    HOST_GRANTED,   /* in t->granted, by refresh_us */
    HOST_FORBIDDEN, /* in t->forbidden, by until_us */
};

struct host {
    struct list node;  /* of the list that its state names; HOST_ASKED: of none */
    struct list chans; /* struct chan.of_host */
    struct addr ip;    /* port 0 */
    enum host_state state;
    int64_t sent_us;    /* last datagram to it */
    int64_t refresh_us; /* granted: when to ask again */
    int64_t until_us;   /* end of the permission (also while asked for again), or of refusal */
    struct addr wait_to;
    void *wait; /* one datagram that waits for the permission; NULL: none */
    size_t wait_len;
};

enum chan_state {
    CHAN_WAITING, /* for its request to be sent, in t->binding */
    CHAN_ASKED,
    CHAN_BOUND,   /* in t->bound, by refresh_us */
    CHAN_RESTING, /* not refreshed, or refused; in t->resting, by free_us */
};

struct chan {
    struct list node;
    struct list of_host;
    struct host *host; /* NULL: its permission has lapsed */
    struct addr peer;
    uint16_t number;
    enum chan_state state;
    int64_t sent_us;
    int64_t refresh_us;
    int64_t until_us; /* the server knows it as long */
    int64_t again_us; /* resting: not asked for before */
    int64_t free_us;  /* resting: then the number may name another */
};

enum request_kind { REQ_NONE, REQ_ALLOCATE, REQ_REFRESH, REQ_PERMIT, REQ_BIND, REQ_KINDS };

struct request {
    enum request_kind kind; /* REQ_NONE: the place is free */
    bool signed_; /* credentials were sent along */
    bool renewed; /* the nonce was stale once already */
    unsigned tries;
    int64_t sent_us; /* first transmission */
    int64_t next_us;
    int64_t end_us;  /* given up */
    struct host *host;
    struct chan *chan;
    uint8_t txid[STUN_TXID_LEN];
};

struct turnc {
    struct turnc_opts opts;
    char username[TURNC_NAME_MAX];
    char *password;
    enum turnc_state state, told;
    enum turnc_failure failure;
    uint16_t code;

    bool has_key; /* realm, nonce and key are known */
    char realm[TURNC_NAME_MAX];
    uint8_t nonce[STUN_NONCE_MAX];
    size_t nonce_len;
    uint8_t key[STUN_LONGTERM_KEY_LEN];

    struct addr relayed, mapped;
    int64_t rtt_us;
    int64_t refresh_us, until_us; /* of the allocation */
    struct request reqs[OPEN_MAX];

    struct map *by_ip;   /* struct addr with port 0 -> struct host */
    struct map *by_peer; /* struct addr -> struct chan */
    struct list asking, granted, forbidden;
    struct list binding, bound, resting;
    struct chan *channels[CHANNELS];
    size_t n_channels, next_channel;

    int64_t sent_us;       /* last transmission */
    int64_t unanswered_us; /* first transmission since the server was heard; 0 none */
    unsigned probes;       /* sent without an answer */
    int64_t probe_us;      /* next one; INT64_MAX: not probing */
    uint8_t probe_txid[STUN_TXID_LEN];

    uint8_t frame[TURNC_FRAME_MAX]; /* stream: what has come of the next frame */
    size_t frame_len;
    int64_t deadline_us;
    struct turnc_stats stats;
};

/* turnc.c */
/* Ends the allocation, or the attempt. */
void turnc_end(struct turnc *t, enum turnc_failure why, uint16_t code);
void turnc_transmit(struct turnc *t, int64_t now_us, const void *head, size_t head_len,
                    const void *body, size_t body_len);
/* Something came from the server. */
void turnc_heard(struct turnc *t);
void turnc_ready(struct turnc *t);

/* request.c */
/* Returns false when too many are under way. */
bool turnc_request(struct turnc *t, int64_t now_us, enum request_kind kind, struct host *host,
                   struct chan *chan);
void turnc_request_timeout(struct turnc *t, int64_t now_us);
/* Sends a Refresh as a probe: a server that has forgotten us answers it, but with 437. The same
 * transaction again, or a new one. */
void turnc_request_probe(struct turnc *t, int64_t now_us, bool new);
/* Writes the Refresh that gives the allocation back. */
void turnc_request_release(struct turnc *t, int64_t now_us);
/* Takes a response. Errors: as turnc_input(). */
int turnc_request_response(struct turnc *t, int64_t now_us, const struct stun_msg *m);

/* host.c */
/* Finds or makes the host of a peer; NULL when there are too many. A new one asks for its
 * permission. */
struct host *turnc_host(struct turnc *t, int64_t now_us, const struct addr *peer);
void turnc_host_ask(struct turnc *t, int64_t now_us, struct host *h);
/* The answer to its request: 0, an error code, or -1 for none. */
void turnc_host_done(struct turnc *t, int64_t now_us, struct host *h, int code);
void turnc_host_keep(struct host *h, const struct addr *peer, const void *data, size_t len);
void turnc_host_timeout(struct turnc *t, int64_t now_us);
void turnc_host_clear(struct turnc *t);

/* chan.c */
/* Asks for a channel, or for the one there was; does nothing when there is none left. */
void turnc_chan_want(struct turnc *t, int64_t now_us, struct host *h, const struct addr *peer);
void turnc_chan_ask(struct turnc *t, int64_t now_us, struct chan *c);
void turnc_chan_done(struct turnc *t, int64_t now_us, struct chan *c, int code);
void turnc_chan_timeout(struct turnc *t, int64_t now_us);
void turnc_chan_clear(struct turnc *t);

/* input.c */
bool turnc_input_is_channel(const void *data, size_t len);
int turnc_input_frame(struct turnc *t, int64_t now_us, void *data, size_t len);
int turnc_input_stream(struct turnc *t, int64_t now_us, const uint8_t *data, size_t len);

/* send.c */
void turnc_send_indication(struct turnc *t, int64_t now_us, const struct addr *peer,
                           const void *data, size_t len);

#endif
