/* SPDX-License-Identifier: Apache-2.0
 * Shared by the files of lib/sdp. */
#ifndef SDP_PRIV_H
#define SDP_PRIV_H

#include <sdp/sdp.h>

/* Returns zeroed memory that goes with the session. */
void *sdp_alloc(struct sdp_session *s, size_t size_b);

/* Copies `len` bytes, which hold no control characters, as a string. */
const char *sdp_textn(struct sdp_session *s, const char *text, size_t len);

/* A piece of a line, not ended by NUL. */
struct span {
    const char *p;
    size_t len;
};

/* Cuts the text up to `sep` off the front of `in` and steps over the separator; takes all when
 * there is none. */
struct span span_cut(struct span *in, char sep);

bool span_is(struct span s, const char *text);
bool span_starts(struct span *s, const char *prefix); /* and steps over the prefix */

/* Reads a whole decimal number up to `max`; false for anything else. */
bool span_u64(struct span s, uint64_t max, uint64_t *out);

/* Fields of an m-line that are complete only when all its lines were read. */
struct pending {
    unsigned attrs;
    struct span wild_fb[SDP_FB_MAX]; /* a=rtcp-fb:* */
    size_t wild_fb_count;
    bool has_dir;
};

/* State of reading. `media` is the m-line being read: at session level one that is no part of the
 * result, from which the others inherit. */
struct parser {
    struct sdp_session *s;
    struct sdp_media *media;
    struct pending pending;
    bool at_media;
};

/* Takes one attribute (without "a=").
 * Errors: 0, also for unknown ones; -EBADMSG malformed; -E2BIG over a limit; *why says what. */
int sdp_attr_take(struct parser *p, struct span attr, const char **why) MUST_USE;

/* Completes the current m-line: resolves rtcp-fb:*. Errors: 0; -E2BIG. */
int sdp_attr_finish(struct parser *p) MUST_USE;

/* The words of the enums, in their order; the last is followed by NULL. */
extern const char *const sdp_kind_words[];
extern const char *const sdp_dir_words[];
extern const char *const sdp_setup_words[];

#endif
