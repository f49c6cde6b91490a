/* SPDX-License-Identifier: Apache-2.0
 * Answers what `/turnServers/<id>/status` asks: every address behind the server is tried at once,
 * as this callbridge uses it, with its user and password. */
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <base/str.h>
#include <evp/util.h>

#include "callbridge.h"
#include "turn.pb-c.h"
#include "turnprobe.h"

typedef Stoa__Turn__V1__ProbedHost host_msg;

struct asked;

/* One server on trial. */
struct trial {
    struct asked *asked;
    struct turns_server server; /* as it was when the question came */
    struct turnprobe *probe;
    host_msg msg;
    char address[ADDR_TEXT_MAX], mapped[ADDR_TEXT_MAX], relayed[ADDR_TEXT_MAX];
    char text[TURNPROBE_TEXT_SIZE];
};

/* A question that waits for its trials. */
struct asked {
    struct list node;
    struct callbridge *cb;
    struct bus_call *call;
    struct trial trials[TURNS_MAX];
    size_t n, left;
};

static void asked_free(struct asked *a)
{
    for (size_t i = 0; i < a->n; i++) {
        turnprobe_stop(&a->trials[i].probe);
        evp_wipe(&a->trials[i].server, sizeof(a->trials[i].server));
    }
    list_del(&a->node);
    a->cb->turns_asked--;
    free(a);
}

static void answer(struct asked *a)
{
    Stoa__Turn__V1__ProbeReply reply = STOA__TURN__V1__PROBE_REPLY__INIT;
    host_msg *ptrs[TURNS_MAX];

    for (size_t i = 0; i < a->n; i++)
        ptrs[i] = &a->trials[i].msg;
    reply.has_known = true;
    reply.known = true;
    reply.n_hosts = a->n;
    reply.hosts = ptrs;
    bus_reply(a->call, &reply.base);
    asked_free(a);
}

static void put_address(const struct addr *a, char text[ADDR_TEXT_MAX], char **ip,
                        protobuf_c_boolean *has_port, uint32_t *port)
{
    if (a->family == ADDR_NONE)
        return;
    *ip = (char *)(uintptr_t)addr_print_ip(a, text);
    *has_port = true;
    *port = a->port;
}

static void fill(struct trial *t, const struct turnprobe_result *r)
{
    const struct addr *to = r->tcp ? &t->server.tcp : &t->server.udp;
    host_msg *m = &t->msg;

    stoa__turn__v1__probed_host__init(m);
    put_address(to, t->address, &m->address, &m->has_port, &m->port);
    put_address(&r->mapped, t->mapped, &m->mapped_address, &m->has_mapped_port, &m->mapped_port);
    put_address(&r->relayed, t->relayed, &m->relayed_address, &m->has_relayed_port,
                &m->relayed_port);
    m->transport = (char *)(uintptr_t)(r->tcp ? "tcp" : "udp");
    m->has_reachable = m->has_success = m->has_round_trip_ms = m->has_relays = true;
    m->reachable = r->reachable;
    m->success = r->success;
    m->round_trip_ms = r->rtt_ms;
    m->relays = turnwatch_relays(t->asked->cb->turnwatch, t->server.id);
    if (!r->success) {
        m->failure = (char *)(uintptr_t)r->failure;
        (void)str_copy(t->text, sizeof(t->text), r->text);
        m->text = t->text;
    }
}

static void on_probed(void *arg, const struct turnprobe_result *r)
{
    struct trial *t = arg;
    struct asked *a = t->asked;

    t->probe = NULL;
    fill(t, r);
    turnwatch_probed(a->cb->turnwatch, t->server.id, r);
    if (--a->left == 0)
        answer(a);
}

static void try(struct trial *t)
{
    struct turnprobe_server to = {
        .udp = t->server.udp, .tcp = t->server.tcp, .username = t->server.username,
        .password = t->server.password,
    };

    t->probe = turnprobe_start(t->asked->cb->d->loop, &to, TURN_PROBE_MS, on_probed, t);
}

/* An instance that no row names has no user to try. */
static void answer_without_user(struct bus_call *call, const struct site_turn_instance *i)
{
    Stoa__Turn__V1__ProbeReply reply = STOA__TURN__V1__PROBE_REPLY__INIT;
    host_msg host = STOA__TURN__V1__PROBED_HOST__INIT, *ptr = &host;
    const char *list = i->servers ? i->servers : i->addresses;
    char address[ADDR_TEXT_MAX] = "";
    struct addr a;

    if (site_next_addr(&list, &a))
        (void)addr_print_ip(&a, address);
    reply.has_known = host.has_port = host.has_reachable = host.has_success = true;
    reply.known = true;
    reply.n_hosts = 1;
    reply.hosts = &ptr;
    host.address = address;
    host.port = i->port;
    host.transport = (char *)(uintptr_t) "udp";
    host.failure = (char *)(uintptr_t) "unauthorized";
    host.text = (char *)(uintptr_t) "no row of /turnServers names this instance: there is no user "
                                    "to try it with";
    bus_reply(call, &reply.base);
}

static void answer_nothing(struct callbridge *cb, struct bus_call *call, const char *id)
{
    const struct site_turn_instance *i = site_turn_instance(cb->site, id);
    Stoa__Turn__V1__ProbeReply reply = STOA__TURN__V1__PROBE_REPLY__INIT;

    if (i) {
        answer_without_user(call, i);
        return;
    }
    reply.has_known = true; /* a row that is there has no address yet, or no instance that is up */
    reply.known = site_turn_server(cb->site, id) != NULL;
    bus_reply(call, &reply.base);
}

void probe_request(void *arg, struct bus_call *call, const ProtobufCMessage *body)
{
    struct callbridge *cb = ((struct daemon *)arg)->user;
    const Stoa__Turn__V1__ProbeRequest *req = (const void *)body;
    const char *id = req->turn_server ? req->turn_server : "";
    struct asked *a;
    size_t n;
    const struct turns_server *list = turns_list(cb->turns, &n);

    if (cb->turns_asked >= TURN_ASKED_MAX) {
        bus_fail(call, BUS_UNAVAILABLE, true, "Too many TURN servers are being tried.");
        return;
    }
    a = MEM_NEW(struct asked);
    a->cb = cb;
    a->call = call;
    for (size_t i = 0; i < n; i++)
        if (str_eq(list[i].row, id) || str_eq(list[i].id, id)) {
            a->trials[a->n].asked = a;
            a->trials[a->n++].server = list[i];
        }
    if (a->n == 0) {
        free(a);
        answer_nothing(cb, call, id);
        return;
    }
    list_add_tail(&cb->turns_asking, &a->node);
    cb->turns_asked++;
    a->left = a->n;
    for (size_t i = 0; i < a->n; i++)
        try(&a->trials[i]);
}

void turnstatus_fini(struct callbridge *cb)
{
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &cb->turns_asking)
        asked_free(LIST_ENTRY(it, struct asked, node));
}
