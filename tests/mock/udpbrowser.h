/* SPDX-License-Identifier: Apache-2.0
 * The mock browser on a real UDP socket of 127.0.0.1 and a libuv loop. */
#ifndef TESTS_MOCK_UDPBROWSER_H
#define TESTS_MOCK_UDPBROWSER_H

#include <uv.h>

#include "browser.h"

struct udpbrowser {
    struct browser *browser;
    struct addr local;
    uv_udp_t socket;
    uv_timer_t timer;
    unsigned open; /* handles that are not closed yet */
    char memory[2048];
};

/* Binds a socket and makes the browser; `send` and `arg` of the options are not looked at.
 * Owner: the caller, ends with udpbrowser_free() while the loop still runs once. */
struct udpbrowser *udpbrowser_new(uv_loop_t *loop, const struct browser_opts *opts);
void udpbrowser_free(struct udpbrowser *u);

/* The offer (the caller frees it), and the answer to it. */
char *udpbrowser_offer(struct udpbrowser *u);
void udpbrowser_answer(struct udpbrowser *u, const char *sdp);

/* Goes silent: hears nothing, sends nothing, as when its network is gone; and is there again. */
void udpbrowser_silence(struct udpbrowser *u);
void udpbrowser_resume(struct udpbrowser *u);

/* The slot that shows a participant now, or NULL: as browser_shows(). */
const struct browser_slot *udpbrowser_shows(const struct udpbrowser *u, bool video,
                                            uint32_t participant);

/* The clock that all of them use. */
int64_t udpbrowser_now_us(void);

#endif
