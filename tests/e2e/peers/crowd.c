/* SPDX-License-Identifier: Apache-2.0
 * Silent guests with cameras for browser tests: crowd PORT CALL-ID N. They cost no encoder, and
 * send 20 pictures and about 450 kbit/s each. "joined" is printed when the media of all is
 * connected; they leave when the standard input ends. */
#include <stdio.h>
#include <stdlib.h>

#include <base/attr.h>

#include "page.h"

enum { GUESTS_MAX = 12, FRAME_US = 50000, LOOK_MS = 50 };

static struct {
    uv_loop_t loop;
    uv_timer_t clock;
    uv_pipe_t input;
    struct page *guests[GUESTS_MAX];
    unsigned n;
    bool joined, leaving;
    char memory[64];
} crowd;

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    (void)handle, (void)suggested;
    *buf = uv_buf_init(crowd.memory, sizeof(crowd.memory));
}

static void on_input(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    (void)buf;
    if (n >= 0)
        return;
    (void)uv_read_stop(stream);
    crowd.leaving = true;
    for (unsigned i = 0; i < crowd.n; i++)
        page_leave(crowd.guests[i]);
}

static void close_all(void)
{
    uv_close((uv_handle_t *)&crowd.clock, NULL);
    uv_close((uv_handle_t *)&crowd.input, NULL);
    for (unsigned i = 0; i < crowd.n; i++)
        page_free(crowd.guests[i]);
}

static void on_clock(uv_timer_t *timer)
{
    unsigned connected = 0, done = 0;

    (void)timer;
    for (unsigned i = 0; i < crowd.n; i++) {
        const struct page *p = crowd.guests[i];

        if (p->refusal || p->ended) {
            (void)fprintf(stderr, "crowd: guest %u: %s\n", i, p->refusal ? p->refusal : p->ended);
            exit(1);
        }
        connected += p->media_connected;
        done += p->done;
    }
    if (connected == crowd.n && !crowd.joined) {
        crowd.joined = true;
        (void)printf("joined\n");
        (void)fflush(stdout);
    }
    if (crowd.leaving && done == crowd.n)
        close_all();
}

int main(int argc, char **argv)
{
    struct page_opts opts = { .loop = &crowd.loop, .frame_us = FRAME_US };
    unsigned long n = argc == 4 ? strtoul(argv[3], NULL, 10) : 0;

    if (n == 0 || n > GUESTS_MAX) {
        (void)fprintf(stderr, "Usage: crowd PORT CALL-ID N\n");
        return 2;
    }
    (void)uv_loop_init(&crowd.loop);
    opts.dtls = dtls_ctx_new();
    opts.port = (uint16_t)strtoul(argv[1], NULL, 10);
    opts.call_id = argv[2];
    for (; crowd.n < n; crowd.n++)
        crowd.guests[crowd.n] = page_new(&opts, crowd.n + 1);
    (void)uv_pipe_init(&crowd.loop, &crowd.input, 0);
    (void)uv_pipe_open(&crowd.input, 0);
    (void)uv_read_start((uv_stream_t *)&crowd.input, on_alloc, on_input);
    (void)uv_timer_init(&crowd.loop, &crowd.clock);
    (void)uv_timer_start(&crowd.clock, on_clock, LOOK_MS, LOOK_MS);
    (void)uv_run(&crowd.loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&crowd.loop);
    dtls_ctx_free(opts.dtls);
    return 0;
}
