/* SPDX-License-Identifier: Apache-2.0
 * The life of allocations: how fast they come, what memory they hold, what strangers cost. Each
 * client has an address of its own in 127.16.0.0 and above. */
#include "turnload.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <base/mem.h>

#include "client.h"
#include "proc.h"

enum {
    NET_LIVES = 16,
    PIECE = 10000,          /* strangers between two looks at the server's memory */
    RETURN_MS = 15000,      /* how long memory may take to be given back */
    STILL_MS = 6000,        /* it does not change any more */
    LOOK_MS = 100,
};

struct lives {
    struct load *l;
    struct clients c;
    struct client *clients;
    struct job *jobs;
    unsigned n, addresses; /* handed out so far */
};

static void init(struct lives *v, struct load *l, unsigned n)
{
    *v = (struct lives){ .l = l, .n = n };
    v->c = (struct clients){ .wire = wire_new(false), .user = l->user, .password = l->password,
                             .outstanding = l->outstanding };
    v->clients = mem_calloc(n, sizeof(*v->clients));
    v->jobs = mem_calloc(n, sizeof(*v->jobs));
}

static void fini(struct lives *v)
{
    wire_free(&v->c.wire);
    free(v->clients);
    free(v->jobs);
}

/* Clients that the server has never seen. */
static void renew(struct lives *v)
{
    for (unsigned i = 0; i < v->n; i++)
        v->clients[i] = (struct client){ .path = { .local = client_address(NET_LIVES,
                                                                           v->addresses++),
                                                   .remote = v->l->server,
                                                   .port = v->l->port } };
}

static struct jobs_result all(struct lives *v, enum job_kind kind)
{
    for (unsigned i = 0; i < v->n; i++)
        v->jobs[i] = (struct job){ .client = &v->clients[i], .kind = kind };
    return jobs_run(&v->c, v->jobs, v->n);
}

static bool is_whole(const struct lives *v, const struct jobs_result *r, const char *what)
{
    if (r->done == v->n)
        return true;
    (void)fprintf(stderr, "turnload: %s: %u of %u done, %u refused (%u), %u unanswered\n", what,
                  r->done, v->n, r->failed, r->code, r->unanswered);
    return false;
}

/* --- allocations per second ------------------------------------------------------------------- */

struct pace {
    double seconds, cpu_s;
    unsigned done, repeats;
};

static bool timed(struct lives *v, enum job_kind kind, struct pace *p, const char *what)
{
    double cpu_s = load_server_cpu_s(v->l);
    struct jobs_result r = all(v, kind);

    p->cpu_s += load_server_cpu_s(v->l) - cpu_s;
    p->seconds += (double)r.ns * 1e-9;
    p->done += r.done;
    p->repeats += r.repeats;
    return is_whole(v, &r, what);
}

int lives_alloc(struct load *l)
{
    struct report *p = &l->report;
    struct pace come = { 0 }, go = { 0 };
    int64_t end_ns = now_ns() + (int64_t)(l->seconds * 1e9);
    struct lives v;
    bool good = true;

    init(&v, l, l->count);
    do {
        renew(&v);
        good = timed(&v, JOB_ALLOCATE, &come, "allocating") &&
               timed(&v, JOB_RELEASE, &go, "releasing");
    } while (good && now_ns() < end_ns);
    fini(&v);
    report_num(p, "outstanding", l->outstanding, 0);
    report_num(p, "allocations", come.done, 0);
    report_num(p, "repeats", come.repeats + go.repeats, 0);
    report_num(p, "alloc_per_s", come.done / MAX(come.seconds, 1e-9), 0);
    report_num(p, "release_per_s", go.done / MAX(go.seconds, 1e-9), 0);
    if (l->pid) {
        report_num(p, "server_cpu", come.cpu_s / MAX(come.seconds, 1e-9), 2);
        report_num(p, "cpu_us_per_alloc", come.cpu_s * 1e6 / MAX(come.done, 1u), 1);
        report_num(p, "cpu_us_per_release", go.cpu_s * 1e6 / MAX(go.done, 1u), 1);
    }
    report_num(p, "load", proc_load(), 2);
    report_print(p);
    return good ? 0 : 1;
}

/* --- memory ----------------------------------------------------------------------------------- */

/* Waits until memory is back at `goal_kib`, or does not change any more; returns what it is. */
static double settle(const struct load *l, double goal_kib)
{
    struct timespec step = { .tv_nsec = LOOK_MS * 1000000L };
    double rss = load_server_rss_kib(l);

    for (int ms = 0, still_ms = 0; rss > goal_kib && ms < RETURN_MS && still_ms < STILL_MS;
         ms += LOOK_MS, still_ms += LOOK_MS) {
        double before = rss;

        (void)nanosleep(&step, NULL);
        rss = load_server_rss_kib(l);
        if (rss < before)
            still_ms = 0;
    }
    return rss;
}

int lives_idle(struct load *l)
{
    struct report *p = &l->report;
    double before, held, after, kernel;
    struct lives v;
    struct jobs_result r;
    bool good;

    if (!l->pid) {
        (void)fprintf(stderr, "turnload: idle needs --pid\n");
        return 64;
    }
    init(&v, l, l->count);
    renew(&v);
    before = load_server_rss_kib(l);
    kernel = (double)proc_slab_kib();
    r = all(&v, JOB_ALLOCATE);
    good = is_whole(&v, &r, "allocating");
    held = load_server_rss_kib(l);
    kernel = (double)proc_slab_kib() - kernel;
    r = all(&v, JOB_RELEASE);
    good = good && is_whole(&v, &r, "releasing");
    after = settle(l, before);
    fini(&v);
    report_num(p, "allocations", l->count, 0);
    report_num(p, "rss_before_kib", before, 0);
    report_num(p, "rss_held_kib", held, 0);
    report_num(p, "rss_after_kib", after, 0);
    report_num(p, "kib_per_allocation", (held - before) / l->count, 2);
    report_num(p, "kernel_kib_per_allocation", kernel / l->count, 2);
    report_num(p, "returned_percent", 100 * (held - after) / MAX(held - before, 1), 0);
    report_print(p);
    return good ? 0 : 1;
}

int lives_strangers(struct load *l)
{
    struct report *p = &l->report;
    double before, held;
    unsigned sent = 0, answered = 0;
    struct lives v;

    init(&v, l, MIN(l->count, (unsigned)PIECE));
    before = held = load_server_rss_kib(l);
    while (sent < l->count && held - before <= (double)l->memory_kib) {
        struct jobs_result r;

        renew(&v);
        r = all(&v, JOB_STRANGER);
        sent += v.n;
        answered += r.done;
        held = load_server_rss_kib(l);
    }
    fini(&v);
    report_num(p, "sent", sent, 0);
    report_num(p, "answered", answered, 0);
    report_num(p, "rss_before_kib", before, 0);
    report_num(p, "rss_after_kib", held, 0);
    report_num(p, "growth_kib", held - before, 0);
    report_num(p, "bytes_per_request", (held - before) * 1024 / sent, 1);
    report_print(p);
    return answered > 0 ? 0 : 1;
}
