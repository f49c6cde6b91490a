/* SPDX-License-Identifier: Apache-2.0
 * One media worker: a thread with its socket, its epoll and the spaces pinned to it. */
#ifndef CALLBRIDGE_WORKER_H
#define CALLBRIDGE_WORKER_H

#include <stdatomic.h>

#include "media.h"

struct worker;
struct worker_space; /* a space on the worker's side */

enum worker_cmd_type {
    CMD_SPACE_NEW,
    CMD_SPACE_FREE,
    CMD_JOIN,
    CMD_LEAVE,
    CMD_OUTSIDE,
    CMD_OFFER,
    CMD_CANDIDATE,
    CMD_SET,
    CMD_VIEW,
    CMD_HOLD,
    CMD_STATS,
    CMD_RELAYS,
    CMD_STOP,
};

/* A message to a worker. Heap; the worker frees it and its strings. */
struct worker_cmd {
    struct worker_cmd *next;
    enum worker_cmd_type type;
    struct media_space *space;
    uint32_t participant;
    uint64_t cookie;
    bool loopback, relay_only, outside, hold;
    enum peer_codec codec;
    struct sfu_media media;
    struct sfu_view view;
    char *text, *text2;
    struct media_relay *relays; /* wiped when freed */
    size_t n_relays;
};

/* A message from a worker. Heap; the control thread frees it and its strings. `closed`: the worker
 * has forgotten the space, nothing about it follows. */
struct worker_event {
    struct worker_event *next;
    struct media_space *space; /* NULL: of the worker itself */
    bool closed;
    struct media_event event;
    char *text, *cause;
};

struct worker_opts {
    unsigned index;
    const char *listen;
    uint16_t port;
    struct dtls_ctx *dtls;
    bool echo;
    /* Takes an event over, on the worker's thread. */
    void (*post)(void *arg, struct worker_event *ev);
    void *arg;
};

/* Binds the socket and starts the thread. Errors: negative errno of the socket. */
int worker_start(struct worker **out, const struct worker_opts *opts) MUST_USE;

/* Ends the thread, frees everything on it. */
void worker_stop(struct worker *w);

/* Gives a message to the worker. Any thread. */
void worker_post(struct worker *w, struct worker_cmd *cmd);

/* Counters, read while it runs. Any thread. */
void worker_counters(struct worker *w, struct media_counters *sum);

#endif
