/* SPDX-License-Identifier: Apache-2.0
 * The core's tables, its time, and who gets an input. */
#include "core.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <base/str.h>
#include <evp/rand.h>
#include <log/log.h>

#include "core_priv.h"
#include "frame.h"
#include "limits.h"
#include "quota.h"

enum {
    TABLE_FIRST = 256,
    PORTS = 65536,
    TRIM_FREED = 64,     /* allocations that have ended, before it is worth the while */
    TRIM_EVERY_MS = 5000,
};

struct turn_core *turn_core_new(const struct turn_core_opts *opts, struct turn_rules *rules)
{
    struct turn_core *c = MEM_NEW(struct turn_core);

    c->opts = *opts;
    c->rules = rules;
    c->gen = 1;
    list_init(&c->allocs);
    c->table = mem_calloc(TABLE_FIRST, sizeof(struct turn_alloc *));
    c->table_mask = TABLE_FIRST - 1;
    c->seed = evp_random_u64() | 1;
    c->revoked = map_new();
    return c;
}

static void revoked_clear(struct turn_core *c)
{
    void *v;
    size_t it = 0;

    while (map_next(c->revoked, &it, NULL, &v))
        free(v);
    map_free(c->revoked);
}

void turn_core_free(struct turn_core *c)
{
    struct list *it, *tmp;

    if (!c)
        return;
    LIST_EACH(it, tmp, &c->allocs)
        turn_core_end(c, LIST_ENTRY(it, struct turn_alloc, node), "the server stops");
    revoked_clear(c);
    turn_rules_free(c->rules);
    for (int i = 0; i < 2; i++)
        free(c->by_port[i]);
    free(c->table);
    free(c);
}

void turn_core_rules(struct turn_core *c, struct turn_rules *rules)
{
    turn_rules_free(c->rules);
    c->rules = rules;
    c->gen++;
}

const struct turn_rules *turn_core_rules_now(const struct turn_core *c)
{
    return c->rules;
}

size_t turn_core_count(const struct turn_core *c)
{
    return c->n_allocs;
}

/* --- the table of 5-tuples -------------------------------------------------------------------- */

static uint64_t mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * 0x9e3779b97f4a7c15u;
    return h ^ h >> 32;
}

/* Seeded: clients choose their ports, and must not choose who collides. */
static uint32_t flow_hash(const struct turn_core *c, const struct turn_flow *f)
{
    uint64_t h = c->seed, v;

    for (int i = 0; i < 16; i += 8) {
        memcpy(&v, f->client.ip + i, 8);
        h = mix(h, v);
        memcpy(&v, f->local.ip + i, 8);
        h = mix(h, v);
    }
    h = mix(h, (uint64_t)f->client.port << 16 | f->local.port);
    return (uint32_t)(h * c->seed >> 32);
}

static bool same_flow(const struct turn_flow *a, const struct turn_flow *b)
{
    return addr_eq(&a->client, &b->client) && addr_eq(&a->local, &b->local);
}

struct turn_alloc *turn_core_find(const struct turn_core *c, const struct turn_flow *flow)
{
    struct turn_alloc *a;

    if (flow->stream)
        return flow->alloc;
    for (uint32_t i = flow_hash(c, flow) & c->table_mask; (a = c->table[i]) != NULL;
         i = (i + 1) & c->table_mask)
        if (same_flow(&a->flow, flow))
            return a;
    return NULL;
}

static void table_put(struct turn_alloc **table, uint32_t mask, struct turn_alloc *a)
{
    uint32_t i = a->hash & mask;

    while (table[i])
        i = (i + 1) & mask;
    table[i] = a;
}

static void table_resize(struct turn_core *c, uint32_t size)
{
    struct turn_alloc **table = mem_calloc(size, sizeof(struct turn_alloc *));

    for (uint32_t i = 0; i <= c->table_mask; i++)
        if (c->table[i])
            table_put(table, size - 1, c->table[i]);
    free(c->table);
    c->table = table;
    c->table_mask = size - 1;
}

/* Takes an entry out and moves up those behind it that would not be found any more. */
static void table_del(struct turn_core *c, const struct turn_alloc *a)
{
    uint32_t i = a->hash & c->table_mask, hole;

    while (c->table[i] != a)
        i = (i + 1) & c->table_mask;
    hole = i;
    c->table[hole] = NULL;
    for (i = (hole + 1) & c->table_mask; c->table[i]; i = (i + 1) & c->table_mask) {
        uint32_t home = c->table[i]->hash & c->table_mask;

        if (((i - home) & c->table_mask) >= ((i - hole) & c->table_mask)) {
            c->table[hole] = c->table[i];
            c->table[i] = NULL;
            hole = i;
        }
    }
}

struct turn_alloc *turn_core_relay(const struct turn_core *c, const struct addr *relay)
{
    struct turn_alloc **ports = c->by_port[turn_rules_family(relay)];
    struct turn_alloc *a = ports ? ports[relay->port] : NULL;

    return a && addr_ip_eq(&a->relay, relay) ? a : NULL;
}

bool turn_core_has_port(const struct turn_core *c, const struct addr *relay)
{
    struct turn_alloc **ports = c->by_port[turn_rules_family(relay)];

    return ports && ports[relay->port];
}

static enum turn_count active_of(const struct turn_alloc *a)
{
    return a->flow.stream ? TURN_N_ACTIVE_TCP : TURN_N_ACTIVE_UDP;
}

void turn_core_link(struct turn_core *c, struct turn_alloc *a)
{
    struct turn_alloc ***ports = &c->by_port[turn_rules_family(&a->relay)];

    list_add_tail(&c->allocs, &a->node);
    c->n_allocs++;
    if (!*ports)
        *ports = mem_calloc(PORTS, sizeof(struct turn_alloc *));
    (*ports)[a->relay.port] = a;
    if (a->flow.stream) {
        a->stream_flow->alloc = a;
    } else {
        if (c->n_allocs * 2 > c->table_mask)
            table_resize(c, (c->table_mask + 1) * 2);
        a->hash = flow_hash(c, &a->flow);
        table_put(c->table, c->table_mask, a);
    }
    turn_count(c->opts.counts, TURN_N_ALLOCATED, 1);
    turn_count(c->opts.counts, active_of(a), 1);
}

static void log_end(const struct turn_core *c, const struct turn_alloc *a, const char *reason)
{
    log_info("allocation %llu: ended, %s, after=%u s, from client=%llu packets %llu bytes, "
             "to client=%llu packets %llu bytes",
             (unsigned long long)a->id, reason, c->now_s - a->made_s,
             (unsigned long long)a->rx_packets, (unsigned long long)a->rx_bytes,
             (unsigned long long)a->tx_packets, (unsigned long long)a->tx_bytes);
}

void turn_core_end(struct turn_core *c, struct turn_alloc *a, const char *reason)
{
    log_end(c, a, reason);
    c->opts.ops->relay_close(c->opts.arg, a);
    c->by_port[turn_rules_family(&a->relay)][a->relay.port] = NULL;
    if (a->flow.stream)
        a->stream_flow->alloc = NULL;
    else
        table_del(c, a);
    list_del(&a->node);
    c->n_allocs--;
    c->freed++;
    if (a->user_key)
        turn_quota_give(c->opts.quota, TURN_QUOTA_USER, a->user_key);
    turn_quota_give(c->opts.quota, TURN_QUOTA_SOURCE, a->source_key);
    turn_count(c->opts.counts, TURN_N_ENDED, 1);
    turn_count(c->opts.counts, active_of(a), UINT64_MAX); /* one fewer */
    turn_alloc_free(a);
}

/* --- time ------------------------------------------------------------------------------------- */

void turn_core_time(struct turn_core *c, int64_t now_ms, int64_t wall_s)
{
    c->now_ms = now_ms;
    c->now_s = (uint32_t)(now_ms / 1000);
    c->wall_s = wall_s;
}

static void sweep_revoked(struct turn_core *c)
{
    const char *id;
    void *v;
    size_t it = 0;

    while (map_next(c->revoked, &it, &id, &v)) {
        if (*(int64_t *)v < c->wall_s) {
            (void)map_del(c->revoked, id);
            free(v);
        }
    }
}

/* Memory of relays that are gone goes back to the system: the allocator keeps it otherwise. */
static void give_back(struct turn_core *c)
{
    if (c->freed < TRIM_FREED || c->now_ms - c->trimmed_ms < TRIM_EVERY_MS)
        return;
    if (c->table_mask + 1 > TABLE_FIRST && c->n_allocs * 8 < c->table_mask)
        table_resize(c, MAX((c->table_mask + 1) / 4, (uint32_t)TABLE_FIRST));
    (void)malloc_trim(0);
    c->freed = 0;
    c->trimmed_ms = c->now_ms;
}

void turn_core_tick(struct turn_core *c)
{
    struct list *it, *tmp;
    bool sweep = c->now_s - c->swept_s >= TURN_PERM_S / 5;

    if (sweep) {
        c->swept_s = c->now_s;
        sweep_revoked(c);
    }
    LIST_EACH(it, tmp, &c->allocs) {
        struct turn_alloc *a = LIST_ENTRY(it, struct turn_alloc, node);

        if (a->expires_s <= c->now_s)
            turn_core_end(c, a, "expired");
        else if (sweep)
            turn_alloc_sweep(a, c->now_s);
    }
    give_back(c);
}

/* --- input ------------------------------------------------------------------------------------ */

static int stun_input(struct turn_core *c, struct turn_flow *flow, const void *data, size_t len)
{
    struct stun_msg m;

    if (stun_msg_decode(&m, data, len) || (m.fingerprint_at && !stun_msg_fingerprint_ok(&m)))
        return -EBADMSG;
    if (m.cls == STUN_REQUEST)
        turn_request_input(c, flow, &m);
    else if (m.cls == STUN_INDICATION && m.method == STUN_SEND)
        turn_relay_send(c, turn_core_find(c, flow), &m);
    return 0; /* Binding indications keep NAT bindings alive; answers are of no use */
}

int turn_core_client(struct turn_core *c, struct turn_flow *flow, const void *data, size_t len)
{
    int err;

    if (turn_frame_is_chandata(data, len))
        err = turn_relay_chandata(c, turn_core_find(c, flow), data, len);
    else
        err = stun_input(c, flow, data, len);
    if (err)
        turn_count(c->opts.counts, TURN_N_DROP_MALFORMED, 1);
    return err;
}

void turn_core_closed(struct turn_core *c, struct turn_flow *flow)
{
    if (flow->alloc)
        turn_core_end(c, flow->alloc, "connection closed");
}

void turn_core_unlink(struct turn_core *c, const void *link)
{
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &c->allocs) {
        struct turn_alloc *a = LIST_ENTRY(it, struct turn_alloc, node);

        if (a->flow.link == link)
            turn_core_end(c, a, "listener closed");
    }
}

/* --- revocation ------------------------------------------------------------------------------- */

void turn_core_revoke(struct turn_core *c, const char *id, int64_t expires_s)
{
    struct list *it, *tmp;
    int64_t *at;

    LIST_EACH(it, tmp, &c->allocs) {
        struct turn_alloc *a = LIST_ENTRY(it, struct turn_alloc, node);

        if (str_eq(a->cred_id, id))
            turn_core_end(c, a, "revoked");
    }
    if (expires_s < c->wall_s)
        return;
    at = map_get(c->revoked, id);
    if (!at && map_count(c->revoked) >= TURN_REVOKED_MAX) {
        if (log_limit("revoked"))
            log_warning("revocations: %d names are refused already, one more is not",
                        TURN_REVOKED_MAX);
        return;
    }
    if (!at) {
        at = MEM_NEW(int64_t);
        map_put(c->revoked, id, at);
    }
    *at = expires_s;
}
