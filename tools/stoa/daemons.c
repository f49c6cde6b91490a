/* SPDX-License-Identifier: Apache-2.0
 * Daemons over the bus. */
#include "daemons.h"

#include <errno.h>
#include <stdlib.h>

#include <base/mem.h>
#include <base/str.h>
#include <loop/clock.h>

enum { PEERS_MS = 1000, STATUS_MS = 2000, WAIT_MS = 10000, NOBODY_MS = 2000, LOOK_MS = 100 };

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

/* A bus tells its peers once: whoever asks later gets the list that is there. */
const struct daemons *daemons_live(struct ask *ask)
{
    struct daemons **slot = ask_daemons(ask);

    if (!*slot) {
        *slot = MEM_NEW(struct daemons);
        bus_peers_subscribe(ask_bus(ask), on_peer, *slot);
        (void)ask_wait(ask, PEERS_MS, is_there, *slot);
    }
    return *slot;
}

void daemons_find(struct ask *ask, struct daemons *out)
{
    const struct daemons *live = daemons_live(ask);

    out->count = live->count;
    for (size_t i = 0; i < live->count; i++) {
        out->row[i].role = str_dup(live->row[i].role);
        out->row[i].instance = str_dup(live->row[i].instance);
    }
}

void daemons_fini(struct daemons *d)
{
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

/* --- waiting for all of a role ---------------------------------------------------------------- */

static void reload_all(struct ask *ask, const char *role, const struct daemons *all)
{
    const char *instance;
    size_t it = 0;

    while ((instance = daemons_next(all, role, &it)))
        (void)daemons_reload(ask, role, instance);
}

/* One round. Returns how many there are; *verdict is the worst of theirs. */
static size_t judge_all(struct ask *ask, const char *role, const struct daemons *all,
                        daemons_judge_fn judge, void *arg, enum daemons_verdict *verdict)
{
    const char *instance;
    size_t it = 0, n = 0;

    *verdict = DAEMONS_DONE;
    while (*verdict != DAEMONS_REFUSED && (instance = daemons_next(all, role, &it))) {
        struct ask_reply reply;
        const Stoa__Admin__V1__Status *s = daemons_status(ask, role, instance, &reply);
        enum daemons_verdict one = s ? judge(s, arg) : DAEMONS_NOT_YET;

        if (one != DAEMONS_DONE)
            *verdict = one;
        ask_reply_fini(&reply);
        n++;
    }
    return n;
}

int daemons_wait(struct ask *ask, const char *role, bool reload, daemons_judge_fn judge, void *arg)
{
    int64_t begun_ms = loop_now_ms();
    enum daemons_verdict verdict;
    const struct daemons *all = daemons_live(ask);
    int err = 1;
    size_t n;

    if (reload)
        reload_all(ask, role, all);
    while (err > 0) {
        n = judge_all(ask, role, all, judge, arg, &verdict);
        if (n > 0 && verdict == DAEMONS_DONE)
            err = 0;
        else if (n > 0 && verdict == DAEMONS_REFUSED)
            err = -ECANCELED;
        else if (n == 0 && loop_now_ms() - begun_ms > NOBODY_MS)
            err = -ESRCH;
        else if (loop_now_ms() - begun_ms > WAIT_MS)
            err = -ETIMEDOUT;
        else
            (void)ask_wait(ask, LOOK_MS, NULL, NULL);
    }
    return err;
}
