/* SPDX-License-Identifier: Apache-2.0
 * Administrators' messages, the same for every daemon. busd lets only admin and webadmin send
 * them. */
#include "daemon_priv.h"

#include <stdlib.h>

#include <daemon/metrics.h>
#include <log/log.h>

static void done(struct bus_call *call)
{
    Stoa__Admin__V1__Done reply = STOA__ADMIN__V1__DONE__INIT;

    bus_reply(call, &reply.base);
}

static void on_status(void *arg, struct bus_call *call, const ProtobufCMessage *body)
{
    Stoa__Admin__V1__Status *s = daemon_status_new(arg);

    (void)body;
    bus_reply(call, &s->base);
    daemon_status_free(s);
}

static void on_metrics(void *arg, struct bus_call *call, const ProtobufCMessage *body)
{
    struct daemon *d = arg;
    Stoa__Admin__V1__Metrics reply = STOA__ADMIN__V1__METRICS__INIT;

    (void)body;
    reply.text = daemon_metrics_print(d->metrics);
    bus_reply(call, &reply.base);
    free(reply.text);
}

static void on_log_level(void *arg, struct bus_call *call, const ProtobufCMessage *body)
{
    const Stoa__Admin__V1__SetLogLevelRequest *m = (const void *)body;
    enum log_level level;

    (void)arg;
    if (!m->level || log_level_parse(&level, m->level) != 0) {
        bus_fail(call, BUS_INVALID, false, "the level must be error, warning, info or debug");
        return;
    }
    log_level_set(level);
    log_info("log level: %s, by %s", m->level, bus_call_role(call));
    done(call);
}

static void on_drain(void *arg, struct bus_call *call, const ProtobufCMessage *body)
{
    const Stoa__Admin__V1__DrainRequest *m = (const void *)body;

    log_info("drain asked for by %s", bus_call_role(call));
    done(call);
    daemon_drain(arg, m->has_deadline_s ? m->deadline_s : 0);
}

static void on_reload(void *arg, struct bus_call *call, const ProtobufCMessage *body)
{
    (void)body;
    done(call);
    daemon_reload(arg);
}

static const struct bus_handler handlers[] = {
    { &stoa__admin__v1__status_request__descriptor, on_status },
    { &stoa__admin__v1__metrics_request__descriptor, on_metrics },
    { &stoa__admin__v1__set_log_level_request__descriptor, on_log_level },
    { &stoa__admin__v1__drain_request__descriptor, on_drain },
    { &stoa__admin__v1__reload_request__descriptor, on_reload },
};

void daemon_admin_init(struct daemon *d)
{
    bus_handle(d->bus, handlers, ARRAY_LEN(handlers), d);
}
