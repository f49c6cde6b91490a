/* SPDX-License-Identifier: Apache-2.0
 * A peer: descriptions in and out, and one transport under all m-lines. */
#include <peer/peer.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <base/str.h>
#include <evp/rand.h>
#include <evp/util.h>
#include <rtp/red.h>
#include <stun/msg.h>

#include "peer_priv.h"

_Static_assert((int)PEER_LOCALS_MAX == (int)ICE_LOCAL_MAX, "as many as ICE takes");
_Static_assert((int)PEER_CANDIDATE_MAX == (int)ICE_CAND_TEXT_MAX, "as long as ICE prints them");

enum {
    /* A check of consent is answered every 6 s at the latest: after 10 s two in a row are missing.
     * Loss alone does that now and then, so as long as media comes in it takes four. */
    UNREACHED_US = 10000000,
    UNREACHED_HEARD_US = 20000000,
    SILENT_US = 3000000,
    /* Without a path by then both ends say so: 3 s from the guest's click (DESIGN section 4 step
     * 7), less what join and offer take, and the way back. */
    VERDICT_US = 2500000,
};

/* --- state ------------------------------------------------------------------------------------ */

static void set_state(struct peer *p, enum peer_state state, const char *cause)
{
    if (p->state == state && str_eq(p->cause, cause))
        return;
    p->state = state;
    (void)str_copy(p->cause, sizeof(p->cause), cause);
    p->opts.ops->on_state(p->opts.arg, state, p->cause);
}

/* What is known so far about a missing path. */
static const char *ice_cause(const struct peer *p)
{
    struct ice_stats st;

    ice_stats(p->tr.ice, &st);
    if (st.failure == ICE_FAILURE_CONSENT)
        return "connection lost, no consent for 30 s";
    if (st.checks_received > 0 && st.answers_received == 0)
        return "connectivity checks arrive, answers to ours do not";
    if (st.checks_sent == 0)
        return "no candidate of the browser to check";
    return "no answer to connectivity checks";
}

/* --- ICE -------------------------------------------------------------------------------------- */

static void on_ice_send(void *arg, const struct ice_path *to, const void *data, size_t len)
{
    struct peer *p = arg;

    p->opts.ops->send(p->opts.arg, to->path, &to->remote, data, len);
}

static void on_ice_state(void *arg, enum ice_state state)
{
    struct peer *p = arg;

    if (p->state == PEER_CLOSED)
        return;
    switch (state) {
    case ICE_CONNECTED:
        p->verdict_us = INT64_MAX;
        if (p->tr.in)
            set_state(p, PEER_CONNECTED, "");
        else if (p->state != PEER_NEW)
            set_state(p, PEER_CONNECTING, "");
        if (p->dtls_active && p->tr.dtls && !p->tr.in)
            dtls_start(p->tr.dtls, p->now_us);
        break;
    case ICE_FAILED:
        set_state(p, PEER_FAILED, ice_cause(p));
        break;
    default:
        break;
    }
}

static const struct ice_ops ice_ops = { .send = on_ice_send, .on_state = on_ice_state };

/* --- DTLS ------------------------------------------------------------------------------------- */

static void on_dtls_send(const void *data, size_t len, void *arg)
{
    struct peer *p = arg;
    struct ice_path to;

    if (ice_selected(p->tr.ice, &to) == 0) /* else lost: the handshake repeats it */
        p->opts.ops->send(p->opts.arg, to.path, &to.remote, data, len);
}

static const char *cipher_name(uint16_t profile)
{
    switch (profile) {
    case RTPSEC_AEAD_AES_128_GCM:
        return "AEAD_AES_128_GCM";
    case RTPSEC_AEAD_AES_256_GCM:
        return "AEAD_AES_256_GCM";
    default:
        return "AES_CM_128_HMAC_SHA1_80";
    }
}

static void on_dtls_connected(void *arg)
{
    struct peer *p = arg;
    struct dtls_srtp_keys keys;

    if (dtls_srtp_keys(p->tr.dtls, &keys) != 0)
        return;
    p->tr.out = rtpsec_new((enum rtpsec_profile)keys.profile, keys.local, RTPSEC_OUT);
    p->tr.in = rtpsec_new((enum rtpsec_profile)keys.profile, keys.remote, RTPSEC_IN);
    (void)str_copy(p->tr.cipher, sizeof(p->tr.cipher), cipher_name(keys.profile));
    evp_wipe(&keys, sizeof(keys));
    set_state(p, PEER_CONNECTED, "");
}

static void on_dtls_failed(int err, const char *why, void *arg)
{
    struct peer *p = arg;
    char cause[PEER_ERROR_MAX];

    (void)err;
    if (p->state == PEER_CLOSED)
        return;
    (void)snprintf(cause, sizeof(cause), "DTLS handshake failed, %.120s", why);
    set_state(p, PEER_FAILED, cause);
}

static void on_dtls_closed(void *arg)
{
    struct peer *p = arg;

    set_state(p, PEER_CLOSED, "the browser closed the connection");
}

static const struct dtls_ops dtls_ops = {
    .send = on_dtls_send,
    .on_connected = on_dtls_connected,
    .on_failed = on_dtls_failed,
    .on_closed = on_dtls_closed,
};

/* --- life ------------------------------------------------------------------------------------- */

struct peer *peer_new(const struct peer_opts *opts, int64_t now_us)
{
    struct peer *p = MEM_NEW(struct peer);
    struct ice_opts ice_opts = { .ops = &ice_ops, .arg = p, .controlling = opts->controlling };

    p->opts = *opts;
    p->now_us = now_us;
    p->verdict_us = INT64_MAX;
    p->session_id = evp_random_u64() >> 2; /* RFC 8829 s5.2.1: below 2^62 */
    p->streams = map_new();
    p->tr.ice = ice_new(&ice_opts);
    return p;
}

void peer_free(struct peer *p)
{
    if (!p)
        return;
    if (p->tr.dtls)
        dtls_close(p->tr.dtls);
    dtls_free(p->tr.dtls);
    rtpsec_free(p->tr.in);
    rtpsec_free(p->tr.out);
    ice_free(p->tr.ice);
    stream_clear(p);
    free(p);
}

int peer_add_local(struct peer *p, int64_t now_us, const struct peer_local *local)
{
    struct ice_cand cand = {
        .type = local->relay ? ICE_RELAY : ICE_HOST, .path = local->path, .addr = local->addr,
    };

    p->now_us = now_us;
    return ice_add_local(p->tr.ice, now_us, &cand);
}

void peer_del_path(struct peer *p, int64_t now_us, uint8_t path)
{
    p->now_us = now_us;
    ice_del_path(p->tr.ice, now_us, path);
}

const char *peer_local_text(const struct peer *p, uint8_t path, char dst[PEER_CANDIDATE_MAX])
{
    const struct ice_cand *cand;

    for (size_t i = 0; (cand = ice_local(p->tr.ice, i)); i++) {
        if (cand->path == path)
            return ice_cand_print(cand, dst);
    }
    return NULL;
}

/* --- descriptions ----------------------------------------------------------------------------- */

static int parse(struct sdp_session **out, const char *sdp, char err[PEER_ERROR_MAX])
{
    struct sdp_error why;
    int rc = sdp_parse(out, sdp, strlen(sdp), &why);

    if (rc)
        (void)snprintf(err, PEER_ERROR_MAX, "line %d: %s", why.line, why.text);
    return rc;
}

static void add_candidate_lines(struct peer *p, const struct sdp_list *lines)
{
    for (size_t i = 0; i < lines->n; i++)
        (void)!peer_add_candidate(p, p->now_us, lines->v[i], NULL);
}

static int set_fingerprint(struct peer *p, const struct sdp_fingerprint *fp,
                           char err[PEER_ERROR_MAX])
{
    char text[SDP_FINGERPRINT_MAX * 3 + 1] = "";
    int rc;

    for (size_t i = 0; i < fp->len; i++)
        (void)snprintf(text + i * 3, 4, "%02X%s", fp->value[i], i + 1 < fp->len ? ":" : "");
    rc = dtls_set_fingerprint(p->tr.dtls, fp->hash, text);
    if (rc)
        (void)snprintf(err, PEER_ERROR_MAX, "the fingerprint cannot be used");
    return rc;
}

static int start_dtls(struct peer *p, const struct remote_desc *remote, char err[PEER_ERROR_MAX])
{
    const struct sdp_fingerprint *fp = remote->fingerprint;
    int rc;

    if (p->tr.dtls) {
        if (memcmp(p->fingerprint, fp->value, sizeof(p->fingerprint)) == 0)
            return 0;
        (void)snprintf(err, PEER_ERROR_MAX, "a later description comes from another connection");
        return -ESTALE;
    }
    p->dtls_active = remote->setup == SDP_PASSIVE;
    p->tr.dtls = dtls_new(p->opts.dtls, p->dtls_active ? DTLS_ACTIVE : DTLS_PASSIVE, &dtls_ops, p);
    rc = set_fingerprint(p, fp, err);
    memcpy(p->fingerprint, fp->value, sizeof(p->fingerprint));
    return rc;
}

/* Takes the remote side's transport parameters; new credentials begin a new ICE generation. */
static int set_remote(struct peer *p, const struct remote_desc *remote, bool may_restart,
                      char err[PEER_ERROR_MAX])
{
    int rc = start_dtls(p, remote, err);

    if (rc)
        return rc;
    rc = ice_set_remote(p->tr.ice, p->now_us, remote->ufrag, remote->pwd);
    if (rc == -EPROTO && may_restart) {
        ice_restart(p->tr.ice, p->now_us);
        rc = ice_set_remote(p->tr.ice, p->now_us, remote->ufrag, remote->pwd);
    }
    if (rc) {
        (void)snprintf(err, PEER_ERROR_MAX, "the ICE credentials cannot be used");
        return rc;
    }
    add_candidate_lines(p, remote->candidates);
    p->described = true;
    if (p->state != PEER_CONNECTED && p->state != PEER_CLOSED) { /* DTLS does not begin anew */
        p->verdict_us = p->now_us + VERDICT_US;
        set_state(p, PEER_CONNECTING, "");
    }
    return 0;
}

/* Nothing was agreed to: the next offer may be another one. */
static void forget_refused(struct peer *p)
{
    p->n_mlines = 0;
    dtls_free(p->tr.dtls);
    p->tr.dtls = NULL;
    stream_clear(p);
    p->streams = map_new();
}

int peer_set_offer(struct peer *p, int64_t now_us, const char *sdp, char err[PEER_ERROR_MAX])
{
    struct sdp_session *s = NULL;
    struct remote_desc remote;
    int rc = parse(&s, sdp, err);

    p->now_us = now_us;
    if (rc == 0)
        rc = negotiate_offer(p, s, &remote, err);
    if (rc == 0)
        rc = set_remote(p, &remote, true, err);
    if (rc && !p->described)
        forget_refused(p);
    sdp_free(s);
    return rc;
}

char *peer_answer(struct peer *p)
{
    return p->described ? describe_answer(p) : NULL;
}

char *peer_offer(struct peer *p, const struct peer_want *want, size_t n)
{
    if (n == 0 || n > PEER_MAX_MLINES)
        return NULL;
    describe_want(p, want, n);
    return describe_offer(p);
}

char *peer_restart_offer(struct peer *p, int64_t now_us)
{
    p->now_us = now_us;
    ice_restart(p->tr.ice, now_us);
    return describe_offer(p);
}

int peer_set_answer(struct peer *p, int64_t now_us, const char *sdp, char err[PEER_ERROR_MAX])
{
    struct sdp_session *s = NULL;
    struct remote_desc remote;
    int rc = parse(&s, sdp, err);

    p->now_us = now_us;
    if (rc == 0)
        rc = negotiate_answer(p, s, &remote, err);
    if (rc == 0)
        rc = set_remote(p, &remote, false, err);
    sdp_free(s);
    return rc;
}

int peer_add_candidate(struct peer *p, int64_t now_us, const char *line, const char *ufrag)
{
    struct ice_cand cand;
    int rc;

    p->now_us = now_us;
    if (str_empty(line)) {
        ice_remote_done(p->tr.ice, now_us);
        return 0;
    }
    rc = ice_cand_parse(&cand, line);
    if (rc)
        return rc;
    if (!cand.ufrag[0] && !str_empty(ufrag))
        (void)str_copy(cand.ufrag, sizeof(cand.ufrag), ufrag);
    return ice_add_remote(p->tr.ice, now_us, &cand);
}

const char *peer_ufrag(const struct peer *p)
{
    return ice_local_ufrag(p->tr.ice);
}

/* --- datagrams in ----------------------------------------------------------------------------- */

static int input_rtp(struct peer *p, uint8_t *data, size_t len)
{
    struct peer_rtp rtp = { 0 };
    const struct stream *stream;
    const uint8_t *payload;
    ssize_t n = rtpsec_unprotect_rtp(p->tr.in, data, len);
    uint16_t osn;

    if (n < 0)
        return (int)n;
    if (rtp_decode(&rtp.pkt, data, (size_t)n) != 0)
        return -EBADMSG;
    rtp_ext_read(&rtp.ext, &rtp.pkt, &p->exts);
    if (p->opts.ops->on_arrival && rtp_ext_has(&rtp.ext, RTP_EXT_TWCC))
        p->opts.ops->on_arrival(p->opts.arg, p->now_us, rtp.ext.twcc);
    stream = stream_find(p, &rtp.pkt, &rtp.ext);
    if (!stream)
        return 0; /* authentic, of no use: another codec, padding before the m-line is known */
    rtp.mline = stream->mline;
    rtp.layer = stream->layer;
    rtp.red = rtp.pkt.pt == p->mlines[stream->mline].red_pt && rtp.pkt.pt;
    if (stream->rtx) {
        if (!stream->media_ssrc ||
            rtp_rtx_decode(&rtp.pkt, &osn, &payload, &rtp.pkt.payload_len) != 0)
            return 0;
        rtp.repaired = true;
        rtp.pkt.payload = payload;
        rtp.pkt.seq = osn;
        rtp.pkt.ssrc = stream->media_ssrc;
    }
    p->opts.ops->on_rtp(p->opts.arg, p->now_us, &rtp);
    return 0;
}

static int input_rtcp(struct peer *p, uint8_t *data, size_t len)
{
    ssize_t n = rtpsec_unprotect_rtcp(p->tr.in, data, len);

    if (n < 0)
        return (int)n;
    p->opts.ops->on_rtcp(p->opts.arg, p->now_us, data, (size_t)n);
    return 0;
}

static int input(struct peer *p, const struct ice_path *from, void *data, size_t len)
{
    if (stun_is(data, len))
        return ice_input(p->tr.ice, p->now_us, from, data, len);
    if (dtls_is_packet(data, len)) {
        if (!p->tr.dtls)
            return -EPROTO;
        dtls_input(p->tr.dtls, p->now_us, data, len);
        return 0;
    }
    if (!p->tr.in)
        return -EPROTO;
    if (rtcp_is(data, len))
        return input_rtcp(p, data, len);
    return rtp_is(data, len) ? input_rtp(p, data, len) : -EBADMSG;
}

int peer_input(struct peer *p, int64_t now_us, uint8_t path, const struct addr *from, void *data,
               size_t len)
{
    struct ice_path where = { .path = path, .remote = *from };
    int rc;

    p->now_us = now_us;
    rc = input(p, &where, data, len);
    if (rc < 0) {
        p->stats.rx_dropped++;
        return rc;
    }
    p->heard_us = now_us;
    p->stats.rx_packets++;
    p->stats.rx_bytes += len;
    return 0;
}

/* --- time ------------------------------------------------------------------------------------- */

void peer_timeout(struct peer *p, int64_t now_us)
{
    p->now_us = now_us;
    if (ice_deadline(p->tr.ice) <= now_us)
        ice_timeout(p->tr.ice, now_us);
    if (p->tr.dtls && dtls_deadline(p->tr.dtls) <= now_us)
        dtls_timeout(p->tr.dtls, now_us);
    if (p->verdict_us <= now_us) {
        p->verdict_us = INT64_MAX;
        if (p->state == PEER_CONNECTING)
            set_state(p, PEER_CONNECTING, ice_cause(p));
    }
}

int64_t peer_deadline(const struct peer *p)
{
    int64_t due = MIN(ice_deadline(p->tr.ice), p->verdict_us);

    return p->tr.dtls ? MIN(due, dtls_deadline(p->tr.dtls)) : due;
}

enum peer_state peer_state(const struct peer *p)
{
    return p->state;
}

const char *peer_cause(const struct peer *p)
{
    return p->cause;
}

size_t peer_mlines(const struct peer *p, const struct peer_mline **lines)
{
    *lines = p->mlines;
    return p->n_mlines;
}

/* --- packets out ------------------------------------------------------------------------------ */

static void send_protected(struct peer *p, const struct ice_path *to, const void *data, size_t len)
{
    p->stats.tx_packets++;
    p->stats.tx_bytes += len;
    p->opts.ops->send(p->opts.arg, to->path, &to->remote, data, len);
}

/* The extensions of a packet: what the caller passes on, and our own send time. */
static void fill_exts(const struct peer_mline *m, struct rtp_ext_values *ext,
                      const struct peer_out *out, int64_t now_us)
{
    if (out->ext)
        *ext = *out->ext;
    else
        ext->has = 0;
    if (m->exts.id[RTP_EXT_ABS_TIME]) {
        ext->has |= 1u << RTP_EXT_ABS_TIME;
        ext->abs_time = rtp_abs_time_from_us(now_us);
    }
}

/* The payload type of a packet; a payload that repeats itself is cut down to what is new where the
 * receiver knows no other. */
static int fit_payload(const struct peer_mline *m, const struct peer_out *out, uint8_t *pt,
                       const void **payload, size_t *len)
{
    struct rtp_red red;

    *pt = out->rtx ? m->rtx_pt : out->red && m->red_pt ? m->red_pt : m->pt;
    if (!out->red || m->red_pt)
        return 0;
    if (rtp_red_decode(&red, *payload, *len) != 0)
        return -EBADMSG;
    *payload = red.primary;
    *len = red.primary_len;
    return 0;
}

int peer_send_rtp(struct peer *p, int64_t now_us, const struct peer_out *out, const void *payload,
                  size_t len)
{
    const struct peer_mline *m = &p->mlines[MIN(out->mline, (unsigned)PEER_MAX_MLINES - 1)];
    uint8_t mem[PEER_DATAGRAM_MAX];
    struct buf buf = buf_writer(mem, sizeof(mem) - RTPSEC_RTP_OVERHEAD_MAX);
    struct rtp_ext_values ext;
    struct rtp_out hdr = {
        .marker = out->marker,
        .seq = out->seq,
        .ts = out->timestamp,
        .ssrc = out->rtx ? m->rtx_ssrc : m->ssrc,
        .has_csrc = out->csrc != 0,
        .csrc = out->csrc,
        .rtx = out->rtx,
        .osn = out->original_seq,
        .ext_map = &m->exts,
        .ext = &ext,
    };
    struct ice_path to;
    ssize_t n;

    if (out->mline >= p->n_mlines || !m->send || !p->tr.out || ice_selected(p->tr.ice, &to) != 0 ||
        (out->rtx && !m->rtx_pt))
        return -EPROTO;
    fill_exts(m, &ext, out, now_us);
    if (fit_payload(m, out, &hdr.pt, &payload, &len) != 0)
        return -EBADMSG;
    if (rtp_build(&buf, &hdr, payload, len) != 0)
        return -E2BIG;
    n = rtpsec_protect_rtp(p->tr.out, mem, buf.pos, sizeof(mem));
    if (n < 0)
        return (int)n;
    send_protected(p, &to, mem, (size_t)n);
    return 0;
}

int peer_send_rtcp(struct peer *p, const void *data, size_t len)
{
    uint8_t mem[PEER_DATAGRAM_MAX];
    struct ice_path to;
    ssize_t n;

    if (!p->tr.out || ice_selected(p->tr.ice, &to) != 0)
        return -EPROTO;
    if (len > sizeof(mem) - RTPSEC_RTCP_OVERHEAD_MAX)
        return -E2BIG;
    memcpy(mem, data, len);
    n = rtpsec_protect_rtcp(p->tr.out, mem, len, sizeof(mem));
    if (n < 0)
        return (int)n;
    send_protected(p, &to, mem, (size_t)n);
    return 0;
}

bool peer_reached(const struct peer *p, int64_t now_us)
{
    struct ice_stats ice;

    if (p->state != PEER_CONNECTED)
        return false;
    ice_stats(p->tr.ice, &ice);
    return ice.consent_us &&
           now_us - ice.consent_us <
               (now_us - p->heard_us < SILENT_US ? UNREACHED_HEARD_US : UNREACHED_US);
}

void peer_stats(const struct peer *p, struct peer_stats *out)
{
    struct ice_stats ice;
    struct ice_path to;
    const struct ice_cand *local;

    *out = p->stats;
    ice_stats(p->tr.ice, &ice);
    out->rtt_us = (uint32_t)ice.rtt_us;
    (void)str_copy(out->cipher, sizeof(out->cipher), p->tr.cipher);
    if (ice_selected(p->tr.ice, &to) != 0)
        return;
    out->remote = to.remote;
    out->remote_relay = ice.remote_type == ICE_RELAY;
    out->remote_direct = ice.remote_direct;
    for (size_t i = 0; (local = ice_local(p->tr.ice, i)); i++) {
        if (local->path != to.path)
            continue;
        out->local = local->addr;
        out->relay = local->type == ICE_RELAY;
    }
}
