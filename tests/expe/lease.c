/* SPDX-License-Identifier: Apache-2.0 */
#include "lease.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <turn.pb-c.h>

static void on_lease(void *arg, const struct bus_result *r)
{
    struct lease *l = arg;
    const Stoa__Turn__V1__LeaseReply *reply = (const void *)r->body;

    l->done = true;
    if (!reply) {
        (void)fprintf(stderr, "no lease: %s\n", r->message);
        abort();
    }
    l->port = (uint16_t)reply->port;
    l->private_port = (uint16_t)reply->private_port;
}

static bool is_leased(void *arg)
{
    return ((struct lease *)arg)->done;
}

struct bus *lease_up(struct expefix *f, struct lease *l)
{
    struct bus *bus = busfix_serve(f->conf.bus_fix, "turn");
    Stoa__Turn__V1__LeaseRequest req = STOA__TURN__V1__LEASE_REQUEST__INIT;
    const struct bus_dst dst = { .role = "config" };
    const struct bus_req_opts opts = { .timeout_ms = 20000, .retry = true };
    char holder[300], host[256] = "", *addresses[] = { (char *)(uintptr_t) "127.0.0.1" };

    (void)gethostname(host, sizeof(host) - 1);
    (void)snprintf(holder, sizeof(holder), "%s/1", host);
    memset(l, 0, sizeof(*l));
    req.holder = holder;
    req.has_number = req.has_fixed = true;
    req.number = 1;
    req.n_addresses = req.n_public_addresses = 1;
    req.addresses = req.public_addresses = addresses;
    req.state = (char *)(uintptr_t) "serving";
    req.realm = (char *)(uintptr_t) "octavio.com";
    (void)bus_request(bus, &dst, &req.base, &opts, on_lease, l);
    if (!expefix_until(f, is_leased, l))
        abort();
    return bus;
}
