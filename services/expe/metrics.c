/* SPDX-License-Identifier: Apache-2.0
 * Numbers for Prometheus: counted in struct expe_numbers, read when somebody asks. */
#include "expe.h"

#include <stdio.h>
#include <stdlib.h>

#include <daemon/metrics.h>

static double read_u64(void *arg)
{
    return (double)*(const uint64_t *)arg;
}

static double read_connections(void *arg)
{
    const struct expe *e = arg;

    return e->sources ? (double)expe_sources_connections(e->sources) : 0;
}

static double read_held(void *arg)
{
    return (double)((const struct expe *)arg)->budget.used;
}

static size_t count_links(const struct expe *e, bool domains, bool streams)
{
    struct list *it, *tmp;
    size_t n = 0;

    LIST_EACH(it, tmp, &e->links) {
        const struct expe_link *k = LIST_ENTRY(it, struct expe_link, node);

        if (k->up && (k->domain != NULL) == domains && tunnel_link_is_active(k->l))
            n += streams ? tunnel_link_streams(k->l) : 1;
    }
    return n;
}

static double read_links(void *arg)
{
    return (double)((const struct expe *)arg)->n_links;
}

static double read_zones(void *arg)
{
    return (double)count_links(arg, false, false);
}

static double read_tunnels(void *arg)
{
    return (double)count_links(arg, true, false);
}

static double read_streams(void *arg)
{
    return (double)count_links(arg, true, true);
}

static void counter(struct expe *e, const char *name, const char *help, const char *key,
                    const char *value, uint64_t *n)
{
    char *label = key ? daemon_metric_label(key, value) : NULL;

    daemon_metric_read(daemon_metric_counter(e->daemon->metrics, name, help, label), read_u64, n);
    free(label);
}

static void gauge(struct expe *e, const char *name, const char *help, double (*read)(void *arg))
{
    daemon_metric_read(daemon_metric_gauge(e->daemon->metrics, name, help, NULL), read, e);
}

void expe_metrics_start(struct expe *e)
{
    static const int statuses[] = { 301, 400, 421, 431, 502, 503 };
    struct expe_numbers *n = &e->n;
    const struct {
        const char *reason;
        uint64_t *value;
    } refused[] = {
        { "connections", &n->refused_full },      { "source", &n->refused_source },
        { "rate", &n->refused_rate },             { "handshake", &n->handshakes_failed },
        { "timeout", &n->heads_timed_out },
        { "stalled", &n->stalled },
    };

    for (size_t i = 0; i < ARRAY_LEN(refused); i++)
        counter(e, "stoa_expe_refused_total", "Connections refused or given up", "reason",
                refused[i].reason, refused[i].value);
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
        char status[8];

        (void)snprintf(status, sizeof(status), "%d", statuses[i]);
        counter(e, "stoa_expe_pages_total", "Answers of the edge itself", "status", status,
                &n->pages[statuses[i]]);
    }
    for (int i = TUNNEL_OK + 1; i < TUNNEL_REFUSALS; i++)
        counter(e, "stoa_expe_links_ended_total", "Connections to the zone port that have ended",
                "reason", tunnel_refusal_word((enum tunnel_refusal)i), &n->link_refusals[i]);
    counter(e, "stoa_expe_connections_total", "Connections from outside", NULL, NULL,
            &n->connections);
    counter(e, "stoa_expe_tunnelled_total", "Connections handed into a tunnel", NULL, NULL,
            &n->tunnelled);
    counter(e, "stoa_expe_turn_total", "Connections handed to a TURN instance", NULL, NULL,
            &n->turn);
    counter(e, "stoa_expe_turn_failed_total", "Clients of TURN that no instance took", NULL, NULL,
            &n->turn_failed);
    counter(e, "stoa_expe_bytes_total", "Bytes after TLS", "direction", "in", &n->from_browsers_b);
    counter(e, "stoa_expe_bytes_total", "Bytes after TLS", "direction", "out", &n->to_browsers_b);
    gauge(e, "stoa_expe_connections", "Connections from outside that are open", read_connections);
    gauge(e, "stoa_expe_held_bytes", "Bytes held for slow readers of tunnels", read_held);
    gauge(e, "stoa_expe_links", "Connections to the zone port that are open", read_links);
    gauge(e, "stoa_expe_zones", "Zone connections that are active", read_zones);
    gauge(e, "stoa_expe_tunnels", "Tunnels that are active", read_tunnels);
    gauge(e, "stoa_expe_streams", "Browser connections in active tunnels", read_streams);
}
