/* SPDX-License-Identifier: Apache-2.0
 * Arbitrary text as an offer: it is refused, or the answer to it can be read again and fits it. The
 * same text then comes as a later offer. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <base/str.h>
#include <peer/peer.h>
#include <sdp/sdp.h>

static void drop(void *arg, uint8_t path, const struct addr *to, const void *data, size_t len)
{
    (void)arg, (void)path, (void)to, (void)data, (void)len;
}

static void ignore(void *arg, enum peer_state state, const char *cause)
{
    (void)arg, (void)state, (void)cause;
}

static const struct peer_ops ops = { .send = drop, .on_state = ignore };

static void check_answer(const char *text, size_t n_mlines)
{
    struct sdp_session *s;

    assert(sdp_parse(&s, text, strlen(text), NULL) == 0);
    assert(s->media_count == n_mlines);
    sdp_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct dtls_ctx *dtls;
    char *text = str_ndup((const char *)data, len);
    struct peer_opts opts = { .ops = &ops, .video_codec = len & 1 ? PEER_VP8 : PEER_H264,
                              .cname = "fuzz" };
    const struct peer_mline *lines;
    char err[PEER_ERROR_MAX] = "";
    struct peer *p;

    if (!dtls)
        dtls = dtls_ctx_new();
    opts.dtls = dtls;
    p = peer_new(&opts, 0);
    if (peer_set_offer(p, 0, text, err) == 0) {
        char *answer = peer_answer(p);

        check_answer(answer, peer_mlines(p, &lines));
        free(answer);
        assert(peer_set_offer(p, 1000, text, err) == 0);
    } else {
        assert(err[0] && !peer_answer(p));
    }
    peer_timeout(p, 100000);
    peer_free(p);
    free(text);
    return 0;
}
