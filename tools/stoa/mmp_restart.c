/* SPDX-License-Identifier: Apache-2.0
 * Restarting a daemon without ending a call: it is told to drain, ends when its work has, and the
 * supervisor starts it again. */
#include <stdlib.h>

#include <calls.pb-c.h>

#include <daemon/client.h>
#include <loop/clock.h>

#include "daemons.h"
#include "mmp.h"

enum { BACK_MS = 20000, LOOK_MS = 100, ANSWER_MS = 3000, PATIENT_S = 86400 };

struct load {
    size_t calls, participants;
};

/* How much one callbridge has to do. Returns false when it does not say. */
static bool load_of(struct mmp *m, const char *role, const char *instance, struct load *load)
{
    Stoa__Calls__V1__ListCallsRequest request = STOA__CALLS__V1__LIST_CALLS_REQUEST__INIT;
    struct bus_dst dst = { .role = role, .instance = instance };
    struct ask_reply reply;
    bool known;

    *load = (struct load){ 0 };
    if (!str_eq(role, "callbridge"))
        return true; /* others have no calls */
    known = ask_request(m->ask, &dst, &request.base, ANSWER_MS, &reply) == BUS_OK;
    if (known) {
        const Stoa__Calls__V1__ListCallsReply *r = (const void *)reply.body;

        for (size_t i = 0; i < r->n_calls; i++) {
            load->calls += r->calls[i]->n_participants > 0;
            load->participants += r->calls[i]->n_participants;
        }
    }
    ask_reply_fini(&reply);
    return known;
}

/* Somebody must start it again. */
static bool is_supervised(struct mmp *m)
{
    char *path = conf_path(m->ctx->conf, "run", "run-1.sock"), *body = NULL;
    bool runs = daemon_client_get(path, "/health", ANSWER_MS, &body) >= 0;

    free(body);
    free(path);
    return runs;
}

static int drain(struct mmp *m, const char *role, const char *instance, unsigned deadline_s)
{
    Stoa__Admin__V1__DrainRequest request = STOA__ADMIN__V1__DRAIN_REQUEST__INIT;
    struct bus_dst dst = { .role = role, .instance = instance };
    struct ask_reply reply;
    int code = STOA_OK;

    request.has_deadline_s = deadline_s > 0;
    request.deadline_s = deadline_s;
    if (ask_request(m->ask, &dst, &request.base, ANSWER_MS, &reply) != BUS_OK)
        code = said_failure(&m->said, "%s does not answer: %s", role, reply.message);
    ask_reply_fini(&reply);
    return code;
}

/* True when a daemon of the role that was not there before is ready. */
static bool is_back(struct mmp *m, const struct daemons *all, const char *role,
                    const struct daemons *before)
{
    const char *instance, *old;
    bool back = false;
    size_t it = 0, at;

    while (!back && (instance = daemons_next(all, role, &it))) {
        struct ask_reply reply;
        const Stoa__Admin__V1__Status *s;

        for (at = 0; (old = daemons_next(before, role, &at));)
            if (str_eq(old, instance))
                break;
        if (old)
            continue;
        s = daemons_status(m->ask, role, instance, &reply);
        back = s && s->ready;
        ask_reply_fini(&reply);
    }
    return back;
}

/* Drains one that has nothing to do, and waits for the one that comes in its place. */
static int restart_one(struct mmp *m, const char *role, const char *instance)
{
    const struct daemons *now = daemons_live(m->ask);
    struct daemons before;
    int64_t until_ms;
    bool back = false;
    int code;

    daemons_find(m->ask, &before);
    code = drain(m, role, instance, 0);
    until_ms = loop_now_ms() + BACK_MS;
    while (code == STOA_OK && !back && loop_now_ms() < until_ms) {
        (void)ask_wait(m->ask, LOOK_MS, NULL, NULL);
        back = is_back(m, now, role, &before);
    }
    if (code == STOA_OK && !back)
        code = said_failure(&m->said, "%s has not come back after %d s; see 'stoa log --daemon %s'",
                            role, BACK_MS / 1000, role);
    daemons_fini(&before);
    return code;
}

static const char *plural(size_t n)
{
    return n == 1 ? "" : "s";
}

static int refuse_busy(struct mmp *m, const char *role, const struct load *load)
{
    return said_failure(&m->said,
                        "the only %s has %zu call%s with %zu participant%s, and nobody could join "
                        "while it waits for the end. Certificates and settings need no restart; "
                        "with a second one it would be possible: 'stoa run --%s 2'",
                        role, load->calls, plural(load->calls), load->participants,
                        plural(load->participants), role);
}

/* One with calls, where another one takes the new ones meanwhile. */
static int restart_busy(struct mmp *m, const char *role, const char *instance,
                        const struct load *load)
{
    int code = drain(m, role, instance, PATIENT_S);

    if (code == STOA_OK)
        said_success(&m->said, "one %s restarts when its %zu call%s ended; new ones go elsewhere",
                     role, load->calls, load->calls == 1 ? " has" : "s have");
    return code;
}

int mmp_restart(struct mmp *m, const char *role)
{
    struct daemons all;
    const char *instance;
    size_t it = 0, n = 0, restarted = 0;
    struct load load;
    int code = STOA_OK;

    if (!mmp_ask(m))
        return STOA_FAILED;
    daemons_find(m->ask, &all);
    while (daemons_next(&all, role, &it))
        n++;
    for (it = 0; code == STOA_OK && (instance = daemons_next(&all, role, &it));) {
        if (!load_of(m, role, instance, &load))
            code = said_failure(&m->said, "%s does not answer", role);
        else if (load.participants && n == 1)
            code = refuse_busy(m, role, &load);
        else if (!is_supervised(m))
            code = said_failure(&m->said,
                                "'stoa run' does not run here, so nobody would start %s again; "
                                "restart it with what runs it, for example 'systemctl restart "
                                "stoa-%s'", role, role);
        else if (load.participants)
            code = restart_busy(m, role, instance, &load);
        else if ((code = restart_one(m, role, instance)) == STOA_OK)
            restarted++;
    }
    daemons_fini(&all);
    if (code == STOA_OK && n == 0)
        code = said_failure(&m->said, "%s does not run", role);
    if (code == STOA_OK && restarted)
        said_success(&m->said, "%s restarted", role);
    return code;
}
