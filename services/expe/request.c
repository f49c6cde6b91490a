/* SPDX-License-Identifier: Apache-2.0
 * What an expc may ask of the edge: forget guests, and look at its own page from outside. */
#include "expe.h"

#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <log/log.h>
#include <turn.pb-c.h>
#include <zone.pb-c.h>

void expe_answer(struct expe_link *k, uint64_t id, const char *code, const char *text, int status)
{
    Stoa__Zone__V1__Answer a = STOA__ZONE__V1__ANSWER__INIT;
    uint8_t *packed;
    size_t len;
    int err;

    a.has_id = true;
    a.id = id;
    a.code = (char *)(uintptr_t)code;
    a.text = (char *)(uintptr_t)text;
    a.has_status = status > 0;
    a.status = (uint32_t)status;
    len = stoa__zone__v1__answer__get_packed_size(&a);
    packed = mem_zalloc(len + 1);
    (void)stoa__zone__v1__answer__pack(&a, packed);
    err = tunnel_link_answer(k->l, packed, len);
    (void)err; /* the link has ended: who asked knows */
    free(packed);
}

struct revoking {
    struct expe *e;
    const Stoa__Turn__V1__RevokeEvent *event;
};

static void tell_turn(void *arg, const char *instance)
{
    const struct revoking *r = arg;
    const struct bus_dst dst = { .role = "turn", .instance = instance };

    if (bus_send_event(r->e->daemon->bus, &dst, &r->event->base, NULL) && log_limit("revoke"))
        log_warning("turn instance %s: cannot be told of guests that are gone", instance);
}

static void on_revoke(struct expe_link *k, uint64_t id, const Stoa__Zone__V1__Revoke *r)
{
    Stoa__Turn__V1__RevokeEvent event = STOA__TURN__V1__REVOKE_EVENT__INIT;
    struct revoking all = { k->e, &event };

    if (r->n_ids > EXPE_REVOKE_LIST_MAX || r->n_expires_s > r->n_ids) {
        expe_answer(k, id, "malformed", "too many ids, or more times than ids", 0);
        return;
    }
    event.n_ids = r->n_ids;
    event.ids = r->ids;
    event.n_expires_s = r->n_expires_s;
    event.expires_s = r->expires_s;
    expe_turns_each(k->e, tell_turn, &all);
    expe_answer(k, id, "", "", 0);
}

/* Only zone connections ask; a link of one domain has streams and nothing else. */
void expe_request(struct expe_link *k, uint64_t id, const uint8_t *data, size_t len)
{
    Stoa__Zone__V1__Request *r = stoa__zone__v1__request__unpack(NULL, len, data);

    if (!r || k->domain || !k->up)
        expe_answer(k, id, "malformed", "not a request of a zone connection", 0);
    else if (r->revoke)
        on_revoke(k, id, r->revoke);
    else if (r->probe && r->probe->host)
        expe_probe_start(k, id, r->probe->host);
    else
        expe_answer(k, id, "unknown", "this version does not know the request", 0);
    if (r)
        stoa__zone__v1__request__free_unpacked(r, NULL);
}
