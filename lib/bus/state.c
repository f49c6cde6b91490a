/* SPDX-License-Identifier: Apache-2.0
 * A copy of a topic. The order of one publisher's messages is kept by the bus, so an update that
 * comes after a snapshot's end belongs behind it, and one that comes before is already in it:
 * nothing needs to be queued. A snapshot is collected apart and compared when it is complete. */
#include <bus/state.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <base/str.h>
#include <bus/types.h>
#include <bus/validate.h>
#include <log/log.h>

#include "bus_priv.h"
#include "state_file.h"

enum {
    SNAPSHOT_TIMEOUT_MS = 10000,
    RETRY_MS = 300,
    RETRY_SLOW_MS = 5000,
    SAVE_AFTER_MS = 2000,
    ROWS_MAX = 200000, /* what one topic may hold: memory of the daemon */
};

struct row {
    char *name; /* "<kind>/<id>", the key in the map */
    char *kind, *id;
    uint8_t *data;
    size_t len;
};

struct bus_state {
    struct bus *bus;
    char *topic, *role, *cache_path;
    struct bus_state_opts opts;
    struct bus_listener listener;
    struct map *rows;
    struct map *incoming; /* snapshot being received; NULL: none */
    uint64_t epoch, seq;
    bool live;
    bool dirty; /* the file is older */
    struct bus_request *request;
    int64_t retry_ms;
    struct loop_timer *retry, *save;
};

/* --- rows ------------------------------------------------------------------------------------ */

static void row_free(struct row *r)
{
    if (!r)
        return;
    free(r->name);
    free(r->kind);
    free(r->id);
    free(r->data);
    free(r);
}

static void rows_free(struct map **m)
{
    size_t it = 0;
    void *value;

    while (*m && map_next(*m, &it, NULL, &value))
        row_free(value);
    map_free(*m);
    *m = NULL;
}

static char *row_name(const char *kind, const char *id)
{
    return str_printf("%s/%s", kind, id);
}

/* Returns a row of its own for a received one; NULL for one without data. */
static struct row *row_from(const Stoa__Bus__V1__StateRow *in)
{
    struct row *r;

    if (!in->has_data)
        return NULL;
    r = MEM_NEW(struct row);
    r->kind = str_dup(in->kind ? in->kind : "");
    r->id = str_dup(in->id ? in->id : "");
    r->name = row_name(r->kind, r->id);
    r->data = mem_zalloc(in->data.len + 1); /* never NULL: that means deleted */
    if (in->data.len)
        memcpy(r->data, in->data.data, in->data.len);
    r->len = in->data.len;
    return r;
}

static void tell(struct bus_state *st, const struct row *r, bool deleted)
{
    struct bus_state_row row = {
        .kind = r->kind,
        .id = r->id,
        .data = deleted ? NULL : r->data,
        .len = deleted ? 0 : r->len,
    };

    if (st->opts.apply)
        st->opts.apply(st->opts.arg, &row);
}

/* Stores a row (taken) and tells it if it is news. */
static void put(struct bus_state *st, struct row *r)
{
    struct row *old = map_get(st->rows, r->name);

    if (old && old->len == r->len && memcmp(old->data, r->data, r->len) == 0) {
        row_free(r);
        return;
    }
    row_free(map_put(st->rows, r->name, r));
    st->dirty = true;
    tell(st, r, false);
}

static void drop(struct bus_state *st, const char *name)
{
    struct row *old = map_del(st->rows, name);

    if (!old)
        return;
    st->dirty = true;
    tell(st, old, true);
    row_free(old);
}

/* --- snapshot -------------------------------------------------------------------------------- */

static void ask_snapshot(struct bus_state *st);

static void synced(struct bus_state *st)
{
    st->live = true;
    if (st->dirty && st->cache_path && !loop_timer_active(st->save))
        loop_timer_start(st->save, SAVE_AFTER_MS, 0);
    if (st->opts.on_synced)
        st->opts.on_synced(st->opts.arg, true);
}

static void try_later(struct bus_state *st, const char *why)
{
    rows_free(&st->incoming);
    st->live = false;
    if (log_limit(st->topic))
        log_warning("state %s: snapshot failed, reason=%s", st->topic, why);
    loop_timer_start(st->retry, st->retry_ms, 0);
    st->retry_ms = MIN(st->retry_ms * 2, RETRY_SLOW_MS);
}

static void on_rows(void *arg, const envelope *env)
{
    struct bus_state *st = arg;
    ProtobufCMessage *body = NULL;
    const Stoa__Bus__V1__SnapshotRows *rows;

    if (!st->incoming ||
        bus_unpack(&body, &stoa__bus__v1__snapshot_rows__descriptor, env->body.data, env->body.len))
        return; /* the count at the end will not agree */
    rows = (const void *)body;
    for (size_t i = 0; i < rows->n_rows && map_count(st->incoming) < ROWS_MAX; i++) {
        struct row *r = row_from(rows->rows[i]);

        if (r)
            row_free(map_put(st->incoming, r->name, r));
    }
    bus_msg_free(&body);
}

/* Makes the complete snapshot the copy, telling only what differs. */
static void take_incoming(struct bus_state *st)
{
    struct map *incoming = st->incoming;
    size_t it = 0;
    const char *name;
    void *value;

    st->incoming = NULL;
    while (map_next(st->rows, &it, &name, &value)) {
        if (!map_get(incoming, name)) {
            char *gone = str_dup(name); /* the map's own copy goes with the entry */

            drop(st, gone);
            free(gone);
        }
    }
    it = 0;
    while (map_next(incoming, &it, NULL, &value))
        put(st, value);
    map_free(incoming);
}

static void on_snapshot(void *arg, const struct bus_result *r)
{
    struct bus_state *st = arg;
    const Stoa__Bus__V1__SnapshotReply *reply = (const void *)r->body;

    st->request = NULL;
    if (r->code != BUS_OK) {
        try_later(st, r->message);
        return;
    }
    if (reply->rows != map_count(st->incoming)) {
        try_later(st, "incomplete");
        return;
    }
    st->retry_ms = RETRY_MS;
    if (st->epoch != reply->epoch || st->seq != reply->seq)
        st->dirty = true;
    st->epoch = reply->epoch;
    st->seq = reply->seq;
    take_incoming(st);
    log_debug("state %s: snapshot taken, epoch=%" PRIu64 ", seq=%" PRIu64 ", rows=%zu", st->topic,
              st->epoch, st->seq, map_count(st->rows));
    synced(st);
}

static void ask_snapshot(struct bus_state *st)
{
    Stoa__Bus__V1__SnapshotRequest body = STOA__BUS__V1__SNAPSHOT_REQUEST__INIT;
    envelope head = STOA__BUS__V1__ENVELOPE__INIT;

    if (st->request || !bus_is_up(st->bus))
        return;
    loop_timer_stop(st->retry);
    rows_free(&st->incoming);
    st->incoming = map_new();
    body.topic = st->topic;
    head.dst_role = st->role;
    head.topic = st->topic;
    head.ttl_ms = SNAPSHOT_TIMEOUT_MS;
    st->request = bus_request_internal(st->bus, &head, &body.base, on_snapshot, st);
    st->request->part = on_rows;
}

static void on_retry(void *arg)
{
    ask_snapshot(arg);
}

/* --- updates --------------------------------------------------------------------------------- */

static void lost_track(struct bus_state *st, const char *why)
{
    log_debug("state %s: new snapshot, reason=%s", st->topic, why);
    st->live = false;
    ask_snapshot(st);
}

static void on_update(void *arg, const envelope *env, const ProtobufCMessage *body)
{
    struct bus_state *st = arg;
    const Stoa__Bus__V1__StateUpdate *up = (const void *)body;

    if (body->descriptor != &stoa__bus__v1__state_update__descriptor || st->request ||
        loop_timer_active(st->retry))
        return; /* the snapshot under way has it, or comes later than it */
    if (env->epoch != st->epoch) {
        lost_track(st, "epoch");
    } else if (up->has_reload && up->reload) {
        lost_track(st, "large change");
    } else if (up->n_rows == 0 ? env->seq != st->seq : env->seq != st->seq + 1) {
        lost_track(st, "gap");
    } else if (up->n_rows > 0) {
        st->seq = env->seq;
        for (size_t i = 0; i < up->n_rows; i++) {
            struct row *r = row_from(up->rows[i]);
            char *name;

            if (r) {
                put(st, r);
                continue;
            }
            name = row_name(up->rows[i]->kind ? up->rows[i]->kind : "",
                            up->rows[i]->id ? up->rows[i]->id : "");
            drop(st, name);
            free(name);
        }
        synced(st);
    }
}

static void on_up(void *arg)
{
    struct bus_state *st = arg;

    st->retry_ms = RETRY_MS;
    ask_snapshot(st);
}

static void on_down(void *arg)
{
    struct bus_state *st = arg;

    st->live = false;
}

static void on_gap(void *arg)
{
    lost_track(arg, "events dropped");
}

/* --- file ------------------------------------------------------------------------------------ */

static void save(struct bus_state *st)
{
    Stoa__Bus__V1__StateFile file = STOA__BUS__V1__STATE_FILE__INIT;
    size_t n = map_count(st->rows), it = 0;
    Stoa__Bus__V1__StateRow *rows = mem_calloc(n + 1, sizeof(*rows));
    Stoa__Bus__V1__StateRow **ptrs = mem_calloc(n + 1, sizeof(*ptrs));
    void *value;
    int err;

    file.topic = st->topic;
    file.has_epoch = file.has_seq = true;
    file.epoch = st->epoch;
    file.seq = st->seq;
    file.rows = ptrs;
    while (map_next(st->rows, &it, NULL, &value)) {
        const struct row *r = value;
        Stoa__Bus__V1__StateRow *out = &rows[file.n_rows];

        stoa__bus__v1__state_row__init(out);
        out->kind = r->kind;
        out->id = r->id;
        out->has_data = true;
        out->data = bus_bin(r->data, r->len);
        ptrs[file.n_rows++] = out;
    }
    err = bus_state_file_write(st->cache_path, st->bus->secret_key, &file);
    if (err && log_limit(st->cache_path))
        log_warning("state %s: cannot write %s, error=%s", st->topic, st->cache_path,
                    strerror(-err));
    st->dirty = false;
    free(rows);
    free(ptrs);
}

static void on_save(void *arg)
{
    save(arg);
}

static void load(struct bus_state *st)
{
    Stoa__Bus__V1__StateFile *file = NULL;
    int err = bus_state_file_read(st->cache_path, st->bus->secret_key, st->topic, &file);

    if (err) {
        if (err != -ENOENT)
            log_warning("state %s: %s not usable, error=%s", st->topic, st->cache_path,
                        strerror(-err));
        return;
    }
    st->epoch = file->epoch;
    st->seq = file->seq;
    for (size_t i = 0; i < file->n_rows; i++) {
        struct row *r = row_from(file->rows[i]);

        if (r)
            put(st, r);
    }
    stoa__bus__v1__state_file__free_unpacked(file, NULL);
    st->dirty = false;
    if (st->opts.on_synced)
        st->opts.on_synced(st->opts.arg, false);
}

/* --- life ------------------------------------------------------------------------------------ */

int bus_state_open(struct bus_state **out, struct bus *bus, const char *topic,
                   const struct bus_state_opts *opts)
{
    struct bus_state *st;

    *out = NULL;
    if (str_empty(topic))
        return -EINVAL;
    st = MEM_NEW(struct bus_state);
    st->bus = bus;
    st->topic = str_dup(topic);
    st->role = str_dup(opts->role ? opts->role : "config");
    st->cache_path = str_dup(opts->cache_path);
    st->opts = *opts;
    st->rows = map_new();
    st->retry_ms = RETRY_MS;
    st->retry = loop_timer_new(bus->opts.loop, on_retry, st);
    st->save = loop_timer_new(bus->opts.loop, on_save, st);
    st->listener =
        (struct bus_listener){.up = on_up, .down = on_down, .gap = on_gap, .arg = st};
    list_add_tail(&bus->listeners, &st->listener.node);
    *out = st; /* the callbacks of load() may ask it */
    if (st->cache_path)
        load(st);
    /* The subscription is ahead of the snapshot's request on the same connection. */
    bus_subscribe_raw(bus, topic, on_update, st);
    ask_snapshot(st);
    return 0;
}

void bus_state_close(struct bus_state **sp)
{
    struct bus_state *st = *sp;

    if (!st)
        return;
    *sp = NULL;
    if (st->dirty && st->cache_path)
        save(st);
    if (st->request)
        bus_cancel(st->request);
    bus_unsubscribe(st->bus, st->topic);
    list_del(&st->listener.node);
    loop_timer_free(&st->retry);
    loop_timer_free(&st->save);
    rows_free(&st->incoming);
    rows_free(&st->rows);
    free(st->topic);
    free(st->role);
    free(st->cache_path);
    free(st);
}

bool bus_state_live(const struct bus_state *st)
{
    return st->live;
}

const void *bus_state_get(const struct bus_state *st, const char *kind, const char *id, size_t *len)
{
    char *name = row_name(kind, id);
    const struct row *r = map_get(st->rows, name);

    free(name);
    if (!r)
        return NULL;
    if (len)
        *len = r->len;
    return r->data;
}

void bus_state_each(const struct bus_state *st, const char *kind, bus_state_emit_fn fn, void *arg)
{
    size_t it = 0;
    void *value;

    while (map_next(st->rows, &it, NULL, &value)) {
        const struct row *r = value;
        struct bus_state_row row = {.kind = r->kind, .id = r->id, .data = r->data, .len = r->len};

        if (!kind || strcmp(kind, r->kind) == 0)
            fn(arg, &row);
    }
}
