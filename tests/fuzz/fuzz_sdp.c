/* SPDX-License-Identifier: Apache-2.0
 * Any text as SDP: what was read is printed, and reads and prints the same again. */
#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <sdp/sdp.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void look_up(const struct sdp_session *s)
{
    for (size_t i = 0; i < s->media_count; i++) {
        const struct sdp_media *m = s->media[i];

        (void)sdp_media_find_codec(m, "H264", sdp_fmtp_h264_baseline, NULL);
        for (size_t k = 0; k < m->payload_count; k++)
            (void)sdp_rtx_of(m, m->payloads[k].pt);
        (void)sdp_ext_id(m, "urn:ietf:params:rtp-hdrext:sdes:mid");
        for (size_t k = 0; k < m->ssrc_count; k++)
            (void)sdp_rtx_ssrc_of(m, m->ssrcs[k].ssrc);
        assert(!m->mid || sdp_media_by_mid(s, m->mid) == m);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct sdp_session *s, *again;
    struct sdp_error err;
    char *first, *second;
    int code;

    if (sdp_parse(&s, (const char *)data, len, &err) != 0) {
        assert(!s && err.text[0] != '\0');
        return 0;
    }
    look_up(s);
    first = sdp_print(s);
    /* What every m-line inherits and "rtcp-fb:*" may carry the printed text over a limit. */
    code = sdp_parse(&again, first, strlen(first), NULL);
    assert(code == 0 || code == -E2BIG);
    if (code == 0) {
        second = sdp_print(again);
        assert(strcmp(first, second) == 0);
        free(second);
    }
    sdp_free(again);
    sdp_free(s);
    free(first);
    return 0;
}
