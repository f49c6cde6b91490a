/* SPDX-License-Identifier: Apache-2.0
 * The publishing side of replicated state: snapshots on request, numbered updates, and once a
 * second a word about where each topic stands, so that a copy notices the loss of the last
 * update. */
#include <bus/state.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <base/str.h>
#include <log/log.h>

#include "bus_priv.h"

enum {
    POSITION_MS = 1000,
    CHUNK_B = 64 * 1024, /* of a snapshot: many rows per message, none blocks the bus for long */
    CHUNK_ROWS = 500,
    UPDATE_MAX_B = BUS_BODY_MAX_B / 2,
    UPDATE_MAX_ROWS = 2000,
};

struct bus_state_pub {
    struct bus *bus;
    struct bus_state_pub_opts opts;
    struct loop_timer *timer;
};

/* Rows on their way into one message. */
struct batch {
    Stoa__Bus__V1__StateRow rows[CHUNK_ROWS], *ptrs[CHUNK_ROWS];
    size_t n, size_b;
    struct bus_call *call;
    uint64_t total;
    int err;
};

static void fill_row(Stoa__Bus__V1__StateRow *out, const struct bus_state_row *in)
{
    stoa__bus__v1__state_row__init(out);
    out->kind = (char *)(uintptr_t)in->kind;
    out->id = (char *)(uintptr_t)in->id;
    out->has_data = in->data != NULL;
    out->data = bus_bin(in->data, in->data ? in->len : 0);
}

/* --- snapshots ------------------------------------------------------------------------------- */

static void flush(struct batch *b)
{
    Stoa__Bus__V1__SnapshotRows body = STOA__BUS__V1__SNAPSHOT_ROWS__INIT;

    if (b->n > 0 && !b->err) {
        body.n_rows = b->n;
        body.rows = b->ptrs;
        b->err = bus_call_part(b->call, &body.base);
    }
    for (size_t i = 0; i < b->n; i++) {
        free(b->rows[i].kind);
        free(b->rows[i].id);
        free(b->rows[i].data.data);
    }
    b->n = b->size_b = 0;
}

/* The row is borrowed for the call only, so it is copied until its message is full. */
static void emit(void *arg, const struct bus_state_row *row)
{
    struct batch *b = arg;
    Stoa__Bus__V1__StateRow *out;

    if (b->n == CHUNK_ROWS || b->size_b + row->len > CHUNK_B)
        flush(b);
    out = &b->rows[b->n];
    fill_row(out, row);
    out->kind = str_dup(row->kind);
    out->id = str_dup(row->id);
    out->data.data = mem_dup(row->data, row->len);
    b->ptrs[b->n++] = out;
    b->size_b += row->len + strlen(row->kind) + strlen(row->id) + 16;
    b->total++;
}

static bool has_topic(const struct bus_state_pub *p, const char *topic)
{
    for (size_t i = 0; topic && p->opts.topics[i]; i++) {
        if (strcmp(p->opts.topics[i], topic) == 0)
            return true;
    }
    return false;
}

static void on_snapshot(void *arg, struct bus_call *call, const ProtobufCMessage *body)
{
    struct bus_state_pub *p = arg;
    const Stoa__Bus__V1__SnapshotRequest *q = (const void *)body;
    Stoa__Bus__V1__SnapshotReply r = STOA__BUS__V1__SNAPSHOT_REPLY__INIT;
    struct batch *b;
    int err;

    if (!has_topic(p, q->topic)) {
        bus_fail(call, BUS_NOT_FOUND, false, "no such topic");
        return;
    }
    b = MEM_NEW(struct batch);
    b->call = call;
    r.has_epoch = r.has_seq = r.has_rows = true;
    p->opts.position(p->opts.arg, q->topic, &r.epoch, &r.seq);
    err = p->opts.rows(p->opts.arg, q->topic, emit, b);
    flush(b);
    r.rows = b->total;
    err = err ? err : b->err;
    free(b);
    if (err)
        bus_fail(call, BUS_UNAVAILABLE, true, "snapshot failed: %s", strerror(-err));
    else
        bus_reply(call, &r.base);
}

/* --- updates --------------------------------------------------------------------------------- */

static int publish(struct bus_state_pub *p, const char *topic,
                   const Stoa__Bus__V1__StateUpdate *body)
{
    envelope head = STOA__BUS__V1__ENVELOPE__INIT;

    head.topic = (char *)(uintptr_t)topic;
    head.has_epoch = head.has_seq = true;
    p->opts.position(p->opts.arg, topic, &head.epoch, &head.seq);
    return bus_publish_numbered(p->bus, &head, &body->base);
}

void bus_state_pub_update(struct bus_state_pub *p, const char *topic,
                          const struct bus_state_row *rows, size_t n)
{
    Stoa__Bus__V1__StateUpdate body = STOA__BUS__V1__STATE_UPDATE__INIT;
    Stoa__Bus__V1__StateRow *items = mem_calloc(n + 1, sizeof(*items));
    Stoa__Bus__V1__StateRow **ptrs = mem_calloc(n + 1, sizeof(*ptrs));

    for (size_t i = 0; i < n; i++) {
        fill_row(&items[i], &rows[i]);
        ptrs[i] = &items[i];
    }
    body.n_rows = n;
    body.rows = ptrs;
    /* `reload` also marks a transaction without rows, which would look like a mere position. */
    if (n == 0 || n > UPDATE_MAX_ROWS ||
        stoa__bus__v1__state_update__get_packed_size(&body) > UPDATE_MAX_B) {
        body.n_rows = 0;
        body.has_reload = true;
        body.reload = true;
    }
    if (publish(p, topic, &body))
        log_debug("state %s: update not sent, copies will take a snapshot", topic);
    free(items);
    free(ptrs);
}

static void on_position(void *arg)
{
    struct bus_state_pub *p = arg;
    Stoa__Bus__V1__StateUpdate body = STOA__BUS__V1__STATE_UPDATE__INIT;

    for (size_t i = 0; p->opts.topics[i]; i++) {
        if (bus_is_up(p->bus))
            (void)publish(p, p->opts.topics[i], &body);
    }
}

/* --- life ------------------------------------------------------------------------------------ */

static const struct bus_handler handlers[] = {
    {&stoa__bus__v1__snapshot_request__descriptor, on_snapshot},
};

int bus_state_pub_new(struct bus_state_pub **out, struct bus *bus,
                      const struct bus_state_pub_opts *opts)
{
    struct bus_state_pub *p;

    *out = NULL;
    if (!opts->topics || !opts->position || !opts->rows)
        return -EINVAL;
    p = MEM_NEW(struct bus_state_pub);
    p->bus = bus;
    p->opts = *opts;
    p->timer = loop_timer_new(bus->opts.loop, on_position, p);
    loop_timer_start(p->timer, POSITION_MS, POSITION_MS);
    bus_handle(bus, handlers, ARRAY_LEN(handlers), p);
    *out = p;
    return 0;
}

void bus_state_pub_free(struct bus_state_pub **pp)
{
    struct bus_state_pub *p = *pp;

    if (!p)
        return;
    *pp = NULL;
    bus_unhandle(p->bus, handlers[0].type);
    loop_timer_free(&p->timer);
    free(p);
}
