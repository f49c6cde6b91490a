/* SPDX-License-Identifier: Apache-2.0
 * Numbers for Prometheus, `stoa status` and the status page: the workers count, and are asked when
 * somebody wants to know. No label names a user: that has made other servers grow without end. */
#include <daemon/metrics.h>

#include "turn.h"

/* One metric: the counters whose sum it is. */
struct number {
    const char *name, *labels, *help;
    bool gauge;
    enum turn_count what;
};

static const struct number numbers[] = {
    { "stoa_turn_active", "transport=\"udp\"", "Relays by the client's transport", true,
      TURN_N_ACTIVE_UDP },
    { "stoa_turn_active", "transport=\"tcp\"", "", true, TURN_N_ACTIVE_TCP },
    { "stoa_turn_connections", NULL, "TCP connections of clients", true, TURN_N_CONNS },
    { "stoa_turn_allocations_total", "result=\"created\"", "Allocations by result", false,
      TURN_N_ALLOCATED },
    { "stoa_turn_allocations_total", "result=\"refused\"", "", false, TURN_N_REFUSED },
    { "stoa_turn_allocations_total", "result=\"ended\"", "", false, TURN_N_ENDED },
    { "stoa_turn_auth_total", "result=\"ok\"", "Requests by what their credentials were", false,
      TURN_N_AUTH_OK },
    { "stoa_turn_auth_total", "result=\"challenge\"", "", false, TURN_N_AUTH_CHALLENGE },
    { "stoa_turn_auth_total", "result=\"wrong\"", "", false, TURN_N_AUTH_WRONG },
    { "stoa_turn_auth_total", "result=\"stale\"", "", false, TURN_N_AUTH_STALE },
    { "stoa_turn_binding_total", NULL, "STUN Binding requests", false, TURN_N_BINDING },
    { "stoa_turn_packets_total", "dir=\"up\",path=\"user\"", "Relayed datagrams", false,
      TURN_N_UP_PACKETS },
    { "stoa_turn_packets_total", "dir=\"down\",path=\"user\"", "", false, TURN_N_DOWN_PACKETS },
    { "stoa_turn_packets_total", "dir=\"both\",path=\"hairpin\"", "", false,
      TURN_N_HAIRPIN_PACKETS },
    { "stoa_turn_bytes_total", "dir=\"up\",path=\"user\"", "Relayed bytes of payload", false,
      TURN_N_UP_BYTES },
    { "stoa_turn_bytes_total", "dir=\"down\",path=\"user\"", "", false, TURN_N_DOWN_BYTES },
    { "stoa_turn_bytes_total", "dir=\"both\",path=\"hairpin\"", "", false, TURN_N_HAIRPIN_BYTES },
    { "stoa_turn_dropped_total", "reason=\"malformed\"", "Datagrams that went nowhere", false,
      TURN_N_DROP_MALFORMED },
    { "stoa_turn_dropped_total", "reason=\"no_relay\"", "", false, TURN_N_DROP_NO_RELAY },
    { "stoa_turn_dropped_total", "reason=\"no_permission\"", "", false,
      TURN_N_DROP_NO_PERMISSION },
    { "stoa_turn_dropped_total", "reason=\"denied\"", "", false, TURN_N_DROP_DENIED },
    { "stoa_turn_dropped_total", "reason=\"rate\"", "", false, TURN_N_DROP_RATE },
    { "stoa_turn_dropped_total", "reason=\"stranger\"", "", false, TURN_N_DROP_STRANGER },
    { "stoa_turn_dropped_total", "reason=\"queue\"", "", false, TURN_N_DROP_QUEUE },
    { "stoa_turn_batches_total", NULL, "Receiving system calls that brought datagrams", false,
      TURN_N_BATCHES },
    { "stoa_turn_batched_total", NULL, "Datagrams that they brought", false, TURN_N_BATCHED },
};

/* What a metric needs to be read. */
struct reader {
    const struct turn *t;
    enum turn_count what;
};

static struct reader readers[ARRAY_LEN(numbers)];

static double read_number(void *arg)
{
    const struct reader *r = arg;

    return r->t->pool ? (double)turn_pool_count(r->t->pool, r->what) : 0;
}

uint64_t turn_numbers_active(const struct turn *t)
{
    return turn_pool_count(t->pool, TURN_N_ACTIVE_UDP) +
           turn_pool_count(t->pool, TURN_N_ACTIVE_TCP);
}

/* Each client has one relay: a 5-tuple has no more. */
static double read_active(void *arg)
{
    const struct turn *t = arg;

    return t->pool ? (double)turn_numbers_active(t) : 0;
}

static double read_workers(void *arg)
{
    const struct turn *t = arg;

    return t->pool ? turn_pool_workers(t->pool) : 0;
}

void turn_numbers_start(struct turn *t)
{
    struct daemon_metrics *ms = t->daemon->metrics;

    daemon_metric_read(daemon_metric_gauge(ms, "stoa_turn_clients", "Clients with a relay", NULL),
                       read_active, t);
    daemon_metric_read(daemon_metric_gauge(ms, "stoa_turn_allocations", "Relays there are", NULL),
                       read_active, t);
    daemon_metric_read(daemon_metric_gauge(ms, "stoa_turn_workers", "Threads that relay", NULL),
                       read_workers, t);
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        const struct number *n = &numbers[i];
        struct daemon_metric *m =
            n->gauge ? daemon_metric_gauge(ms, n->name, n->help, n->labels) :
                       daemon_metric_counter(ms, n->name, n->help, n->labels);

        readers[i] = (struct reader){ t, n->what };
        daemon_metric_read(m, read_number, &readers[i]);
    }
}
