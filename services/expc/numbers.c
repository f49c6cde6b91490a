/* SPDX-License-Identifier: Apache-2.0
 * Numbers for Prometheus. */
#include "expc.h"

#include <daemon/metrics.h>

static double read_u64(void *arg)
{
    return (double)*(const uint64_t *)arg;
}

static double read_streams(void *arg)
{
    return (double)((const struct expc *)arg)->stream_count;
}

static double count_targets(const struct expc *x, size_t (*count)(const struct pool *p))
{
    struct list *it, *tmp;
    double n = 0;

    LIST_EACH(it, tmp, &x->uris)
        n += (double)count(&LIST_ENTRY(it, struct targets, node)->pool);
    return n;
}

static double read_healthy(void *arg)
{
    return count_targets(arg, pool_healthy);
}

static double read_targets(void *arg)
{
    return count_targets(arg, pool_count);
}

static double read_held(void *arg)
{
    return (double)((const struct expc *)arg)->budget.used;
}

static double count_lines(const struct expc *x, bool domains)
{
    struct list *it, *tmp, *it2, *tmp2, *it3, *tmp3;
    double n = 0;

    LIST_EACH(it, tmp, &x->zones) {
        LIST_EACH(it2, tmp2, &LIST_ENTRY(it, struct zone, node)->edges) {
            const struct edge *e = LIST_ENTRY(it2, struct edge, node);

            if (!domains)
                n += e->control && line_is_active(e->control);
            LIST_EACH(it3, tmp3, &e->lines)
                n += domains && line_is_active(LIST_ENTRY(it3, struct line, node));
        }
    }
    return n;
}

static double read_zones(void *arg)
{
    return count_lines(arg, false);
}

static double read_tunnels(void *arg)
{
    return count_lines(arg, true);
}

static void counter(struct expc *x, const char *name, const char *help, const char *labels,
                    uint64_t *value)
{
    struct daemon_metrics *all = x->daemon->metrics;

    daemon_metric_read(daemon_metric_counter(all, name, help, labels), read_u64, value);
}

static void gauge(struct expc *x, const char *name, const char *help, double (*read)(void *arg))
{
    daemon_metric_read(daemon_metric_gauge(x->daemon->metrics, name, help, NULL), read, x);
}

void numbers_start(struct expc *x)
{
    static const char *const results[EXPC_REASONS] = {
        "result=\"ok\"", "result=\"connect\"", "result=\"certificate\"", "result=\"name\"",
        "result=\"timeout\"", "result=\"noTarget\"", "result=\"limit\"",
    };

    for (size_t i = 0; i < EXPC_REASONS; i++)
        counter(x, "stoa_expc_streams_total", "Browser connections by result", results[i],
                &x->n.streams[i]);
    counter(x, "stoa_expc_bytes_total", "Bytes of browser connections", "dir=\"in\"",
            &x->n.in_bytes);
    counter(x, "stoa_expc_bytes_total", "", "dir=\"out\"", &x->n.out_bytes);
    counter(x, "stoa_expc_dials_total", "Connections begun to edges", NULL, &x->n.dials);
    counter(x, "stoa_expc_facts_total", "Rows of edges told to config", NULL, &x->n.facts);
    counter(x, "stoa_expc_facts_failed_total", "Those that config did not take", NULL,
            &x->n.facts_failed);
    gauge(x, "stoa_expc_streams", "Browser connections", read_streams);
    gauge(x, "stoa_expc_zones_active", "Zone connections that are active", read_zones);
    gauge(x, "stoa_expc_tunnels_active", "Tunnels that are active", read_tunnels);
    gauge(x, "stoa_expc_targets", "Web bridges behind the client URIs", read_targets);
    gauge(x, "stoa_expc_targets_healthy", "Those of them that answer with the page", read_healthy);
    gauge(x, "stoa_expc_held_bytes", "Bytes held for streams whose reader is slow", read_held);
}
