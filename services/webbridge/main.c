/* SPDX-License-Identifier: Apache-2.0
 * webbridge: HTTPS for the guest page, and its signalling over WebSockets. */
#include "webbridge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include <daemon/daemon.h>
#include <loop/clock.h>
#include <loop/timer.h>

#include "check.h"

enum { DRAIN_LOOK_MS = 50 };

/* Closing goes on after stop(), in the loop's last turns; so the state belongs to the process. */
static struct webbridge wb;
static struct loop_timer *drain_timer;
static const char *web_dir;

static int set_web(struct daemon *d, const char *value)
{
    (void)d;
    web_dir = value;
    return str_empty(value) ? -EINVAL : 0;
}

static int load_assets(struct daemon *d)
{
    const char *dir = web_dir != NULL ? web_dir : conf_get(d->conf, "WEB");
    if (dir == NULL)
        dir = STOA_GUEST_DIR;
    int err = wb_assets_load(&wb.assets, dir);
    if (err != 0)
        return daemon_fail(d, EX_CONFIG,
                           "The guest page cannot be read from %s: %s. Build it, or name its "
                           "folder with --web or STOA_WEB.", dir, strerror(-err));
    return 0;
}

static int start_server(struct daemon *d)
{
    char *cert = conf_path(d->conf, "pki", "webbridge.crt");
    char *key = conf_path(d->conf, "pki", "webbridge.key");
    char *ca = conf_path(d->conf, "pki", "ca.crt");
    const char *port = "https";
    struct str why = { 0 };
    struct wb_server_opts opts = {
        .listen = conf_listen(d->conf, "https"),
        .https_port = conf_port(d->conf, "https"),
        .http_port = conf_port(d->conf, "http"),
        .proxy_listen = conf_listen(d->conf, "proxy"),
        .proxy_port = conf_port(d->conf, "proxy"),
        .port_distance =
            (int)((conf_number(d->conf) - 1) * (unsigned)conf_port_row("https")->step),
        .cert_path = cert,
        .key_path = key,
        .ca_path = ca,
    };
    wb.listen_opts = opts;
    wb.listen_opts.cert_path = wb.listen_opts.key_path = NULL; /* freed below */
    wb.listen_opts.ca_path = NULL;
    int err = wb_server_start(&wb, &opts, &why);
    if (err == 0)
        err = wb_listen_start(&wb, &port, &why);
    if (err == -EACCES)
        err = daemon_fail(d, EX_DATAERR, "%s. Replace it and start again.", why.s);
    else if (err == -EADDRINUSE)
        err = daemon_fail_port(d, port, err);
    else if (err != 0)
        err = daemon_fail(d, EX_OSERR, "webbridge cannot start: %s.", why.s);
    str_fini(&why);
    free(cert);
    free(key);
    free(ca);
    return err;
}

/* Instances on one machine share the copy: all of them write the same rows, each file whole. */
static int start_config(struct daemon *d)
{
    char *cache = conf_path(d->conf, "data", "webbridge");
    int err = wb_config_start(&wb, cache);
    free(cache);
    return err;
}

static int start(struct daemon *d)
{
    d->user = &wb;
    wb.daemon = d;
    wb.loop = d->loop;
    wb.bus = d->bus;
    wb.names = wb_names_new();
    wb.outside = wb_names_new();
    wb.public_name = conf_get(d->conf, "NAME");
    wb.demo = str_eq(conf_get(d->conf, "DEMO"), "1");
    wb_metrics_start(&wb);
    int err = load_assets(d);
    if (err != 0)
        return err;
    char *trust = conf_path(d->conf, "pki", "webbridge.trust");
    wb_links_start(&wb, trust);
    free(trust);
    wb_sessions_start(&wb);
    err = start_config(d);
    if (err == 0)
        err = start_server(d);
    if (err == 0)
        wb_cert_watch_start(&wb);
    return err;
}

/* WebSockets close when their last request is answered; the page opens another at once. */
static void on_drain_look(void *arg)
{
    if (wb_sessions_drain(&wb) > 0)
        return;
    loop_timer_free(&drain_timer);
    daemon_drained(arg);
}

static void drain(struct daemon *d)
{
    wb.draining = true;
    wb_listen_apply(&wb);
    wb_welcome_update(&wb);
    drain_timer = loop_timer_new(d->loop, on_drain_look, d);
    loop_timer_start(drain_timer, 0, DRAIN_LOOK_MS);
}

static void stop(struct daemon *d)
{
    (void)d;
    loop_timer_free(&drain_timer);
    wb_cert_watch_stop(&wb);
    wb_config_stop(&wb);
    wb_links_stop(&wb);
    wb_sessions_stop(&wb);
    wb_server_stop(&wb);
}

static void reload(struct daemon *d)
{
    (void)d;
    wb_cert_reload(&wb);
}

static void bus_changed(struct daemon *d, bool up)
{
    (void)d;
    wb.bus_up_ms = up ? loop_now_ms() : 0;
    wb_welcome_update(&wb);
}

static const struct daemon_option options[] = {
    { "web", "DIR", "folder of the guest page (else STOA_WEB, else " STOA_GUEST_DIR ")", set_web },
};

static const struct daemon_def def = {
    .role = "webbridge",
    .summary = "HTTPS for the guest page, and its signalling",
    .options = options,
    .option_count = ARRAY_LEN(options),
    .checks = wb_checks,
    .check_count = ARRAY_LEN(wb_checks),
    .start = start,
    .drain = drain,
    .stop = stop,
    .reload = reload,
    .bus_changed = bus_changed,
};

int main(int argc, char **argv)
{
    int code = daemon_main(argc, argv, &def);
    wb_config_free(&wb);
    wb_server_free(&wb);
    wb_assets_free(wb.assets);
    wb_names_free(wb.names);
    wb_names_free(wb.outside);
    return code;
}
