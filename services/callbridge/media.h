/* SPDX-License-Identifier: Apache-2.0
 * The callbridge's media engine as the control thread sees it: W worker threads, each with one UDP
 * socket and the spaces that are pinned to it.
 *
 * Control and media share nothing. Every function here puts a message into the worker's mailbox and
 * returns at once; what the worker has to say comes as a struct media_event on the control thread.
 * Media never waits for the bus, and a stuck control thread never stops media. */
#ifndef CALLBRIDGE_MEDIA_H
#define CALLBRIDGE_MEDIA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <base/addr.h>
#include <base/attr.h>
#include <sfu/sfu.h>
#include <uv.h>

struct media;
struct media_space;

enum media_event_type {
    MEDIA_ANSWER,  /* to media_offer(): text = SDP, or NULL and cause = why not */
    MEDIA_STATE,   /* state and cause */
    MEDIA_SLOTS,   /* slots */
    MEDIA_SPEAKER, /* participant = dominant speaker, 0 nobody */
    MEDIA_STATS,   /* to media_stats() */
    MEDIA_WANTED,  /* wanted: how large others show the participant */
    MEDIA_PATH,    /* lost: the participant is not reached (any more) */
    MEDIA_CANDIDATE, /* text = a candidate of ours that came after the answer */
    MEDIA_RELAY,   /* relay; space_arg is NULL */
};

enum {
    MEDIA_RELAYS_MAX = 8,     /* TURN servers that are used at a time */
    MEDIA_RELAY_ID_SIZE = 80, /* texts with their NUL */
    MEDIA_RELAY_NAME_SIZE = 513,
    MEDIA_RELAY_PASSWORD_SIZE = 257,
};

/* A TURN server on which each worker holds an allocation. */
struct media_relay {
    char id[MEDIA_RELAY_ID_SIZE];
    struct addr udp, tcp; /* ADDR_NONE: not over that; TCP is used when UDP gets no answer */
    char username[MEDIA_RELAY_NAME_SIZE], password[MEDIA_RELAY_PASSWORD_SIZE];
    bool draining; /* who is on it stays, nobody comes to it */
    bool inside;   /* its relays have inside addresses: not for participants that are outside */
};

enum media_relay_phase { MEDIA_RELAY_ALLOCATING, MEDIA_RELAY_READY, MEDIA_RELAY_REFUSED,
                         MEDIA_RELAY_LOST };

/* What a worker says of its allocation on a server: when it begins, when it is there, and each time
 * it has failed or is lost. A worker tries again by itself. */
struct media_relay_state {
    unsigned worker;
    char id[MEDIA_RELAY_ID_SIZE];
    enum media_relay_phase phase;
    const char *failure; /* refused, lost: "unauthorized", "quota", "forbidden", "timeout",
                          * "unreachable", "refused", "gone" (also: not in the list any more); else
                          * "". Never freed */
    uint16_t code;       /* the server's error code; 0: none */
    bool tcp;
    int64_t rtt_us;      /* ready: of the Allocate */
    struct addr mapped, relayed; /* ready */
};

/* Valid for the call of the callback. */
struct media_event {
    enum media_event_type type;
    void *space_arg;        /* as given to media_space_new() */
    uint32_t participant;
    uint64_t cookie;        /* of the offer it answers */
    const char *text;
    const char *cause;
    enum peer_state state;
    struct sfu_slots slots;
    struct sfu_stats stats;
    struct sfu_wanted wanted;
    bool lost;
    struct media_relay_state relay;
};

typedef void (*media_event_fn)(void *arg, const struct media_event *event);

struct media_opts {
    uv_loop_t *loop;           /* events arrive here */
    unsigned workers;          /* 0: cores - 1, at least 1 */
    const char *listen;        /* address to bind, "" = all */
    uint16_t port;             /* first worker's; worker k has port + k; 0: any free (tests) */
    bool echo;                 /* test hook: everybody sees and hears themselves */
    media_event_fn on_event;
    void *arg;
};

/* Starts the workers. Errors: NULL, and a sentence that says what to do in `err`. */
struct media *media_new(const struct media_opts *opts, char err[PEER_ERROR_MAX]);

/* Stops the workers, waits for them and frees the spaces that are still open. No event comes after
 * it returns. NULL is fine. */
void media_free(struct media *m);

/* Sets the TURN servers, at most MEDIA_RELAYS_MAX; the whole list whenever it changes. A server
 * whose id and addresses stay keeps its allocations; new credentials are used for the next one. */
void media_relays(struct media *m, const struct media_relay *list, size_t n);

/* Counters of all workers, for metrics. */
struct media_counters {
    uint64_t rx_packets, tx_packets, rx_bytes, tx_bytes, dropped, send_failed;
};
void media_counters(const struct media *m, struct media_counters *out);

/* Opens a space on the least loaded worker; `codec` is that of all its video. No event for it comes
 * after media_space_free(). */
struct media_space *media_space_new(struct media *m, enum peer_codec codec, void *space_arg);
void media_space_free(struct media_space *ms);

struct media_join_opts {
    struct addr client; /* where its signalling comes from; loopback: it is offered loopback
                         * candidates */
    bool relay_only;    /* it is offered relays and no address of this host */
    bool outside;       /* it came through an edge: relays only, and none that is inside; host
                         * candidates of its own are passed over, for they lead nowhere from here */
    /* The id of the relay that it shall have first, NULL: any. It should be the server that the
     * guest's own ICE servers name first: a server that both ends are on keeps media to itself. */
    const char *first_relay;
};

/* Adds a participant. It gets candidates of at most two relays, those with the fewest participants,
 * and others when one is lost. */
void media_join(struct media_space *ms, uint32_t participant, const struct media_join_opts *opts);
void media_leave(struct media_space *ms, uint32_t participant);

/* The participant has come to be outside, or is not any more: its candidates are changed. What it
 * gets now is told as MEDIA_CANDIDATE; it needs an ICE restart to give its own. */
void media_outside(struct media_space *ms, uint32_t participant, bool outside,
                   const struct addr *client);

/* Answered by MEDIA_ANSWER with the same cookie. The SDP is copied. */
void media_offer(struct media_space *ms, uint32_t participant, uint64_t cookie, const char *sdp);
void media_candidate(struct media_space *ms, uint32_t participant, const char *line,
                     const char *ufrag);
void media_set(struct media_space *ms, uint32_t participant, const struct sfu_media *media);

/* As sfu_set_view() and sfu_hold(). */
void media_view(struct media_space *ms, uint32_t participant, const struct sfu_view *view);
void media_hold(struct media_space *ms, uint32_t participant, bool hold);

/* Answered by one MEDIA_STATS for each participant, all of the same moment. */
void media_stats(struct media_space *ms);

#endif
