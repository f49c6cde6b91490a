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

/* Counters of all workers, for metrics. */
struct media_counters {
    uint64_t rx_packets, tx_packets, rx_bytes, tx_bytes, dropped, send_failed;
};
void media_counters(const struct media *m, struct media_counters *out);

/* Opens a space on the least loaded worker; `codec` is that of all its video. No event for it comes
 * after media_space_free(). */
struct media_space *media_space_new(struct media *m, enum peer_codec codec, void *space_arg);
void media_space_free(struct media_space *ms);

/* Adds a participant whose signalling comes from `client` (loopback: it is offered loopback
 * candidates). */
void media_join(struct media_space *ms, uint32_t participant, const struct addr *client);
void media_leave(struct media_space *ms, uint32_t participant);

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
