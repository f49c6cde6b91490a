/* SPDX-License-Identifier: Apache-2.0
 * A peer's inside, for the files of lib/peer alone. */
#ifndef PEER_PRIV_H
#define PEER_PRIV_H

#include <base/map.h>
#include <ice/ice.h>
#include <peer/peer.h>
#include <rtpsec/rtpsec.h>
#include <sdp/sdp.h>

enum {
    /* SSRCs that a peer may send: 4 m-lines, 3 layers, RTX, and restarts of them */
    MAX_STREAMS = 96,
};

/* Which m-line and layer an SSRC of the remote side belongs to. The m-line is one that receives. */
struct stream {
    uint8_t mline, layer;
    bool rtx;
    uint32_t media_ssrc; /* of an RTX stream: the SSRC that it repeats; 0 until known */
};

/* ICE + DTLS + SRTP: what one bundle group runs over. */
struct transport {
    struct ice_agent *ice;
    struct dtls *dtls;
    struct rtpsec *in, *out; /* NULL until the handshake is done */
    char cipher[32];
};

struct peer {
    struct peer_opts opts;
    enum peer_state state;
    char cause[PEER_ERROR_MAX];
    int64_t now_us; /* of the running call, for callbacks without a time */
    int64_t heard_us; /* last authentic datagram */
    struct transport tr;
    bool described;   /* both descriptions are known */
    bool dtls_active;
    /* of the remote certificate; binds later descriptions to the same one */
    uint8_t fingerprint[32];
    int64_t verdict_us; /* when a first word about a missing path is due; INT64_MAX: not */

    struct peer_mline mlines[PEER_MAX_MLINES];
    size_t n_mlines;
    struct rtp_ext_map exts; /* of the whole bundle, for reading before the m-line is known */
    struct map *streams;     /* remote SSRC -> struct stream */

    uint64_t session_id, session_version; /* of our o= line */
    struct peer_stats stats;
};

/* negotiate.c: reads a remote description into m-lines and remote ICE and DTLS parameters. */
struct remote_desc {
    const char *ufrag, *pwd;
    const struct sdp_fingerprint *fingerprint;
    enum sdp_setup setup;
    const struct sdp_list *candidates;
};
int negotiate_offer(struct peer *p, const struct sdp_session *s, struct remote_desc *out,
                    char err[PEER_ERROR_MAX]);
int negotiate_answer(struct peer *p, const struct sdp_session *s, struct remote_desc *out,
                     char err[PEER_ERROR_MAX]);

/* describe.c: our own descriptions from the m-lines. */
/* The rtcp-fb words, in the order of the bits of enum peer_fb. */
enum { FEEDBACK_WORDS = 5 };
extern const char *const feedback_words[FEEDBACK_WORDS];
char *describe_answer(struct peer *p);
char *describe_offer(struct peer *p);
void describe_want(struct peer *p, const struct peer_want *want, size_t n);

/* stream.c: which m-line a packet belongs to; NULL: none, drop it. */
struct stream *stream_find(struct peer *p, const struct rtp_packet *pkt,
                           const struct rtp_ext_values *ext);
void stream_announce(struct peer *p, uint32_t ssrc, const struct stream *stream);
void stream_clear(struct peer *p);

#endif
