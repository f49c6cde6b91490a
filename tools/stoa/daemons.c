/* SPDX-License-Identifier: Apache-2.0
 * Daemons over the bus. */
#include "daemons.h"

#include <stdlib.h>

#include <base/str.h>

enum { PEERS_MS = 1000, STATUS_MS = 2000 };

static void on_peer(void *arg, const struct bus_peer *peer, bool up)
{
    struct daemons *d = arg;
    size_t i = 0;

    while (i < d->count && !str_eq(d->row[i].instance, peer->instance))
        i++;
    if (up && i == d->count && d->count < DAEMONS_MAX) {
        d->row[i].role = str_dup(peer->role);
        d->row[i].instance = str_dup(peer->instance);
        d->count++;
    } else if (!up && i < d->count) {
        free(d->row[i].role);
        free(d->row[i].instance);
        d->row[i] = d->row[--d->count];
    }
}

/* All of them come in one answer. */
static bool is_there(void *arg)
{
    const struct daemons *d = arg;

    return d->count > 0;
}

void daemons_find(struct ask *ask, struct daemons *out)
{
    *out = (struct daemons){ .count = 0 };
    bus_peers_subscribe(ask_bus(ask), on_peer, out);
    (void)ask_wait(ask, PEERS_MS, is_there, out);
}

static void on_nobody(void *arg, const struct bus_peer *peer, bool up)
{
    (void)arg;
    (void)peer;
    (void)up;
}

void daemons_end(struct ask *ask, struct daemons *d)
{
    bus_peers_subscribe(ask_bus(ask), on_nobody, NULL);
    for (size_t i = 0; i < d->count; i++) {
        free(d->row[i].role);
        free(d->row[i].instance);
    }
    d->count = 0;
}

const char *daemons_next(const struct daemons *d, const char *role, size_t *it)
{
    while (*it < d->count)
        if (str_eq(d->row[(*it)++].role, role))
            return d->row[*it - 1].instance;
    return NULL;
}

const Stoa__Admin__V1__Status *daemons_status(struct ask *ask, const char *role,
                                              const char *instance, struct ask_reply *reply)
{
    Stoa__Admin__V1__StatusRequest request = STOA__ADMIN__V1__STATUS_REQUEST__INIT;
    struct bus_dst dst = { .role = role, .instance = instance };

    if (ask_request(ask, &dst, &request.base, STATUS_MS, reply) != BUS_OK)
        return NULL;
    return (const void *)reply->body;
}

enum bus_code daemons_reload(struct ask *ask, const char *role, const char *instance)
{
    Stoa__Admin__V1__ReloadRequest request = STOA__ADMIN__V1__RELOAD_REQUEST__INIT;
    struct bus_dst dst = { .role = role, .instance = instance };
    struct ask_reply reply;
    enum bus_code code = ask_request(ask, &dst, &request.base, STATUS_MS, &reply);

    ask_reply_fini(&reply);
    return code;
}

const char *daemons_fault(const Stoa__Admin__V1__Status *s, const char *type)
{
    for (size_t i = 0; i < s->n_faults; i++)
        if (str_eq(s->faults[i]->type, type))
            return s->faults[i]->text;
    return NULL;
}

const Stoa__Admin__V1__CertificateInUse *daemons_cert(const Stoa__Admin__V1__Status *s,
                                                      const char *file)
{
    for (size_t i = 0; i < s->n_certificates; i++)
        if (str_eq(s->certificates[i]->file, file))
            return s->certificates[i];
    return NULL;
}
