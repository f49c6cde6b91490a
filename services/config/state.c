/* SPDX-License-Identifier: Apache-2.0
 * The state topics: each row of a kind goes to the kind's topic, its secrets to the secret topic.
 * An object without secrets has a row on the secret topic as well, so that its reader can tell "no
 * passcode" from "not heard of yet". */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>

#include "msg.h"

static void position(void *arg, const char *topic, uint64_t *epoch, uint64_t *seq)
{
    struct config *c = arg;

    *epoch = store_epoch(c->store);
    *seq = store_seq(c->store, topic);
}

static enum msg_view view_of(const struct kinds_kind *kind, const char *topic)
{
    return str_eq(kind->secret_topic, topic) ? MSG_SECRET : MSG_OPEN;
}

struct emitter {
    const char *topic;
    bus_state_emit_fn emit;
    void *arg;
};

static bool emit_row(void *arg, struct store_row *row)
{
    const struct emitter *e = arg;
    struct bus_state_row out = { .kind = row->kind->name, .id = row->id };
    uint8_t *packed = msg_row_pack(row, view_of(row->kind, e->topic), &out.len);

    out.data = packed;
    e->emit(e->arg, &out);
    msg_packed_free(packed, out.len);
    return true;
}

static bool on_topic(const struct config *c, const struct kinds_kind *k, const char *topic)
{
    struct store_problem p;

    return (str_eq(k->topic, topic) || str_eq(k->secret_topic, topic)) &&
           store_kind(c->store, k->name, &p) != NULL;
}

static int rows(void *arg, const char *topic, bus_state_emit_fn emit, void *emit_arg)
{
    struct config *c = arg;
    struct emitter e = { topic, emit, emit_arg };
    size_t n;
    const struct kinds_kind *k = kinds_all(&n);
    int err = 0;

    for (size_t i = 0; !err && i < n; i++) {
        struct store_query q = { .kind = &k[i] };

        if (on_topic(c, &k[i], topic))
            err = store_list(c->store, &q, emit_row, &e, NULL);
    }
    return err;
}

static void add_topic(struct config *c, const char *topic)
{
    size_t n = 0;

    while (c->topics[n] && !str_eq(c->topics[n], topic))
        n++;
    if (topic && n < ARRAY_LEN(c->topics) - 1)
        c->topics[n] = topic;
}

int config_state_start(struct config *c)
{
    struct bus_state_pub_opts opts = {
        .topics = c->topics,
        .position = position,
        .rows = rows,
        .arg = c,
    };
    size_t n;
    const struct kinds_kind *k = kinds_all(&n);
    struct store_problem p;

    for (size_t i = 0; i < n; i++) {
        if (!store_kind(c->store, k[i].name, &p))
            continue;
        add_topic(c, k[i].topic);
        add_topic(c, k[i].secret_topic);
    }
    return bus_state_pub_new(&c->pub, c->daemon->bus, &opts);
}

/* The row that a change left behind; without data when it is gone. */
static void changed_row(struct config *c, const struct store_change *change, const char *topic,
                        struct bus_state_row *out)
{
    struct store_problem p;
    struct store_row row;

    *out = (struct bus_state_row){ .kind = change->kind->name, .id = change->id };
    if (change->deleted || store_get(c->store, change->kind, change->id, &row, &p))
        return;
    out->data = msg_row_pack(&row, view_of(change->kind, topic), &out->len);
    store_row_fini(&row);
}

static void publish_topic(struct config *c, const char *topic, const struct store_change *changes,
                          size_t n)
{
    struct bus_state_row *out = mem_calloc(n + 1, sizeof(*out));
    size_t count = 0;

    for (size_t i = 0; i < n; i++)
        if (on_topic(c, changes[i].kind, topic))
            changed_row(c, &changes[i], topic, &out[count++]);
    if (count)
        bus_state_pub_update(c->pub, topic, out, count);
    for (size_t i = 0; i < count; i++)
        msg_packed_free((uint8_t *)(uintptr_t)out[i].data, out[i].len);
    free(out);
}

void config_state_publish(struct config *c)
{
    size_t n;
    const struct store_change *changes = store_changes(c->store, &n);

    for (size_t i = 0; n && c->topics[i]; i++)
        publish_topic(c, c->topics[i], changes, n);
}
