/* SPDX-License-Identifier: Apache-2.0
 * webadmin: the REST API and the web administration of a site, over HTTPS. */
#include "webadmin.h"

#include <errno.h>
#include <stdlib.h>
#include <sysexits.h>

#include <daemon/cert.h>
#include <daemon/daemon.h>
#include <loop/timer.h>
#include <site/site.h>

#include "check.h"

enum { DRAIN_LOOK_MS = 50 };

/* Closing goes on after stop(), in the loop's last turns; so the state belongs to the process. */
static struct webadmin wa;
static struct loop_timer *drain_timer;

static void on_change(enum site_kind kind, const char *id, void *arg)
{
    struct webadmin *w = arg;

    (void)id;
    if (kind == SITE_KINDS)
        daemon_ready_changed(w->daemon);
}

static int start_site(struct daemon *d)
{
    static const char *const topics[] = { "site", "admin-secret", NULL };
    char *cache = conf_path(d->conf, "data", "webadmin");
    int err;

    wa.site = site_new(on_change, &wa);
    err = site_follow(wa.site, wa.bus, topics, cache);
    free(cache);
    return err;
}

static int start_server(struct daemon *d)
{
    struct str why = { 0 };
    int err;

    wa.port_name = str_eq(conf_site(d->conf), "edge") ? "edge-admin" : "admin";
    wa.cert_path = conf_path(d->conf, "pki", "webadmin.crt");
    wa.key_path = conf_path(d->conf, "pki", "webadmin.key");
    err = wa_server_start(&wa, conf_listen(d->conf, wa.port_name),
                          conf_port(d->conf, wa.port_name), &why);
    if (err == -EACCES && !wa.cert)
        err = daemon_fail(d, EX_DATAERR, "%s. Replace it and start again.", why.s);
    else if (err == -EADDRINUSE || err == -EACCES)
        err = daemon_fail_port(d, wa.port_name, err);
    else if (err)
        err = daemon_fail(d, EX_OSERR, "webadmin cannot start: %s.", why.s);
    str_fini(&why);
    return err;
}

static int start(struct daemon *d)
{
    int err;

    wa.daemon = d;
    d->user = &wa;
    wa.loop = d->loop;
    wa.bus = d->bus;
    wa.auth = auth_new(d->loop);
    err = start_site(d);
    return err ? err : start_server(d);
}

static bool ready(struct daemon *d)
{
    (void)d;
    return site_ready(wa.site);
}

static const char *waiting(struct daemon *d)
{
    (void)d;
    return "snapshot of config";
}

static void on_drain_look(void *arg)
{
    if (wa.open_requests > 0)
        return;
    loop_timer_free(&drain_timer);
    daemon_drained(arg);
}

/* Requests that have begun are answered. */
static void drain(struct daemon *d)
{
    wa.draining = true;
    wa_server_close(&wa);
    drain_timer = loop_timer_new(d->loop, on_drain_look, d);
    loop_timer_start(drain_timer, 0, DRAIN_LOOK_MS);
}

static void stop(struct daemon *d)
{
    (void)d;
    loop_timer_free(&drain_timer);
    wa_server_stop(&wa);
    auth_free(&wa.auth);
    site_free(&wa.site);
}

static void reload(struct daemon *d)
{
    (void)d;
    daemon_cert_reload(wa.cert);
}

static const struct daemon_def def = {
    .role = "webadmin",
    .summary = "REST API and web administration",
    .start = start,
    .ready = ready,
    .waiting = waiting,
    .drain = drain,
    .stop = stop,
    .reload = reload,
    .checks = wa_checks,
    .check_count = WA_CHECKS,
};

int main(int argc, char **argv)
{
    int code = daemon_main(argc, argv, &def);

    wa_server_free(&wa);
    return code;
}
