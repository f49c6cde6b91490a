/* SPDX-License-Identifier: Apache-2.0
 * Packets through allocations. A client is 127.1.x.x, a peer 127.2.x.x, a hub 127.3.x.x. */
#include "turnload.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>

#include "client.h"
#include "proc.h"
#include "traffic.h"

enum { NET_CLIENT = 1, NET_PEER = 2, NET_HUB = 3, CHANNEL = 0x4000 };

struct relay {
    struct load *l;
    struct clients c;
    struct wire *near, *far; /* clients and hubs; peers */
    uint16_t near_port, far_port; /* network order */
    struct client *clients;  /* then the hubs */
    unsigned n_clients, n_hubs, n_flows;
    struct flow *flows;
};

static uint16_t port_of(const struct wire *w)
{
    struct sockaddr_in sa = { 0 };
    socklen_t len = sizeof(sa);

    if (getsockname(wire_fd(w), (struct sockaddr *)&sa, &len)) {
        perror("getsockname");
        exit(1);
    }
    return sa.sin_port;
}

static void init(struct relay *r, struct load *l, unsigned n_hubs)
{
    *r = (struct relay){ .l = l, .n_clients = l->clients, .n_hubs = n_hubs };
    r->near = wire_new(l->gro);
    r->far = wire_new(l->gro);
    r->c = (struct clients){ .wire = r->near, .user = l->user, .password = l->password,
                             .outstanding = l->outstanding };
    r->near_port = port_of(r->near);
    r->far_port = port_of(r->far);
    r->clients = mem_calloc(r->n_clients + n_hubs, sizeof(*r->clients));
    r->flows = mem_calloc(2 * (size_t)r->n_clients, sizeof(*r->flows));
    for (unsigned i = 0; i < r->n_clients + n_hubs; i++) {
        struct wire_path *p = &r->clients[i].path;

        p->local = i < r->n_clients ? client_address(NET_CLIENT, i)
                                    : client_address(NET_HUB, i - r->n_clients);
        p->remote = l->server;
        p->port = l->port;
    }
    if (MIN(wire_rcvbuf(r->near), wire_rcvbuf(r->far)) < 4 << 20)
        (void)fprintf(stderr, "turnload: WARNING: receive buffers of %u bytes alone; as root they "
                              "are larger\n", wire_rcvbuf(r->near));
}

static void fini(struct relay *r)
{
    free(r->flows);
    free(r->clients);
    wire_free(&r->near);
    wire_free(&r->far);
}

/* --- allocations and channels ----------------------------------------------------------------- */

static int ask(struct relay *r, struct job *jobs, unsigned n, const char *what)
{
    struct jobs_result done = jobs_run(&r->c, jobs, n);

    if (done.done == n)
        return 0;
    (void)fprintf(stderr, "turnload: %s: %u of %u done, %u refused (%u), %u unanswered\n", what,
                  done.done, n, done.failed, done.code, done.unanswered);
    return -1;
}

static int all_of_kind(struct relay *r, enum job_kind kind, const char *what)
{
    unsigned n = r->n_clients + r->n_hubs;
    struct job *jobs = mem_calloc(n, sizeof(*jobs));
    int err;

    for (unsigned i = 0; i < n; i++)
        jobs[i] = (struct job){ .client = &r->clients[i], .kind = kind };
    err = ask(r, jobs, n, what);
    free(jobs);
    return err;
}

/* The hub of a client, and the client's channel there. */
static struct client *hub_of(struct relay *r, unsigned i, uint16_t *channel)
{
    *channel = (uint16_t)(CHANNEL + i / r->n_hubs);
    return &r->clients[r->n_clients + i % r->n_hubs];
}

static int bind_all(struct relay *r)
{
    unsigned n = 0;
    struct job *jobs = mem_calloc(2 * (size_t)r->n_clients, sizeof(*jobs));
    int err;

    for (unsigned i = 0; i < r->n_clients; i++) {
        struct client *c = &r->clients[i], *hub;
        struct job *j = &jobs[n++];

        *j = (struct job){ .client = c, .kind = JOB_BIND, .channel = CHANNEL,
                           .peer = client_address(NET_PEER, i), .peer_port = r->far_port };
        if (r->n_hubs == 0)
            continue;
        hub = hub_of(r, i, &jobs[n].channel);
        j->peer = hub->relay;
        j->peer_port = hub->relay_port;
        j = &jobs[n++];
        j->client = hub;
        j->kind = JOB_BIND;
        j->peer = c->relay;
        j->peer_port = c->relay_port;
    }
    err = ask(r, jobs, n, "binding channels");
    free(jobs);
    return err;
}

/* --- flows ------------------------------------------------------------------------------------ */

static struct flow flow_of(struct traffic_end from, struct traffic_end to, bool source)
{
    return (struct flow){ .from = from, .to = to, .echo = -1, .source = source };
}

static void add_flows(struct relay *r, struct traffic_end a, struct traffic_end b, bool up,
                      bool down)
{
    r->flows[r->n_flows++] = flow_of(a, b, up);
    r->flows[r->n_flows++] = flow_of(b, a, down);
}

static void flows_to_peers(struct relay *r, bool up, bool down)
{
    for (unsigned i = 0; i < r->n_clients; i++) {
        struct client *c = &r->clients[i];
        struct traffic_end a = { .wire = r->near, .path = c->path, .channel = CHANNEL };
        struct traffic_end b = { .wire = r->far,
                                 .path = { .local = client_address(NET_PEER, i),
                                           .remote = c->relay,
                                           .port = c->relay_port } };

        add_flows(r, a, b, up, down);
    }
}

static void flows_to_hubs(struct relay *r)
{
    for (unsigned i = 0; i < r->n_clients; i++) {
        struct traffic_end a = { .wire = r->near, .path = r->clients[i].path, .channel = CHANNEL };
        struct traffic_end b = { .wire = r->near };

        b.path = hub_of(r, i, &b.channel)->path;
        add_flows(r, a, b, true, true);
    }
}

static void flows_direct(struct relay *r)
{
    for (unsigned i = 0; i < r->n_clients; i++) {
        uint32_t near = client_address(NET_CLIENT, i), far = client_address(NET_PEER, i);
        struct traffic_end a = { .wire = r->near,
                                 .path = { .local = near, .remote = far, .port = r->far_port } };
        struct traffic_end b = { .wire = r->far,
                                 .path = { .local = far, .remote = near, .port = r->near_port } };

        add_flows(r, a, b, true, false);
    }
}

/* --- measuring -------------------------------------------------------------------------------- */

static void print(struct relay *r, const struct traffic_result *t, double cpu_s, double busy_s)
{
    struct load *l = r->l;
    struct report *p = &l->report;
    double received = (double)t->received, foreign = busy_s - cpu_s - t->cpu_s;

    report_num(p, "size", l->size, 0);
    report_num(p, "clients", l->clients, 0);
    report_num(p, "burst", l->burst, 0);
    report_num(p, "seconds", t->seconds, 2);
    report_num(p, "sent", (double)t->sent, 0);
    report_num(p, "relayed", received, 0);
    report_num(p, "lost", (double)(t->sent - t->received - t->strayed), 0);
    report_num(p, "lost_percent", 100 * (1 - received / (double)MAX(t->sent, 1u)), 2);
    report_num(p, "strayed", (double)t->strayed, 0);
    report_num(p, "late", (double)t->late, 0);
    report_num(p, "wrong", (double)t->wrong, 0);
    report_num(p, "sink_drops", wire_drops(r->near) + wire_drops(r->far), 0);
    report_num(p, "pps", received / MAX(t->seconds, 1e-9), 0);
    report_num(p, "delay_median_us", t->delay_us[0], 0);
    report_num(p, "delay_p99_us", t->delay_us[1], 0);
    report_num(p, "delay_max_us", t->delay_us[2], 0);
    report_num(p, "own_cpu", t->cpu_s / t->seconds, 2);
    if (l->pid) {
        report_num(p, "server_cpu", cpu_s / t->seconds, 2);
        report_num(p, "cpu_s_per_mpkt", cpu_s * 1e6 / MAX(received, 1), 3);
        report_num(p, "pps_per_core", received / MAX(cpu_s, 0.01), 0);
        report_num(p, "foreign_cpu", MAX(foreign, 0) / t->seconds, 2);
    }
    report_num(p, "load", proc_load(), 2);
    report_print(p);
}

static int measure(struct relay *r)
{
    struct load *l = r->l;
    struct traffic_opts o = { .flows = r->flows, .n = r->n_flows, .size = l->size,
                              .burst = l->burst, .gso = l->gso && l->burst > 1, .rate = l->rate,
                              .window = l->window, .seconds = l->warm_up,
                              .spin = l->spin };
    struct traffic_result t;
    double cpu_s, busy_s;

    if (l->warm_up > 0)
        (void)traffic_run(&o);
    o.seconds = l->seconds;
    cpu_s = load_server_cpu_s(l);
    busy_s = (double)proc_busy_ms() / 1000;
    t = traffic_run(&o);
    busy_s = (double)proc_busy_ms() / 1000 - busy_s;
    print(r, &t, load_server_cpu_s(l) - cpu_s, busy_s);
    return t.received > 0 && t.wrong == 0 ? 0 : 1;
}

/* --- the modes -------------------------------------------------------------------------------- */

static int through_server(struct load *l, bool up, bool down, bool echo)
{
    struct relay r;
    int status = 1;

    init(&r, l, 0);
    if (all_of_kind(&r, JOB_ALLOCATE, "allocating") || bind_all(&r))
        goto out;
    flows_to_peers(&r, up, down);
    for (unsigned i = 0; echo && i < r.n_flows; i += 2)
        r.flows[i].echo = (int32_t)i + 1;
    status = measure(&r);
    if (all_of_kind(&r, JOB_RELEASE, "releasing"))
        status = 1;
out:
    fini(&r);
    return status;
}

int relay_up(struct load *l) { return through_server(l, true, false, false); }

int relay_down(struct load *l) { return through_server(l, false, true, false); }

int relay_echo(struct load *l)
{
    l->rate /= 2; /* the other half comes back */
    return through_server(l, true, false, true);
}

int relay_hairpin(struct load *l)
{
    struct relay r;
    int status = 1;

    init(&r, l, l->hubs);
    if (all_of_kind(&r, JOB_ALLOCATE, "allocating") || bind_all(&r))
        goto out;
    flows_to_hubs(&r);
    status = measure(&r);
    if (all_of_kind(&r, JOB_RELEASE, "releasing"))
        status = 1;
out:
    fini(&r);
    return status;
}

int relay_direct(struct load *l)
{
    struct relay r;
    int status;

    init(&r, l, 0);
    flows_direct(&r);
    status = measure(&r);
    fini(&r);
    return status;
}
