/* SPDX-License-Identifier: Apache-2.0
 * The Status message of proto/admin.proto, for the bus and for the private socket. */
#include "daemon_priv.h"

#include <stdlib.h>
#include <unistd.h>

#include <base/mem.h>
#include <daemon/metrics.h>
#include <log/log.h>
#include <loop/clock.h>

typedef Stoa__Admin__V1__Status Status;
typedef Stoa__Admin__V1__Fault Fault;
typedef Stoa__Admin__V1__Counter Counter;

static void add_fault(void *arg, const struct daemon_fault *f)
{
    Status *s = arg;
    Fault *out = MEM_NEW(Fault);

    stoa__admin__v1__fault__init(out);
    out->guid = str_dup(f->guid);
    out->type = str_dup(f->type);
    out->subject = str_dup(f->subject);
    out->text = str_dup(f->text);
    out->has_since_ms = true;
    out->since_ms = (uint64_t)f->since_ms;
    s->faults = mem_realloc(s->faults, s->n_faults + 1, sizeof(s->faults[0]));
    s->faults[s->n_faults++] = out;
}

static void add_counter(void *arg, const char *name, const char *labels, double value)
{
    Status *s = arg;
    Counter *out = MEM_NEW(Counter);

    stoa__admin__v1__counter__init(out);
    out->name = str_dup(name);
    out->labels = labels[0] ? str_dup(labels) : NULL;
    out->has_value = true;
    out->value = value;
    s->counters = mem_realloc(s->counters, s->n_counters + 1, sizeof(s->counters[0]));
    s->counters[s->n_counters++] = out;
}

bool daemon_is_ready(struct daemon *d, const char **waiting)
{
    const char *why = NULL;

    if (d->def->ready && !d->def->ready(d))
        why = d->def->waiting ? d->def->waiting(d) : "own start";
    else if (d->bus && !bus_is_up(d->bus))
        why = bus_down_reason(d->bus);
    if (waiting)
        *waiting = why;
    return why == NULL;
}

Status *daemon_status_new(struct daemon *d)
{
    Status *s = MEM_NEW(Status);
    const char *waiting;

    stoa__admin__v1__status__init(s);
    s->role = str_dup(d->def->role);
    s->has_number = true;
    s->number = conf_number(d->conf);
    s->instance = str_empty(d->instance) ? NULL : str_dup(d->instance);
    s->version = str_dup(STOA_VERSION);
    s->has_pid = true;
    s->pid = (uint32_t)getpid();
    s->has_uptime_s = true;
    s->uptime_s = (uint64_t)((loop_now_ms() - d->priv->started_ms) / 1000);
    s->state = str_dup(bus_serving_name(d->priv->state));
    s->has_ready = true;
    s->ready = daemon_is_ready(d, &waiting);
    s->waiting = str_dup(waiting);
    s->has_load = true;
    s->load = d->priv->load;
    s->log_level = str_dup(log_level_word(log_level_get()));
    daemon_fault_each(d, add_fault, s);
    daemon_metrics_each(d->metrics, add_counter, s);
    daemon_inuse_status(d, s);
    return s;
}

/* Everything above came from malloc, as protobuf-c's own allocator has it. */
void daemon_status_free(Status *s)
{
    stoa__admin__v1__status__free_unpacked(s, NULL);
}
