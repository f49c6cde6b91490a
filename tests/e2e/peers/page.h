/* SPDX-License-Identifier: Apache-2.0
 * A guest page without a page: signalling over a real WebSocket, media of the mock browser over
 * real UDP. It logs in with a call ID, joins, offers, and keeps what it is told. */
#ifndef TESTS_E2E_PEERS_PAGE_H
#define TESTS_E2E_PEERS_PAGE_H

#include <jansson.h>
#include <sfu/sfu.h>

#include "udpbrowser.h"
#include "wsclient.h"

enum { PAGE_LEFT_MAX = 32 };

struct page_opts {
    uv_loop_t *loop;
    struct dtls_ctx *dtls;
    uint16_t port;
    const char *ca_file, *call_id; /* ca_file NULL: any certificate */
    int64_t frame_us;              /* between two pictures; 0: 200 ms */
};

struct page {
    struct page_opts opts;
    struct wsclient *ws;
    struct udpbrowser *u;
    char name[16];
    char *ticket, *space;
    uint32_t number;          /* 0: not joined yet */
    struct sfu_slots slots;   /* as last told */
    uint32_t speaker;
    uint32_t left[PAGE_LEFT_MAX];
    unsigned n_left;
    uint32_t others_muted;    /* the last participant that was said to be audio-muted */
    bool muted, media_connected, resuming, resumed, done;
    char *refusal;            /* an error came */
    char *ended;              /* why the WebSocket or the call ended */
};

/* Begins; everything further happens in the loop. Owner: the caller, ends with page_free(). */
struct page *page_new(const struct page_opts *opts, unsigned index);
void page_free(struct page *p);

/* Leaves the call; the answer sets `done`. */
void page_leave(struct page *p);

/* The WebSocket breaks without a word; and comes back and resumes. */
void page_cut(struct page *p);
void page_resume(struct page *p);

/* True when it is told to see the participant, and when pictures or sound of it arrive now. */
bool page_has_slot(const struct page *p, uint32_t number);
bool page_sees(const struct page *p, uint32_t number);
bool page_hears(const struct page *p, uint32_t number);

#endif
