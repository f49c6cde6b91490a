/* SPDX-License-Identifier: Apache-2.0
 * A TCP socket and a stream of a link, each the continuation of the other. */
#ifndef BENCH_TUNNEL_PIPE_H
#define BENCH_TUNNEL_PIPE_H

#include <uv.h>

#include <tunnel/link.h>

struct pipe;

/* Joins a connected, non-blocking socket and a stream. It ends with either of them. */
struct pipe *pipe_new(uv_loop_t *loop, int fd, struct tunnel_link *l, struct mux_stream *s);

/* What the stream's call backs hand on. */
void pipe_data(struct pipe *p, const uint8_t *data, size_t len);
void pipe_eof(struct pipe *p);
void pipe_room(struct pipe *p);
void pipe_end(struct pipe *p);

#endif
