/* SPDX-License-Identifier: Apache-2.0
 * The subset of SDP that browsers speak (RFC 8866, 8829, 9143, 8839, 8851, 8853): text to struct
 * and back. No negotiation here.
 *
 * One object holds everything: strings and arrays belong to the session they were made for and go
 * with sdp_free(). Strings never hold control characters. What is unknown is left out silently.
 * Values that stand at session level are copied to every m-line without its own, so readers look at
 * m-lines only. */
#ifndef SDP_SDP_H
#define SDP_SDP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <base/attr.h>

/* Limits of what is read. A browser with 18 m-lines and all codecs sends 67 KB. */
#define SDP_TEXT_MAX (256 * 1024) /* DESIGN section 5: the limit end to end */
#define SDP_LINE_MAX 8192
#define SDP_MEDIA_MAX 64
#define SDP_ATTRS_MAX 1024     /* attribute lines per m-line and at session level; Chromium: 168 */
#define SDP_PAYLOADS_MAX 128   /* per m-line: there are no more numbers */
#define SDP_FB_MAX 16          /* per payload */
#define SDP_EXTS_MAX 64        /* per m-line, and so on */
#define SDP_SSRCS_MAX 64
#define SDP_GROUPS_MAX 32
#define SDP_RIDS_MAX 16
#define SDP_CANDIDATES_MAX 64
#define SDP_FINGERPRINT_MAX 64 /* bytes: SHA-512 */

enum sdp_kind { SDP_AUDIO, SDP_VIDEO, SDP_APPLICATION, SDP_OTHER };
enum sdp_dir { SDP_SENDRECV, SDP_SENDONLY, SDP_RECVONLY, SDP_INACTIVE };
enum sdp_setup { SDP_SETUP_NONE, SDP_ACTPASS, SDP_ACTIVE, SDP_PASSIVE, SDP_HOLDCONN };

/* Strings. `v` may be NULL when n is 0. */
struct sdp_list {
    const char **v;
    size_t n;
};

/* a=fingerprint. len 0: none. Of several, the SHA-256 one is kept, else the first. */
struct sdp_fingerprint {
    char hash[12]; /* "sha-256", small letters */
    uint8_t value[SDP_FINGERPRINT_MAX];
    size_t len;
};

/* A payload number of an m-line: a=rtpmap, a=fmtp, a=rtcp-fb. */
struct sdp_payload {
    uint8_t pt;
    const char *name;   /* as written: "opus", "VP8", "rtx"; compare without case. NULL: unknown */
    uint32_t clock_hz;
    uint8_t channels;   /* 0: not written */
    const char *fmtp;   /* parameters after the number; NULL: none */
    int apt;            /* of rtx: the payload it repairs; else -1 */
    struct sdp_list fb; /* "nack", "nack pli", ... ("*" is resolved to every payload) */
};

/* a=extmap */
struct sdp_ext {
    uint16_t id; /* 1-255 of a packet; the offer may hold others (RFC 8285 s7) */
    const char *uri;
    const char *dir;  /* "sendonly" ...; NULL: not written */
};

/* a=ssrc lines of one SSRC */
struct sdp_ssrc {
    uint32_t ssrc;
    const char *cname; /* may be NULL */
    const char *msid;  /* "stream track"; may be NULL */
};

/* a=ssrc-group */
struct sdp_group {
    const char *semantics; /* "FID": media, then its retransmission; "SIM", "FEC-FR" */
    uint32_t ssrcs[4];
    size_t n;
};

/* a=rid */
struct sdp_rid {
    const char *id;
    bool send;          /* else recv */
    const char *params; /* restrictions; NULL: none */
};

/* One m-line and what follows it. */
struct sdp_media {
    enum sdp_kind kind;
    const char *type;    /* "audio": the word itself, for SDP_OTHER */
    uint16_t port;       /* 0: rejected (or bundle-only) */
    bool bundle_only;
    const char *proto;   /* "UDP/TLS/RTP/SAVPF" */
    const char *fmt;     /* the formats as text when they are no payload numbers; else NULL */
    const char *conn;    /* c= without it: "IN IP4 0.0.0.0"; NULL: none anywhere */
    uint32_t bandwidth_bps; /* b=TIAS, else b=AS times 1000; 0: none */
    const char *mid;     /* may be NULL */
    enum sdp_dir dir;
    const char *ice_ufrag, *ice_pwd, *ice_options; /* may be NULL */
    struct sdp_fingerprint fingerprint;
    enum sdp_setup setup;
    bool rtcp_mux, rtcp_rsize, end_of_candidates;
    const char *msid;            /* "stream track"; may be NULL */
    const char *simulcast_send;  /* "h;m;l"; may be NULL */
    const char *simulcast_recv;
    uint16_t sctp_port;          /* of a data channel; 0: none */
    uint32_t max_message_size_b; /* the same */
    struct sdp_payload *payloads; /* in order of preference */
    size_t payload_count;
    struct sdp_ext *exts;
    size_t ext_count;
    struct sdp_ssrc *ssrcs;
    size_t ssrc_count;
    struct sdp_group *groups;
    size_t group_count;
    struct sdp_rid *rids;
    size_t rid_count;
    struct sdp_list candidates; /* as in JavaScript: "candidate:1 1 udp ..." */
};

/* A description. Media pointers stay valid until sdp_free(); arrays inside a media move when
 * something is added to them. */
struct sdp_session {
    const char *user;       /* o=: user name, id, version, address */
    uint64_t id;
    uint64_t version;
    const char *addr;       /* "IN IP4 127.0.0.1" */
    const char *name;       /* s= */
    bool ice_lite;
    bool extmap_allow_mixed;
    struct sdp_list bundle; /* mids of the BUNDLE group */
    struct sdp_media *media[SDP_MEDIA_MAX];
    size_t media_count;
    struct sdp_arena *arena;
};

/* Why a text was refused. */
struct sdp_error {
    int line; /* from 1; 0 when it is about the whole */
    char text[96];
};

/* Reads a description.
 * Shape:  UTF-8, lines ended by CR LF or LF.
 * Owner:  *out is the caller's, ends with sdp_free(); NULL on errors.
 * Errors: 0; -EBADMSG malformed; -E2BIG over a limit. `err` (may be NULL) says where and why.
 * Source: RFC 8866 section 5 */
int sdp_parse(struct sdp_session **out, const char *text, size_t len,
              struct sdp_error *err) MUST_USE;

/* Writes a description with CR LF at m-line level. What sdp_parse() reads of it is the same again.
 * Owner: the caller frees the text. */
char *sdp_print(const struct sdp_session *s);

/* Frees a session with all its strings and arrays. NULL is fine. */
void sdp_free(struct sdp_session *s);

/* Makes an empty session (o=- 0 0 IN IP4 127.0.0.1, s=-), to be filled and printed. */
struct sdp_session *sdp_new(void);

/* Copies a string into the session, up to the first control character: nothing that is printed can
 * begin a line of its own. NULL gives NULL. */
const char *sdp_text(struct sdp_session *s, const char *text);

/* Appends an m-line with port 9, "UDP/TLS/RTP/SAVPF" (application: "UDP/DTLS/SCTP" with
 * "webrtc-datachannel") and "IN IP4 0.0.0.0". NULL beyond SDP_MEDIA_MAX. */
struct sdp_media *sdp_media_add(struct sdp_session *s, enum sdp_kind kind);

/* Append one zeroed element (apt -1) to fill, or NULL at the limit. The pointer is good until the
 * next one is appended to the same m-line. */
struct sdp_payload *sdp_payload_add(struct sdp_session *s, struct sdp_media *m);
struct sdp_ext *sdp_ext_add(struct sdp_session *s, struct sdp_media *m);
struct sdp_ssrc *sdp_ssrc_add(struct sdp_session *s, struct sdp_media *m);
struct sdp_group *sdp_group_add(struct sdp_session *s, struct sdp_media *m);
struct sdp_rid *sdp_rid_add(struct sdp_session *s, struct sdp_media *m);

/* Appends a copy of `text` to a list of the session. Errors: 0; -E2BIG it has `max` already. */
int sdp_list_add(struct sdp_session *s, struct sdp_list *list, const char *text,
                 size_t max) MUST_USE;

bool sdp_list_has(const struct sdp_list *list, const char *text);

/* Decides whether a payload's parameters suit; `fmtp` may be NULL. */
typedef bool (*sdp_fmtp_fn)(const char *fmtp, void *arg);

/* Returns the first payload with this codec name (case does not count) whose parameters suit `fn`
 * (NULL: any do); NULL when there is none. */
const struct sdp_payload *sdp_media_find_codec(const struct sdp_media *m, const char *name,
                                               sdp_fmtp_fn fn, void *arg);

/* Suits H.264 that every browser decodes: packetization mode 1, baseline profile (42e0xx before
 * 4200xx is up to the caller). `arg` is unused. */
bool sdp_fmtp_h264_baseline(const char *fmtp, void *arg);

/* Copies the value of one parameter ("key=value;...") to `dst`. Errors: 0; -ENOENT; -EOVERFLOW. */
int sdp_fmtp_get(const char *fmtp, const char *key, char *dst, size_t cap) MUST_USE;

/* The payload with this number, and the retransmission payload of `pt`; NULL when there is none. */
const struct sdp_payload *sdp_media_payload(const struct sdp_media *m, uint8_t pt);
const struct sdp_payload *sdp_rtx_of(const struct sdp_media *m, uint8_t pt);

/* The id of a header extension; 0 when it is absent or no id of a packet. */
uint8_t sdp_ext_id(const struct sdp_media *m, const char *uri);

/* The SSRC that retransmits `ssrc` (ssrc-group FID); 0 when there is none. */
uint32_t sdp_rtx_ssrc_of(const struct sdp_media *m, uint32_t ssrc);

/* The m-line with this mid; NULL when there is none. */
struct sdp_media *sdp_media_by_mid(const struct sdp_session *s, const char *mid);

/* True when the payload's feedback list has exactly `fb`, e.g. "nack pli". */
bool sdp_payload_has_fb(const struct sdp_payload *p, const char *fb);

#endif
