/* SPDX-License-Identifier: Apache-2.0
 * The control stream's frames as bytes: a length (4 bytes, big-endian, at most TUNNEL_FRAME_MAX),
 * then a stoa.zone.v1.Frame with exactly one member. */
#ifndef TUNNEL_FRAME_H
#define TUNNEL_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include <zone.pb-c.h>

#include <base/attr.h>

/* The frame that is coming in. All zero is the start. */
struct tunnel_inbox {
    uint8_t head[4];
    size_t head_len;
    uint8_t *mem; /* the frame, once its length is known */
    size_t len, at;
};

/* Takes bytes from the front of `*data` until a frame is whole. Returns 1 and the frame in `*out`,
 * 0 when more bytes are needed.
 * Owner:  *out is the caller's, ends with tunnel_frame_free().
 * Errors: -EBADMSG too long, or no Frame with one member, or a text that is not UTF-8. */
int tunnel_inbox_take(struct tunnel_inbox *in, const uint8_t **data, size_t *len,
                      Stoa__Zone__V1__Frame **out) MUST_USE;
void tunnel_inbox_fini(struct tunnel_inbox *in);

/* Number of the one member that is set: that of its field in zone.proto. */
unsigned tunnel_frame_member(const Stoa__Zone__V1__Frame *f);

void tunnel_frame_free(Stoa__Zone__V1__Frame **f);

/* Returns the bytes of a frame, with their length in front. Owner: the caller; NULL: longer than
 * TUNNEL_FRAME_MAX. */
uint8_t *tunnel_frame_bytes(const Stoa__Zone__V1__Frame *f, size_t *len);

/* A copy of a text of the other end, fit for a log line: at most `max` bytes, control characters as
 * '?'; "" for NULL. Owner: the caller. */
char *tunnel_text(const char *text, size_t max);

#endif
