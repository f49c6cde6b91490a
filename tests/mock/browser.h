/* SPDX-License-Identifier: Apache-2.0
 * A browser's media side without a browser: the peer that offers, controls and is DTLS active, with
 * the 18 m-lines of docs/guest-protocol.md. It sends audio of a chosen loudness and VP8 frames of
 * made-up content, answers key frame requests and NACKs, asks for both, and judges what arrives in
 * its slots as a decoder would: a stream must begin with a key frame, lose no packet, and number
 * its pictures without a gap. If wished it waits for repetitions before it judges, and tells like
 * Chromium what its link takes: REMB from a simple estimator, receiver reports with loss.
 *
 * Sans-I/O like lib/peer; used on the simulated network, over real sockets, and by benchmarks. */
#ifndef TESTS_MOCK_BROWSER_H
#define TESTS_MOCK_BROWSER_H

#include <stdbool.h>
#include <stdint.h>

#include <peer/peer.h>
#include <rtp/recv.h>

#include "decoder.h"
#include "estimate.h"

enum { BROWSER_MLINES = 18, BROWSER_SILENT = 127, BROWSER_REMBS = 32 };

/* What one receiving m-line has seen. */
struct browser_slot {
    uint64_t packets, frames, key_frames;
    uint64_t lost;       /* gaps in sequence numbers */
    uint64_t repaired;   /* packets that came again as RTX */
    uint64_t broken;     /* pictures that no decoder could show: no key frame before, or a gap */
    uint64_t backwards;  /* timestamps that went back */
    uint32_t csrc;       /* whom the last packet was from; 0: nobody yet */
    uint32_t ssrc;
    int64_t last_us;
    uint16_t seq;
    uint16_t picture;
    uint32_t ts;
    bool started, decodable, holes;
    int level;           /* of the last audio packet; -1: none */
    int64_t pli_us;      /* last key frame request */
    uint64_t shown;      /* whole pictures that a decoder could show */
    uint64_t gone;       /* packets that were not repeated in time (with wait_us) */
    int64_t shown_us;    /* when the last picture was shown */
    int64_t frozen_us;   /* how long pictures stood longer than 250 ms, in sum */
    struct decoder *decoder; /* with wait_us */
    struct rtp_recv recv;    /* for reports */
};

struct browser_opts {
    void (*send)(void *arg, const struct addr *to, const void *data, size_t len);
    /* instead of it, for a browser with several paths (peer_add_local()) */
    void (*send_path)(void *arg, uint8_t path, const struct addr *to, const void *data,
                      size_t len);
    void *arg;
    struct dtls_ctx *dtls;
    bool no_audio, no_video;   /* the device is missing: nothing is sent */
    int64_t audio_us, frame_us; /* intervals; 0: 20 and 50 ms */
    unsigned frame_packets;    /* per picture; 0: 3 */
    unsigned key_packets;      /* per key frame; 0: as many as any picture */
    bool no_nack;              /* asks for no packet again */
    bool no_rtx;               /* sends none again */
    int64_t wait_us;           /* pictures wait so long for lost packets; 0: not at all */
    bool remb;                 /* sends REMB */
    int64_t remb_late_us;      /* REMB leaves so long after it was made, as on a busy computer, */
    int64_t remb_jitter_us;    /* and up to this much later */
    bool reports;              /* sends receiver reports */
    uint64_t remb_fixed_bps;   /* with remb: sends this instead of an estimate; may be changed */
};

struct browser {
    struct browser_opts opts;
    struct peer *peer;
    enum peer_state state;
    char cause[PEER_ERROR_MAX];
    int level;              /* loudness that is sent, RFC 6464: 0 loudest, BROWSER_SILENT */
    bool audio_muted, video_muted;
    struct browser_slot slots[BROWSER_MLINES];
    uint64_t plis;          /* key frame requests received */
    uint64_t limit_bps;     /* what it was last told to send at most (REMB); 0: nothing */
    uint64_t nacks;         /* packets that it was asked for again */
    uint64_t twcc;          /* transport-wide feedback that Chromium would take */
    uint64_t reports;       /* receiver reports received */
    uint64_t sender_reports;
    struct estimate estimate;  /* of what it gets */
    struct {
        int64_t due_us;
        uint64_t rate_bps;
    } rembs[BROWSER_REMBS];    /* made, and not sent yet */
    unsigned rembs_made, rembs_sent;
    int64_t next_remb_us, next_report_us, next_repair_us;
    int64_t next_audio_us, next_frame_us;
    uint16_t audio_seq, video_seq, picture, twcc_seq;
    uint8_t tl0;
    uint32_t audio_ts, video_ts;
    bool want_key;
    bool screen;            /* shares its screen: pictures on m-line 2 */
    uint16_t screen_seq, screen_picture, rtx_seq;
    struct browser_kept *kept; /* camera packets, for repetition */
};

struct browser *browser_new(const struct browser_opts *opts, int64_t now_us);
void browser_free(struct browser *b);

/* A host candidate. */
void browser_add_local(struct browser *b, const struct addr *local);

/* The offer of all 18 m-lines. Owner: the caller frees. */
char *browser_offer(struct browser *b);

/* Takes the answer; asserts that it can be used. */
void browser_answer(struct browser *b, int64_t now_us, const char *sdp);

void browser_input(struct browser *b, int64_t now_us, const struct addr *from, void *data,
                   size_t len);

void browser_input_path(struct browser *b, int64_t now_us, uint8_t path, const struct addr *from,
                        void *data, size_t len);

/* Sends what is due and runs timers; when to call again. */
void browser_timeout(struct browser *b, int64_t now_us);
int64_t browser_deadline(const struct browser *b);

/* Sends camera packets once more that were sent a moment ago and that nobody has asked for, as
 * Chromium fills up its link to find out what it takes. Returns how many. */
unsigned browser_probe(struct browser *b, int64_t now_us);

/* The slot (m-line) that shows a participant since at least the last 300 ms; NULL: none. */
const struct browser_slot *browser_shows(const struct browser *b, bool video, uint32_t participant,
                                         int64_t now_us);

#endif
