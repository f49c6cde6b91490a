/* SPDX-License-Identifier: Apache-2.0
 * Frames between client and server: ChannelData, and where a message ends on a stream. Pure. */
#ifndef TURN_FRAME_H
#define TURN_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <base/attr.h>

enum { TURN_CHAN_HDR_LEN = 4 };

/* One ChannelData message.
 *
 *   | channel 0x4000-0x4FFF (16) | length in bytes (16) | payload, on streams padded to 4 | */
struct turn_chandata {
    uint16_t channel;
    uint16_t len;
    const uint8_t *payload; /* into the message */
};

/* True when a datagram can only be ChannelData. */
bool turn_frame_is_chandata(const void *data, size_t len);

/* True when a message is a STUN request, to be answered; false for what only goes on. */
bool turn_frame_is_request(const void *data, size_t len);

/* Reads a ChannelData message that is a whole datagram or frame.
 * Errors: -EBADMSG number out of range, or shorter than it says. What is longer is padding.
 * Source: RFC 8656 section 12.4 */
int turn_chandata_decode(struct turn_chandata *out, const void *data, size_t len) MUST_USE;

/* Writes the 4 bytes before a payload. */
void turn_chandata_head(uint8_t head[TURN_CHAN_HDR_LEN], uint16_t channel, size_t len);

/* Finds the end of the first frame of a stream.
 * Shape:  *size is the frame with its padding; at most `max`. `chandata`: ChannelData is allowed.
 * Errors: -EAGAIN more bytes are needed; -EBADMSG neither STUN nor ChannelData (HTTP, TLS, noise);
 *         -E2BIG longer than `max`: end the connection for both. */
int turn_frame_next(const uint8_t *data, size_t len, size_t max, bool chandata,
                    size_t *size) MUST_USE;

#endif
