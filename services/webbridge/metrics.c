/* SPDX-License-Identifier: Apache-2.0
 * Numbers for Prometheus: counted in struct wb_metrics, read when somebody asks. */
#include "webbridge.h"

#include <stdio.h>
#include <stdlib.h>

#include <daemon/daemon.h>
#include <daemon/metrics.h>

static double read_u64(void *arg)
{
    return (double)*(const uint64_t *)arg;
}

static double read_connections(void *arg)
{
    return (double)((const struct webbridge *)arg)->conn_count;
}

static double read_sessions(void *arg)
{
    const struct webbridge *wb = arg;
    return wb->sessions == NULL ? 0 : (double)map_count(wb->sessions);
}

static double read_links(void *arg)
{
    return (double)wb_links_proven(arg);
}

static void counter(struct webbridge *wb, const char *name, const char *help, const char *labels,
                    uint64_t *value)
{
    struct daemon_metric *m = daemon_metric_counter(wb->daemon->metrics, name, help, labels);
    daemon_metric_read(m, read_u64, value);
}

static void message_metrics(struct webbridge *wb)
{
    size_t n;
    const struct wb_message *table = wb_messages(&n);
    for (size_t i = 0; i < n; i++) {
        char *label = daemon_metric_label("type", table[i].type);
        counter(wb, "stoa_webbridge_messages_total", "Messages of pages", label,
                &wb->m.messages[i]);
        free(label);
    }
}

void wb_metrics_start(struct webbridge *wb)
{
    static const int statuses[] = { 200, 301, 304, 400, 404, 405, 414, 421, 426, 503 };
    struct wb_metrics *m = &wb->m;
    const struct {
        const char *reason;
        uint64_t *value;
    } refusals[] = {
        { "invalid", &m->refused_invalid },   { "rate", &m->refused_rate },
        { "size", &m->refused_size },         { "busy", &m->refused_busy },
        { "slow-reader", &m->closed_slow },   { "protocol", &m->closed_protocol },
    };
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
        char label[32];
        snprintf(label, sizeof label, "status=\"%d\"", statuses[i]);
        counter(wb, "stoa_webbridge_requests_total", "HTTP requests", label,
                &m->requests[statuses[i]]);
    }
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
        char *label = daemon_metric_label("reason", refusals[i].reason);
        counter(wb, "stoa_webbridge_refusals_total",
                "Messages refused and WebSockets closed for it", label, refusals[i].value);
        free(label);
    }
    message_metrics(wb);
    counter(wb, "stoa_webbridge_connections_total", "Connections accepted", NULL,
            &m->connections_total);
    counter(wb, "stoa_webbridge_connections_refused_total", "Connections over a limit", NULL,
            &m->connections_refused);
    counter(wb, "stoa_webbridge_proxied_total", "Connections of guests outside, through expc",
            "result=\"taken\"", &m->proxied_total);
    counter(wb, "stoa_webbridge_proxied_total", "", "result=\"refused\"", &m->proxied_refused);
    counter(wb, "stoa_webbridge_sessions_total", "WebSockets opened", NULL, &m->sessions_total);
    counter(wb, "stoa_webbridge_events_total", "Events sent to pages", NULL, &m->events_sent);
    counter(wb, "stoa_webbridge_events_lost_total", "Events without a WebSocket or bus", NULL,
            &m->events_lost);
    counter(wb, "stoa_webbridge_link_refusals_total", "Web bridge links refused", NULL,
            &wb->links.refusals);
    struct daemon_metrics *all = wb->daemon->metrics;
    daemon_metric_read(
        daemon_metric_gauge(all, "stoa_links", "Web bridge links that are proven", NULL),
        read_links, wb);
    daemon_metric_read(
        daemon_metric_gauge(all, "stoa_webbridge_connections", "Open connections", NULL),
        read_connections, wb);
    daemon_metric_read(daemon_metric_gauge(all, "stoa_webbridge_sessions", "Open WebSockets", NULL),
                       read_sessions, wb);
}
