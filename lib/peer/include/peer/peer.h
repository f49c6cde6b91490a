/* SPDX-License-Identifier: Apache-2.0
 * One participant's transport: ICE, DTLS, SRTP and the m-lines that its SDP agreed on.
 *
 * Sans-I/O: the caller feeds datagrams and the time, is handed datagrams to send, and asks for the
 * next deadline. A peer can offer or answer, be ICE controlling or controlled, DTLS active or
 * passive; towards browsers it answers, is controlled and passive. Every m-line is bundled on one
 * transport. It knows nothing of spaces, slots or other participants: lib/sfu does.
 * Source: DESIGN section 5; RFC 8829 (JSEP), 8843 (BUNDLE), 8445 (ICE), 5764 (DTLS-SRTP). */
#ifndef PEER_PEER_H
#define PEER_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <base/addr.h>
#include <base/attr.h>
#include <dtls/dtls.h>
#include <rtp/rtp.h>

struct peer;

enum {
    PEER_MAX_MLINES = 32,
    PEER_MAX_LAYERS = 3,
    PEER_ERROR_MAX = 160,
    PEER_LOCALS_MAX = 16,     /* candidates of ours */
    PEER_CANDIDATE_MAX = 512, /* a candidate line and its NUL */
    /* Longest datagram that is sent. A browser's RTP packets have at most 1200 bytes; on the way
     * through us they gain CSRC 4, RTX 2 and tag 16 at most. What is longer is dropped: it would be
     * fragmented. */
    PEER_DATAGRAM_MAX = 1280,
};

enum peer_kind { PEER_AUDIO, PEER_VIDEO, PEER_DATA /* always rejected */ };

enum peer_codec { PEER_CODEC_NONE, PEER_OPUS, PEER_VP8, PEER_H264 };

enum peer_state {
    PEER_NEW,        /* no description yet */
    PEER_CONNECTING, /* ICE or DTLS under way */
    PEER_CONNECTED,  /* media flows */
    PEER_FAILED,     /* no path, handshake refused, or consent lost; an ICE restart may revive it */
    PEER_CLOSED,     /* the other side has ended it: as browsers do that leave */
};

/* Feedback that an m-line agreed on, as bits. */
enum peer_fb {
    PEER_FB_TWCC = 1,
    PEER_FB_REMB = 2,
    PEER_FB_FIR = 4,
    PEER_FB_NACK = 8,
    PEER_FB_PLI = 16,
};

/* What one m-line agreed on, free of SDP. Directions are seen from this peer. */
struct peer_mline {
    enum peer_kind kind;
    enum peer_codec codec;
    bool send, recv;
    uint8_t pt, rtx_pt;        /* rtx_pt 0: none */
    uint8_t red_pt;            /* audio that repeats itself (RFC 2198); 0: not agreed */
    uint8_t feedback;          /* enum peer_fb */
    uint32_t ssrc, rtx_ssrc;   /* of what this peer sends */
    struct rtp_ext_map exts;   /* ids of the agreed header extensions */
    uint8_t layers;            /* receiving: 1, or the simulcast layers agreed */
    uint8_t paused;            /* bit i: the sender has layer i paused */
    char mid[16];
    char profile[8]; /* H264: profile-level-id */
    char rids[PEER_MAX_LAYERS][16]; /* best layer first; "" without simulcast */
};

/* A received, authenticated RTP packet. RTX is already unwrapped into the packet it repeats. */
struct peer_rtp {
    unsigned mline;
    unsigned layer;    /* index into rids */
    bool repaired;     /* came as RTX */
    bool red;          /* audio: the payload repeats earlier ones, RFC 2198 */
    struct rtp_packet pkt; /* points into the received bytes: valid for the call */
    struct rtp_ext_values ext;
};

/* Header fields of a packet to send; SSRC and payload type come from the m-line. */
struct peer_out {
    unsigned mline;
    uint16_t seq;
    uint32_t timestamp;
    bool marker;
    bool rtx;          /* send on the RTX stream: the payload is prefixed by `original_seq` */
    uint16_t original_seq;
    bool red;          /* the payload is RFC 2198's: where the m-line knows only plain audio, it is
                        * sent without what it repeats */
    uint32_t csrc;     /* the participant's number; 0: none */
    const struct rtp_ext_values *ext; /* passed on as far as the m-line agreed; NULL: none */
};

/* What a peer tells its owner. Called from inside the functions that take `now_us`; the peer may
 * not be freed in there. */
struct peer_ops {
    /* A datagram to send on the socket `path`; `data` is valid for the call. */
    void (*send)(void *arg, uint8_t path, const struct addr *to, const void *data, size_t len);
    /* `cause` is a few words for log and people, "" when all is well. */
    void (*on_state)(void *arg, enum peer_state state, const char *cause);
    void (*on_rtp)(void *arg, int64_t now_us, const struct peer_rtp *rtp);
    /* An authentic packet with this transport-wide number has arrived; before its on_rtp, and also
     * when there is none: probes are padding on an RTX stream. May be NULL. */
    void (*on_arrival)(void *arg, int64_t now_us, uint16_t number);
    /* One authenticated compound RTCP packet. */
    void (*on_rtcp)(void *arg, int64_t now_us, const void *data, size_t len);
};

struct peer_opts {
    const struct peer_ops *ops;
    void *arg;
    struct dtls_ctx *dtls;         /* certificate of the process; outlives the peer */
    bool controlling;              /* ICE controlling: the side that offers */
    enum peer_codec video_codec;   /* the only video codec it agrees to */
    const char *cname;             /* of what it sends; RFC 7022 */
    bool more_locals;              /* candidates of ours may come after the description */
    unsigned ssrc_base;            /* 0: random; tests fix it */
};

/* Makes a peer in state PEER_NEW. Owner: the caller, ends with peer_free(). */
struct peer *peer_new(const struct peer_opts *opts, int64_t now_us);

/* Sends a DTLS close and frees. NULL is fine. */
void peer_free(struct peer *p);

/* An address of ours that the other side may reach. */
struct peer_local {
    struct addr addr;
    uint8_t path; /* names the socket or allocation it belongs to */
    bool relay;   /* on a TURN server; else of this host */
};

/* Adds a candidate that later descriptions announce; at any time. One that comes after the
 * description has to be told by the caller (peer_local_text()). A relay's base is never told.
 * Errors: -EEXIST; -EINVAL not an address; -E2BIG too many. */
int peer_add_local(struct peer *p, int64_t now_us, const struct peer_local *local) MUST_USE;

/* Takes a path and its candidates away: its socket or allocation is lost. If media went over it, a
 * proven spare pair takes over; without one the peer is not reached until another is found. */
void peer_del_path(struct peer *p, int64_t now_us, uint8_t path);

/* Writes the candidate line of the first candidate of a path and returns `dst`; NULL: there is
 * none. */
const char *peer_local_text(const struct peer *p, uint8_t path, char dst[PEER_CANDIDATE_MAX]);

/* Takes an offer; also the one of an ICE restart, which keeps m-lines, keys and DTLS.
 * Errors: -EBADMSG not SDP; -EPROTO SDP that cannot be agreed to (no BUNDLE, no rtcp-mux, no ICE,
 * no
 *         sha-256 fingerprint, m-lines of the first offer changed); -ESTALE a later offer comes
 *         from another connection of the browser (its fingerprint is another): make a new peer for
 *         it;
 *         -E2BIG over a limit; the sentence in `err`. */
int peer_set_offer(struct peer *p, int64_t now_us, const char *sdp,
                   char err[PEER_ERROR_MAX]) MUST_USE;

/* Returns the answer to the last offer. Owner: the caller frees. NULL without an offer. */
char *peer_answer(struct peer *p);

/* What an offering peer wants to send or receive on each of its m-lines, in order. */
struct peer_want {
    enum peer_kind kind;
    bool send, recv;
};

/* Returns an offer with the given m-lines. Owner: the caller frees. */
char *peer_offer(struct peer *p, const struct peer_want *want, size_t n);

/* Begins an ICE restart on the offering side and returns the new offer. Owner: the caller frees. */
char *peer_restart_offer(struct peer *p, int64_t now_us);

/* Takes the answer to peer_offer(). Errors: as peer_set_offer(). */
int peer_set_answer(struct peer *p, int64_t now_us, const char *sdp,
                    char err[PEER_ERROR_MAX]) MUST_USE;

/* Takes a trickled candidate line ("candidate:..."; "" = end of candidates) of the ICE generation
 * `ufrag` ("" or NULL: the current one).
 * Errors: -EBADMSG malformed; -ENOTSUP of a kind that is not used (TCP, .local): ignore; -E2BIG too
 * many. */
int peer_add_candidate(struct peer *p, int64_t now_us, const char *line,
                       const char *ufrag) MUST_USE;

/* Own ICE user name fragment: how a shared socket finds the peer of a first packet. */
const char *peer_ufrag(const struct peer *p);

/* Feeds one datagram that arrived on `path`; `data` may be decrypted in place.
 * Returns 0 when it was authenticated (the address belongs to this peer), negative when it was
 * dropped:
 * -EACCES integrity or identity failed, -EBADMSG malformed, -EPROTO not now. */
int peer_input(struct peer *p, int64_t now_us, uint8_t path, const struct addr *from, void *data,
               size_t len);

/* Runs what is due. */
void peer_timeout(struct peer *p, int64_t now_us);

/* When peer_timeout() wants to be called next; INT64_MAX: never. */
int64_t peer_deadline(const struct peer *p);

enum peer_state peer_state(const struct peer *p);

/* Why it is not connected, in the words of the event log; "" while it is. */
const char *peer_cause(const struct peer *p);

/* False when the other side is not reached any more: there is no pair of candidates left, or it has
 * given no sign for so long that one has to be looked for. Consent (RFC 7675) may still be there:
 * the pair is used until it expires or is replaced, and comes back by itself when the path does. */
bool peer_reached(const struct peer *p, int64_t now_us);

/* The agreed m-lines. Owner: the peer. */
size_t peer_mlines(const struct peer *p, const struct peer_mline **lines);

/* Encrypts and sends one RTP packet. Errors: -EPROTO not connected or the m-line does not send;
 * -E2BIG the payload does not fit: no datagram is longer than PEER_DATAGRAM_MAX; -EBADMSG it is
 * not what RFC 2198 says. */
int peer_send_rtp(struct peer *p, int64_t now_us, const struct peer_out *out, const void *payload,
                  size_t len);

/* Encrypts and sends a compound RTCP packet of at most 1200 bytes. Errors: -EPROTO, -E2BIG. */
int peer_send_rtcp(struct peer *p, const void *data, size_t len);

/* What an operator asks about a connection. */
struct peer_stats {
    struct addr local, remote; /* selected pair */
    bool relay;                /* it goes through a relay of ours */
    bool remote_relay;         /* and through one of the other side */
    bool remote_direct;        /* the other side has offered an address that is no relay */
    uint32_t rtt_us;           /* of the last ICE check or consent */
    char cipher[32];           /* SRTP profile, "" before */
    uint64_t rx_packets, tx_packets, rx_bytes, tx_bytes;
    uint64_t rx_dropped;       /* datagrams that were refused */
};

void peer_stats(const struct peer *p, struct peer_stats *out);

#endif
