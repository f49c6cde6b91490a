/* SPDX-License-Identifier: Apache-2.0
 * Shared by the writers of RTCP packets. */
#ifndef RTCP_PRIV_H
#define RTCP_PRIV_H

#include <stddef.h>
#include <stdint.h>

#include <base/buf.h>

/* Writes the header; returns where it began, for rtcp_end(), which writes the length. */
size_t rtcp_begin(struct buf *out, uint8_t type, uint8_t count);
void rtcp_end(struct buf *out, size_t at);

/* The same for feedback, with the SSRCs of sender and media. */
size_t rtcp_fb_begin(struct buf *out, uint8_t type, uint8_t fmt, const uint32_t ssrcs[2]);

#endif
