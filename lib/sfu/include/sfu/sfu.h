/* SPDX-License-Identifier: Apache-2.0
 * A space's selective forwarding: participants with one peer each, fixed slots, top-3 audio,
 * dominant speaker, key frame requests and reports. No video is decoded.
 *
 * Sans-I/O and without locks: one thread feeds datagrams and time and is handed datagrams to send.
 * The same code runs in the callbridge's media workers, in tests under a fake clock, and in the
 * load client.
 * Source: DESIGN section 5, docs/guest-protocol.md "Media". */
#ifndef SFU_SFU_H
#define SFU_SFU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <base/addr.h>
#include <base/attr.h>
#include <dtls/dtls.h>
#include <peer/peer.h>

struct sfu;
struct sfu_part;

enum {
    SFU_AUDIO_SLOTS = 3,
    SFU_VIDEO_SLOTS = 9,
    SFU_MAX_PARTS = 500, /* participants of one space */
    /* of a receiver that has not said how large it shows things */
    SFU_VIDEO_HEIGHT = 720,
    SFU_SCREEN_HEIGHT = 1080,
};

/* Which participant each slot of a receiver carries; 0: nobody. */
struct sfu_slots {
    uint32_t audio[SFU_AUDIO_SLOTS];
    uint32_t video[SFU_VIDEO_SLOTS];
    uint32_t screen, screen_audio;
    /* Nothing is sent for now because the receiver's link is too slow; it comes again by itself. */
    bool video_paused[SFU_VIDEO_SLOTS], screen_paused;
};

/* How large a receiver shows what it gets, in pixels of height; 0: not at all. */
struct sfu_view {
    uint16_t heights[SFU_VIDEO_SLOTS]; /* video slots by position */
    uint16_t screen_height;
    uint32_t pinned; /* has a video slot and is the last to be paused; 0: nobody */
};

/* The largest size at which anybody shows a participant; 0: nobody does. */
struct sfu_wanted {
    uint16_t video_height, screen_height;
};

/* What a space tells its owner. The space and its participants may not be freed in there. */
struct sfu_ops {
    /* A datagram for a participant. Datagrams of one call of an sfu function may be grouped. */
    void (*send)(void *arg, uint8_t path, const struct addr *to, const void *data, size_t len);
    void (*on_state)(void *arg, uint32_t participant, enum peer_state state, const char *cause);
    void (*on_slots)(void *arg, uint32_t participant, const struct sfu_slots *slots);
    /* 0: nobody speaks. */
    void (*on_speaker)(void *arg, uint32_t participant);
    /* The participant may send smaller pictures, or shall send larger ones. Until the first call
     * it is shown in SFU_VIDEO_HEIGHT and SFU_SCREEN_HEIGHT. */
    void (*on_wanted)(void *arg, uint32_t participant, const struct sfu_wanted *wanted);
    /* Nothing has been heard over the participant's connection for a while, or it has failed: an
     * ICE restart is needed. Or (false) it is reached again. */
    void (*on_path)(void *arg, uint32_t participant, bool lost);
    /* A candidate of ours that came after the answer and has to be told to the participant. May be
     * NULL where sfu_add_local() is not used. */
    void (*on_candidate)(void *arg, uint32_t participant, const char *text);
};

struct sfu_opts {
    const struct sfu_ops *ops;
    void *arg;
    struct dtls_ctx *dtls;
    enum peer_codec video_codec;
    bool echo; /* a participant sees and hears itself: for the one-browser test */
};

/* Makes an empty space. Owner: the caller, ends with sfu_free(), which also ends its
 * participants. */
struct sfu *sfu_new(const struct sfu_opts *opts);
void sfu_free(struct sfu *s);

/* How a participant enters. */
struct sfu_join_opts {
    uint32_t participant; /* number within the call; its CSRC */
    const struct peer_local *locals; /* the path is handed back with what is to be sent from it */
    size_t n_locals;                 /* what is beyond PEER_LOCALS_MAX is left out */
    bool more_locals;                /* others may come by sfu_add_local() */
};

/* Adds a participant. Owner: the space. Errors: NULL when the number is taken or the space is
 * full. */
struct sfu_part *sfu_join(struct sfu *s, int64_t now_us, const struct sfu_join_opts *opts);

/* Removes a participant and frees it. */
void sfu_leave(struct sfu_part *part, int64_t now_us);

/* Returns the participant of this number, or NULL. */
struct sfu_part *sfu_part(const struct sfu *s, uint32_t participant);

size_t sfu_count(const struct sfu *s);

/* Takes the browser's offer (the first, an ICE restart, or one of a new connection that takes the
 * place of the old one) and returns the answer. Owner: the caller frees.
 * Errors: NULL, the sentence in `err`. */
char *sfu_offer(struct sfu_part *part, int64_t now_us, const char *sdp, char err[PEER_ERROR_MAX]);

/* As peer_add_candidate(). */
int sfu_candidate(struct sfu_part *part, int64_t now_us, const char *line,
                  const char *ufrag) MUST_USE;

/* Adds an address at which the participant may reach us. Errors: as peer_add_local(). */
int sfu_add_local(struct sfu_part *part, int64_t now_us, const struct peer_local *local) MUST_USE;

/* As peer_del_path(). Whether the participant is still reached is told at once (on_path). */
void sfu_del_path(struct sfu_part *part, int64_t now_us, uint8_t path);

/* Own ICE user name fragment of the participant's peer. */
const char *sfu_ufrag(const struct sfu_part *part);

/* What a participant sends, by its own wish or by order; what is muted is not forwarded. */
struct sfu_media {
    bool audio_muted, video_muted, screen;
};
void sfu_set_media(struct sfu_part *part, int64_t now_us, const struct sfu_media *media);

/* What the participant shows. A slot of height 0 gets no packets; it begins again with a key frame.
 * Without a call it gets everything. Stays over a new connection. */
void sfu_set_view(struct sfu_part *part, int64_t now_us, const struct sfu_view *view);

/* Lets no other participant into the slots with pictures (or does again): while the receiver cannot
 * be told, a wrong name would stand under a face. */
void sfu_hold(struct sfu_part *part, int64_t now_us, bool hold);

/* As peer_input(). */
int sfu_input(struct sfu_part *part, int64_t now_us, uint8_t path, const struct addr *from,
              void *data, size_t len);

/* Runs what is due: call it at sfu_deadline(). */
void sfu_timeout(struct sfu *s, int64_t now_us);
int64_t sfu_deadline(const struct sfu *s);

/* One participant's connection and what it sends and gets. */
struct sfu_stats {
    struct peer_stats peer;
    enum peer_state state;
    uint64_t forwarded;      /* RTP packets sent to it from others */
    uint64_t received;       /* RTP packets taken from it */
    uint32_t keyframes_asked; /* PLIs sent to it */
    uint64_t sent_bps;       /* RTP payload sent to it in the last second, repetitions included */
    uint64_t downlink_bps;   /* what its link takes as far as known; 0: no limit is known */
    uint64_t remb_bps;       /* its own estimate, of pictures alone; 0: none */
    unsigned lost_permille;  /* of what it was sent, as it last reported */
    unsigned paused;         /* pictures that are held back now */
    unsigned pauses;         /* and how often one was */
    unsigned waiting;        /* packets of pictures that its pacer will send */
};
void sfu_stats(const struct sfu_part *part, struct sfu_stats *out);

#endif
