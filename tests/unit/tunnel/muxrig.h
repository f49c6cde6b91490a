/* SPDX-License-Identifier: Apache-2.0
 * Two ends of a mux and the line between them, on a clock of their own: `e` opens streams (expe),
 * `c` serves them (expc). What the serving end does with a stream stands in its header field `app`:
 * "echo" sends back what comes, "sink" takes it, "stall" takes nothing in, "source" sends `bytes`,
 * "wait" does not answer. */
#ifndef TESTS_UNIT_TUNNEL_MUXRIG_H
#define TESTS_UNIT_TUNNEL_MUXRIG_H

#include "cm.h"

#include <base/list.h>
#include <base/str.h>
#include <tunnel/mux.h>

enum { RIG_MS = 1000, RIG_SEC = 1000000 };

struct rig;

/* One end of a stream, as its user sees it. Kept until rig_fini(). */
struct rig_stream {
    struct list in; /* of its end */
    struct rig *rig;
    struct mux_stream *s; /* NULL once it has ended */
    bool stalls;          /* consumes nothing */
    bool echoes;
    size_t to_send;       /* left of a source */
    size_t got, held;
    struct str last;      /* the first 64 KiB that came */
    int status;
    char reason[32];      /* stoa-reason of the answer */
    bool eof, ended;
    int err;
    int64_t got_us;       /* when the last byte came */
};

struct rig_end {
    struct rig *rig;
    struct mux *m;
    struct mux_budget budget;
    struct list streams;
    size_t n_streams, n_ended, goaways, pongs;
    int64_t rtt_us;
    int error; /* of mux_input or mux_tick */
};

struct rig_line {
    struct list packets;
    size_t queued_b; /* under way */
    int64_t free_us; /* when the sender may send again */
};

struct rig {
    int64_t now_us;
    int64_t delay_us;  /* of each direction */
    int64_t rate_bps;  /* of each direction; 0 without limit */
    size_t split;      /* bytes of an input; 0 as they come; SIZE_MAX random */
    unsigned seed;
    bool cut_to_c, cut_to_e; /* what is sent that way is lost */
    struct rig_end e, c;
    struct rig_line to_c, to_e;
};

void rig_init(struct rig *r);
void rig_fini(struct rig *r);

/* Lets time pass; rig_settle() until nothing is under way, without ticks. */
void rig_run(struct rig *r, int64_t us);
void rig_settle(struct rig *r);

/* Opens a stream; NULL and *err as mux_open(). */
struct rig_stream *rig_try_open(struct rig *r, const char *app, size_t bytes, int *err);
struct rig_stream *rig_open(struct rig *r, const char *app, size_t bytes);

/* Writes all of it or fails. */
void rig_write(struct rig_stream *t, const void *data, size_t len);

/* Sends a small message over an echo stream, and says how long it took to come back; -1 never. */
int64_t rig_echo(struct rig *r, struct rig_stream *t);

/* A stalled end takes in what it holds, and all that follows. */
void rig_unstall(struct rig_stream *t);

#endif
